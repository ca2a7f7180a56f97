/**
 * npm run bench -- [--only 1,3] [--runs N] [--seed S] [--long] [--json | --markdown]
 *
 * Measures uffd-lint beside other programs and beside itself on inputs of several sizes, and says which goals of
 * docs/performance.md are met. A missed goal is no failure: the exit code is 0, or 2 where something breaks.
 */

import { editor } from './editor.ts';
import type { Part } from './figure.ts';
import { growth } from './growth.ts';
import { describeMachine, thisMachine } from './machine.ts';
import { type Options, parseOptions, USAGE, UsageError } from './options.ts';
import { obstacle } from './product.ts';
import { type Report, toJson, toMarkdown, toText } from './report.ts';
import { tree } from './tree.ts';
import { warm } from './warm.ts';
import { wholeProcess } from './whole-process.ts';

const PARTS: Readonly<Record<number, (options: Options) => Promise<Part>>> = {
  1: wholeProcess,
  2: warm,
  3: tree,
  4: growth,
  5: editor,
};
const WRITERS = { text: toText, markdown: toMarkdown, json: toJson };

async function main(options: Options): Promise<void> {
  const problem = obstacle();
  if (problem !== undefined) throw new Error(problem);
  const machine = thisMachine();
  process.stderr.write(`${describeMachine(machine)}\n`);
  const parts: Part[] = [];
  for (const number of options.only) {
    process.stderr.write(`part ${number} …\n`);
    parts.push(await partOrProblem(number, options));
  }
  const date = new Date().toISOString().slice(0, 10);
  const report: Report = { date, machine, rounds: options.rounds, parts };
  process.stdout.write(WRITERS[options.format](report));
}

/** A part that breaks takes the figures of no other with it. */
async function partOrProblem(number: number, options: Options): Promise<Part> {
  try {
    return await PARTS[number]!(options);
  } catch (error) {
    process.exitCode = 2;
    return { number, title: 'broke', figures: [], notes: [(error as Error).message] };
  }
}

// What was started and made is ended and removed when the process exits.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(2));
try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n${error instanceof UsageError ? USAGE : ''}`);
  process.exitCode = 2;
}
