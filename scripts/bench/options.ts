/** The options of the command. */
import { parseArgs } from 'node:util';

export const PART_NUMBERS = [1, 2, 3, 4, 5] as const;

export interface Options {
  /** Parts that run, in order. */
  readonly only: readonly number[];
  /** Rounds of each comparison. */
  readonly rounds: number;
  /** Seed of the generated programs. */
  readonly seed: number;
  /** Ten thousand edits too. */
  readonly long: boolean;
  readonly format: 'text' | 'markdown' | 'json';
}

export class UsageError extends Error {}

export const USAGE = `Usage: npm run bench -- [--only 1,3] [--runs N] [--seed S] [--long] [--json | --markdown]
  --only 1,3   1 whole process, 2 in process, 3 large tree, 4 growth, 5 editor (default: all)
  --runs N     rounds of each comparison (default 5)
  --seed S     seed of the generated programs (default 1)
  --long       10,000 edits in the editor too, and whether the server grows
  --json       the figures for programs
  --markdown   the table of docs/performance.md
`;

/** Throws a UsageError where the arguments are not understood. */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  if (values.json && values.markdown) throw new UsageError('--json and --markdown: choose one');
  const wanted = values.only.split(',').map((text) => wholeNumber('--only', text));
  const unknown = wanted.find((n) => !PART_NUMBERS.some((known) => known === n));
  if (unknown !== undefined) throw new UsageError(`--only ${unknown}: there is no such part`);
  return {
    only: PART_NUMBERS.filter((n) => wanted.includes(n)),
    rounds: wholeNumber('--runs', values.runs),
    seed: wholeNumber('--seed', values.seed),
    long: values.long,
    format: values.json ? 'json' : values.markdown ? 'markdown' : 'text',
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', default: PART_NUMBERS.join(',') },
        runs: { type: 'string', default: '5' },
        seed: { type: 'string', default: '1' },
        long: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        markdown: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${option} ${text}: give a whole number above 0`);
  return value;
}
