/** Part 1: one file of about 2,000 lines, whole processes, beside what other people run on it. */
import { type Figure, formatMs, type Part } from './figure.ts';
import { type Contestant, interleave } from './interleave.ts';
import type { Options } from './options.ts';
import { type Command, Failure, run } from './process.ts';
import { ORDERLY, SELFTEST, SOURCES, selftestMissing, uffdLint } from './product.ts';
import { median, ratio } from './statistics.ts';
import { inTemporaryFolder } from './temporary.ts';

const TITLE = `Whole process: ${SELFTEST}`;
const OURS = 'uffd-lint';
const AGAIN = 'uffd-lint --cache, run again';

const OTHERS: readonly (Omit<Command, 'cwd'> & { readonly name: string })[] = [
  { name: 'node -e 0', command: process.execPath, args: ['-e', '0'] },
  { name: 'gcc -fsyntax-only', command: 'gcc', args: ['-fsyntax-only', SELFTEST] },
  {
    name: 'gcc -O1 -fanalyzer',
    command: 'gcc',
    args: ['-O1', '-fanalyzer', '-c', '-o', '/dev/null', SELFTEST],
  },
  { name: 'clang --analyze', command: 'clang', args: ['--analyze', '-o', '/dev/null', SELFTEST] },
  // It reads no system headers, and without this number the file is empty to it.
  { name: 'cppcheck', command: 'cppcheck', args: ['-q', '-D__NR_userfaultfd=323', SELFTEST] },
];

export async function wholeProcess(options: Options): Promise<Part> {
  const missing = selftestMissing();
  if (missing !== undefined) return { number: 1, title: TITLE, figures: [], notes: [missing] };
  return inTemporaryFolder((cache) => compare(options, cache));
}

async function compare({ rounds }: Options, cache: string): Promise<Part> {
  const ours = uffdLint(['--format', 'json', SELFTEST], SOURCES);
  const again = uffdLint(['--format', 'json', '--cache', cache, SELFTEST], SOURCES);
  const contestants: Contestant[] = [
    { name: OURS, measure: async () => (await run(ours, { accepted: ORDERLY })).ms },
    { name: AGAIN, measure: async () => (await run(again, { accepted: ORDERLY })).ms },
  ];
  const notes: string[] = [];
  await run(again, { accepted: ORDERLY });
  for (const { name, ...command } of OTHERS) {
    const measure = async () => (await run({ ...command, cwd: SOURCES })).ms;
    try {
      await measure();
      contestants.push({ name, measure });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      notes.push(`${name} is skipped: ${error.message}`);
    }
  }
  const times = await interleave(contestants, rounds);
  const figures: Figure[] = [];
  for (const ourName of [OURS, AGAIN]) {
    const own = times.get(ourName)!;
    figures.push({ what: ourName, value: median(own), unit: 'ms' });
    for (const [name, theirs] of times) {
      if (name === OURS || name === AGAIN) continue;
      const from = `${formatMs(median(own))} over ${formatMs(median(theirs))}`;
      figures.push({ what: `${ourName} / ${name}`, value: ratio(own, theirs), unit: 'times', from });
    }
  }
  return { number: 1, title: TITLE, figures, notes };
}
