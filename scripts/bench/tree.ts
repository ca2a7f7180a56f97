/** Part 3: a tree of 55,000 files, beside a search for the words and beside the least that Node needs to read it. */
import { resolve } from 'node:path';
import { MENTION_WORDS } from '../../server/src/analysis/analyse.ts';
import { KERNEL_TREE, kernelTree } from '../real-sources.ts';
import { bundle } from './bundle.ts';
import { type Figure, formatMs, type Part } from './figure.ts';
import { type Contestant, interleave } from './interleave.ts';
import type { Options } from './options.ts';
import { type Command, Failure, type Finished, run } from './process.ts';
import { ORDERLY, summaryOf, uffdLint } from './product.ts';
import { median, ratio } from './statistics.ts';

const TITLE = 'Large tree: the .c and .h files of the kernel';
const OURS = 'uffd-lint';
const RIPGREP = 'rg -l';
const SCAN = 'bare scan with two workers';
/** Goals: uffd-lint takes at most so many times as long. */
const MOST: Readonly<Record<string, number>> = { [RIPGREP]: 3, [SCAN]: 1.3 };

export async function tree({ rounds }: Options): Promise<Part> {
  const missing = kernelTree();
  if (missing !== undefined) return { number: 3, title: TITLE, figures: [], notes: [missing] };
  const cwd = resolve(KERNEL_TREE);
  const ours = uffdLint(['--format', 'json', '.'], cwd);
  const search = { command: 'rg', args: ['-l', 'userfaultfd|UFFD', '-g', '*.[ch]', '.'], cwd };
  const scan = { command: process.execPath, args: [await bundle('tree-scan'), ...MENTION_WORDS], cwd };
  const notes: string[] = [];
  const contestants: Contestant[] = [];
  // The first run of each fills the page cache and says what was done; it is not timed.
  const first = async (name: string, command: Command, accepted: readonly number[], tell: (f: Finished) => string) => {
    try {
      notes.push(`${name}: ${tell(await run(command, { accepted, keep: true }))}`);
      contestants.push({ name, measure: async () => (await run(command, { accepted })).ms });
    } catch (error) {
      if (!(error instanceof Failure && error.notInstalled)) throw error;
      notes.push(`${name} is skipped: not installed (Debian package ripgrep)`);
    }
  };
  await first(OURS, ours, ORDERLY, ({ stdout }) => {
    const { summary, findings } = summaryOf(stdout);
    return `${summary.files} files, ${summary.analysed} analysed, ${findings.length} findings`;
  });
  await first(RIPGREP, search, [0], ({ stdout }) => `${stdout.trim().split('\n').length} files match`);
  await first(SCAN, scan, [0], ({ stdout }) => `files read, with a word: ${stdout.trim()}`);
  const times = await interleave(contestants, rounds);
  const own = times.get(OURS)!;
  const figures: Figure[] = [{ what: OURS, value: median(own), unit: 'ms' }];
  for (const [name, atMost] of Object.entries(MOST)) {
    const theirs = times.get(name);
    if (theirs === undefined) continue;
    const from = `${formatMs(median(own))} over ${formatMs(median(theirs))}`;
    figures.push({ what: `${OURS} / ${name}`, value: ratio(own, theirs), unit: 'times', atMost, from });
  }
  return { number: 3, title: TITLE, figures, notes };
}
