/** Parts as a table for people, as Markdown for docs/performance.md, and as JSON. */
import { type Figure, formatValue, isMet, type Part } from './figure.ts';
import { describeMachine, type Machine } from './machine.ts';

export interface Report {
  /** Day of the measurement, `2025-01-31`. */
  readonly date: string;
  readonly machine: Machine;
  /** Rounds that each median is made from. */
  readonly rounds: number;
  readonly parts: readonly Part[];
}

export function toText(report: Report): string {
  const lines = [headline(report)];
  for (const part of report.parts) {
    const rows = part.figures.map(cells);
    const widths = [0, 1, 2].map((i) => Math.max(0, ...rows.map((row) => row[i]!.length)));
    lines.push('', `${part.number}. ${part.title}`);
    for (const [what, value, goal, from] of rows)
      lines.push(
        `  ${what.padEnd(widths[0]!)}  ${value.padStart(widths[1]!)}  ${goal.padEnd(widths[2]!)}  ${from}`.trimEnd(),
      );
    for (const note of part.notes) lines.push(`  note: ${note}`);
  }
  return `${lines.join('\n')}\n`;
}

export function toMarkdown(report: Report): string {
  const lines = [headline(report), '', '| part | measured | value | goal | made from |', '|---|---|---:|---|---|'];
  for (const part of report.parts)
    for (const figure of part.figures)
      lines.push(
        `| ${[part.number, ...cells(figure)].map((cell) => `${cell}`.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll(
          '  ',
          ' ',
        ),
      );
  const notes = report.parts.flatMap((part) => part.notes.map((note) => `- ${part.number}: ${note}`));
  if (notes.length > 0) lines.push('', ...notes);
  return `${lines.join('\n')}\n`;
}

export function toJson(report: Report): string {
  const parts = report.parts.map((part) => ({
    ...part,
    figures: part.figures.map((figure) => ({ ...figure, met: isMet(figure) })),
  }));
  return `${JSON.stringify({ ...report, parts }, undefined, 2)}\n`;
}

function headline(report: Report): string {
  const { rounds } = report;
  return `Measured ${report.date}: ${describeMachine(report.machine)}; ${rounds} round${rounds === 1 ? '' : 's'}.`;
}

/** What was measured, its value, the goal with `met` or `missed`, what it was made from. */
function cells(figure: Figure): readonly [string, string, string, string] {
  const met = isMet(figure);
  const goal =
    met === undefined ? '' : `${met ? 'met' : 'missed'} (at most ${formatValue(figure.atMost, figure.unit)})`;
  return [figure.what, formatValue(figure.value, figure.unit), goal, figure.from ?? ''];
}
