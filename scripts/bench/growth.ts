/** Part 4: generated trees of 1 to 1,000 kLOC: time and memory must grow with the size, and no faster. */
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { type Figure, formatMs, type Part } from './figure.ts';
import { emptyTree, type Tree, writeTree } from './generated-tree.ts';
import { interleave } from './interleave.ts';
import type { Options } from './options.ts';
import { Failure, run } from './process.ts';
import { ORDERLY, summaryOf, uffdLint } from './product.ts';
import { median } from './statistics.ts';
import { inTemporaryFolder } from './temporary.ts';
import { chosenPrograms, expectedFindings } from './uffd-programs.ts';

const TITLE = 'Growth: generated trees, one program that uses userfaultfd in every 1,000 lines';
/** Sizes in kLOC. Growth is measured from the second to the last, as the first holds one program only. */
const SIZES = [1, 10, 100, 1000] as const;
const FROM = 10;
const LATE = 100;
const TO = 1000;
/** Goals: time per line at the largest size over that at FROM; memory in MiB. */
const MOST_GROWTH = 1.2;
const MOST_MIB = 1024;
const LIMIT_MS = 15 * 60_000;
const MOST_ROUNDS = 3;
/** What takes longer is measured once. */
const ONCE_FROM_MS = 60_000;

export async function growth({ rounds, seed }: Options): Promise<Part> {
  const program = await bundle('peak-memory');
  return inTemporaryFolder((folder) => measure(folder, ['--require', program], Math.min(rounds, MOST_ROUNDS), seed));
}

async function measure(folder: string, flags: readonly string[], rounds: number, seed: number): Promise<Part> {
  const programs = chosenPrograms();
  const runs = new Runs(flags, (size) => expectedFindings(programs, size));
  const trees = [
    emptyTree(join(folder, 'empty')),
    ...SIZES.map((size) => writeTree(join(folder, `${size}`), size, programs, seed)),
  ];
  const times = await interleave(
    trees.map((tree) => ({ name: `${tree.size}`, measure: () => runs.lint(tree) })),
    rounds,
  );
  const ms = (size: number) => median(times.get(`${size}`)!);
  const perLine = new Map(trees.map(({ size, lines }) => [size, ((ms(size) - ms(0)) * 1000) / lines]));
  const figures: Figure[] = trees.slice(1).flatMap(({ size, lines }) => {
    const from = `${formatMs(ms(size))}, ${lines.toLocaleString('en')} lines, ${runs.findings.get(size) ?? 'no findings'}`;
    return [
      { what: `${size} kLOC: time`, value: orNothing(perLine.get(size)), unit: 'µs/line', from },
      { what: `${size} kLOC: memory`, value: runs.peaks.get(size), unit: 'MiB', atMost: MOST_MIB },
    ];
  });
  figures.push(growthOf(perLine, LATE, TO, runs), { ...growthOf(perLine, FROM, TO, runs), atMost: MOST_GROWTH });
  const notes = [`medians of at most ${rounds} rounds, without the time of a run on an empty file`, ...runs.notes];
  return { number: 4, title: TITLE, figures, notes };
}

/** How many times as long a line takes; nothing where a run looked at less than the other one. */
function growthOf(perLine: ReadonlyMap<number, number>, from: number, to: number, runs: Runs): Figure {
  const what = `time per line, ${to} / ${from} kLOC`;
  if (runs.isIncomplete(from) || runs.isIncomplete(to))
    return { what, value: undefined, unit: 'times', from: 'findings are missing: it was not the same work' };
  return { what, value: orNothing(perLine.get(to)! / perLine.get(from)!), unit: 'times' };
}

/** Runs of the command on trees, and what is to be told of them. */
class Runs {
  /** MiB by size. */
  readonly peaks = new Map<number, number>();
  /** How many of how many findings, by size. */
  readonly findings = new Map<number, string>();
  readonly notes = new Set<string>();
  private readonly incomplete = new Set<number>();
  /** Milliseconds by size of what is not measured again. */
  private readonly once = new Map<number, number>();
  private readonly flags: readonly string[];
  private readonly expected: (size: number) => number;

  constructor(flags: readonly string[], expected: (size: number) => number) {
    this.flags = flags;
    this.expected = expected;
  }

  /** Milliseconds of a run; NaN where it did not come to an end. */
  async lint({ size, folder }: Tree): Promise<number> {
    const known = this.once.get(size);
    if (known !== undefined) return known;
    let ms = Number.NaN;
    try {
      const command = uffdLint(['--format', 'json', '.'], folder, this.flags);
      const finished = await run(command, { accepted: ORDERLY, limitMs: LIMIT_MS, keep: true });
      ms = finished.ms;
      this.peaks.set(size, Math.max(this.peaks.get(size) ?? 0, Number(finished.extra) / 1024));
      this.count(size, summaryOf(finished.stdout).findings.length);
      if (ms > ONCE_FROM_MS) this.notes.add(`${size} kLOC: measured once`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.notes.add(`${size} kLOC: ${error.message}`);
    }
    if (!(ms <= ONCE_FROM_MS)) this.once.set(size, ms);
    return ms;
  }

  isIncomplete(size: number): boolean {
    return this.incomplete.has(size);
  }

  private count(size: number, found: number): void {
    const expected = this.expected(size);
    this.findings.set(size, `${found} of ${expected} findings`);
    if (found < expected) this.incomplete.add(size);
    if (found > expected) this.notes.add(`${size} kLOC: more findings than the fixtures ask for`);
  }
}

function orNothing(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : value;
}
