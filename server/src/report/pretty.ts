/** For a person at a terminal: the line in its surroundings, and the path that leads to it, step by step. */
import { styleText } from 'node:util';
import type { Finding, NotAnalysed, Severity } from '../rules/finding.ts';
import { plain, width } from './plain.ts';
import type { Positions, Range } from './positions.ts';

export interface PrettyOptions {
  readonly color: boolean;
}

type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;

const COLORS: Record<Severity, Style> = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  info: ['bold', 'blue'],
};

/** Units of a source line that are shown; longer lines are cut around what is marked. */
const LINE = 160;

export function toPretty(
  findings: readonly Finding[],
  notAnalysed: readonly NotAnalysed[],
  positions: Positions,
  options: PrettyOptions,
): string {
  // The caller decided about colours: this stream is not looked at again.
  const paint: Paint = (style, text) => (options.color ? styleText(style, text, { validateStream: false }) : text);
  const out: string[] = [];
  for (const f of findings) {
    const range = positions.range(f.location);
    const { start } = range;
    out.push(`${paint(COLORS[f.severity], f.severity)}${paint('bold', `: uffd/${f.ruleId}`)}`);
    const within = f.function === undefined ? '' : ` in ${plain(f.function)}()`;
    out.push(`  ${paint('cyan', '-->')} ${plain(f.location.file)}:${start.line}:${start.column}${within}`);
    out.push(...frame(f, range, positions, paint));
    out.push(...wrap(plain(f.message), 96).map((line) => `  ${line}`));
    if (f.condition !== undefined) out.push(`  only where ${plain(f.condition)}`);
    if (f.trace.length > 0) {
      out.push(paint('dim', '  how it gets there:'));
      for (const [i, step] of f.trace.entries()) {
        const at = positions.range(step.location).start;
        const number = paint('dim', `${String(i + 1).padStart(3)}.`);
        out.push(`  ${number} ${plain(step.location.file)}:${at.line}: ${plain(step.message)}`);
      }
    }
    out.push(paint('dim', `  more: uffd-lint rule ${f.ruleId} (docs/rules/${f.ruleId}.md)`), '');
  }
  for (const n of notAnalysed) out.push(`${paint('blue', 'note')}: ${toNote(n, positions)}`);
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

/** What was not analysed, in one line. */
export function toNote(n: NotAnalysed, positions: Positions): string {
  const line = n.location === undefined ? '' : `:${positions.range(n.location).start.line}`;
  const within = n.function === undefined ? '' : ` ${plain(n.function)}():`;
  return `${plain(n.file)}${line}:${within} ${plain(n.reason)}`;
}

/** The line of the finding between its neighbours, what is meant underlined. */
function frame(finding: Finding, { start, end }: Range, positions: Positions, paint: Paint): string[] {
  const index = positions.index(finding.location.file);
  if (index.text === '') return [];
  const last = Math.min(index.lineCount, start.line + 1);
  const digits = String(last).length;
  const from = Math.max(0, start.column - 1 - LINE / 2);
  const cut = (text: string) => {
    const from1 = text.length <= LINE ? 0 : from;
    return { from: from1, text: text.slice(from1, from1 + LINE) };
  };
  const show = (text: string) => plain(text.replaceAll('\t', '    '));
  const out: string[] = [];
  for (let n = Math.max(1, start.line - 1); n <= last; n++) {
    const whole = index.line(n);
    const part = cut(whole);
    out.push(`${paint('cyan', `${String(n).padStart(digits)} |`)} ${show(part.text)}`.trimEnd());
    if (n !== start.line) continue;
    const stop = end.line === start.line ? end.column - 1 : whole.length;
    const before = width(show(part.text.slice(0, start.column - 1 - part.from)));
    const marked = Math.max(1, width(show(part.text.slice(start.column - 1 - part.from, stop - part.from))));
    const underline = paint(COLORS[finding.severity], '^'.repeat(marked));
    out.push(`${paint('cyan', `${' '.repeat(digits)} |`)} ${' '.repeat(before)}${underline}`);
  }
  return out;
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines;
}
