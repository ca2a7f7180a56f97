/** For a person at a terminal: the line in its surroundings, and the path that leads to it, step by step. */
import { styleText } from 'node:util';
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import type { Positions } from './positions.ts';

export interface PrettyOptions {
  readonly color: boolean;
}

type Style = Parameters<typeof styleText>[0];

export function toPretty(
  findings: readonly Finding[],
  notAnalysed: readonly NotAnalysed[],
  positions: Positions,
  options: PrettyOptions,
): string {
  const paint = (style: Style, text: string) => (options.color ? styleText(style, text) : text);
  const out: string[] = [];
  for (const f of findings) {
    const { start, end } = positions.range(f.location);
    const color: Style =
      f.severity === 'error' ? ['bold', 'red'] : f.severity === 'warning' ? ['bold', 'yellow'] : ['bold', 'blue'];
    out.push(`${paint(color, f.severity)}${paint('bold', `: uffd/${f.ruleId}`)}`);
    out.push(
      `  ${paint('cyan', '-->')} ${f.location.file}:${start.line}:${start.column}${f.function === undefined ? '' : ` in ${f.function}()`}`,
    );
    const index = positions.index(f.location.file);
    const width = String(start.line + 1).length;
    for (let n = Math.max(1, start.line - 1); n <= Math.min(index.lineCount, start.line + 1); n++) {
      const text = index.line(n);
      out.push(`${paint('cyan', `${String(n).padStart(width)} |`)} ${text.replaceAll('\t', '    ')}`);
      if (n === start.line) {
        const before = text.slice(0, start.column - 1).replaceAll('\t', '    ').length;
        const last = end.line === start.line ? end.column - 1 : text.length;
        const marked = Math.max(1, text.slice(start.column - 1, last).replaceAll('\t', '    ').length);
        out.push(`${paint('cyan', `${' '.repeat(width)} |`)} ${' '.repeat(before)}${paint(color, '^'.repeat(marked))}`);
      }
    }
    out.push(...wrap(f.message, 96).map((line) => `  ${line}`));
    if (f.trace.length > 0) {
      out.push(paint('dim', '  how it gets there:'));
      for (const [i, step] of f.trace.entries()) {
        const at = positions.range(step.location).start;
        out.push(
          `  ${paint('dim', `${String(i + 1).padStart(3)}.`)} ${step.location.file}:${at.line}: ${step.message}`,
        );
      }
    }
    out.push(paint('dim', `  more: uffd-lint rule ${f.ruleId}`), '');
  }
  for (const n of notAnalysed) {
    out.push(`${paint('blue', 'note')}: ${n.file}${n.function === undefined ? '' : `: ${n.function}()`}: ${n.reason}`);
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines;
}
