/** How the benchmarks start what they measure, and what they measure it on. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CACHE, kernelSelftests } from '../real-sources.ts';
import type { Command } from './process.ts';

const LINT = resolve('bin/uffd-lint.cjs');

/** Statuses of a run that did what it should: no findings, findings. */
export const ORDERLY = [0, 1] as const;

/** The kernel's own test of userfaultfd, 1,878 lines, as seen from the cache. */
export const SELFTEST = 'selftests/vm/userfaultfd.c';
export const SOURCES = resolve(CACHE);

/** What must be there before anything is measured; undefined where all is. */
export function obstacle(): string | undefined {
  return existsSync('dist/cli.cjs') ? undefined : 'dist/cli.cjs is missing: run `npm run build` first';
}

/** Why there is no selftest, or nothing. */
export function selftestMissing(): string | undefined {
  return kernelSelftests();
}

/** `flags` go to Node, `args` to the command. */
export function uffdLint(args: readonly string[], cwd: string, flags: readonly string[] = []): Command {
  return { command: process.execPath, args: [...flags, LINT, ...args], cwd };
}

/** The part of a JSON report that tells whether a run did its work. */
export interface Summary {
  readonly findings: readonly unknown[];
  readonly summary: { readonly files: number; readonly analysed: number };
}

export function summaryOf(json: string): Summary {
  return JSON.parse(json) as Summary;
}
