/** Part 2: the same file in a process that is warm, beside the raw parse, with each parser in a process of its own. */
import { bundle } from './bundle.ts';
import { type Figure, formatMs, type Part } from './figure.ts';
import type { Options } from './options.ts';
import { Failure, run } from './process.ts';
import { SELFTEST, SOURCES, selftestMissing } from './product.ts';
import { median, ratio } from './statistics.ts';
import type { WarmTimes } from './warm-child.ts';

const TITLE = `In process, warm, no cache: ${SELFTEST}`;
/** Goals: the whole, and the whole without tree-sitter's own work, as multiples of the raw parse. */
const MOST_WITH_PARSE = 4;
const MOST_WITHOUT_PARSE = 2;
const LIMIT_MS = 10 * 60_000;

export async function warm({ rounds }: Options): Promise<Part> {
  const missing = selftestMissing();
  if (missing !== undefined) return { number: 2, title: TITLE, figures: [], notes: [missing] };
  const program = await bundle('warm-child');
  const figures: Figure[] = [];
  const notes: string[] = [];
  for (const parser of ['native', 'wasm']) {
    try {
      const command = process.execPath;
      const args = [program, SELFTEST, `${rounds}`];
      const child = { command, args, cwd: SOURCES, env: { UFFD_LINT_PARSER: parser } };
      const { stdout } = await run(child, { limitMs: LIMIT_MS, keep: true });
      const times = JSON.parse(stdout) as WarmTimes;
      figures.push(...figuresOf(times));
      notes.push(`${parser}: phases ${phasesOf(times)}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      notes.push(`the ${parser} parser is skipped: ${error.message}`);
    }
  }
  return { number: 2, title: TITLE, figures, notes };
}

function figuresOf({ parser, raw, whole, parsing }: WarmTimes): Figure[] {
  const rest = whole.map((ms, i) => ms - parsing[i]!);
  const over = `over ${formatMs(median(raw))}`;
  return [
    {
      what: `${parser}: mask + parse + analysis / raw parse`,
      value: ratio(whole, raw),
      unit: 'times',
      atMost: MOST_WITH_PARSE,
      from: `${formatMs(median(whole))} ${over}`,
    },
    {
      what: `${parser}: mask + analysis / raw parse`,
      value: ratio(rest, raw),
      unit: 'times',
      atMost: MOST_WITHOUT_PARSE,
      from: `${formatMs(median(rest))} ${over}`,
    },
  ];
}

function phasesOf({ phases }: WarmTimes): string {
  return Object.entries(phases)
    .map(([name, values]) => `${name} ${formatMs(median(values))}`)
    .join(', ');
}
