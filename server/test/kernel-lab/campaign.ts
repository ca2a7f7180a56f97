/** A number of scripts, made from a seed, on the model and on the kernel. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import fc from 'fast-check';
import type { Operation } from '../../src/uffd/kernel/calls.ts';
import { Kernel } from '../../src/uffd/kernel/kernel.ts';
import { type Comparison, compare } from './compare.ts';
import type { Laboratory, Report } from './driver.ts';
import { scripts } from './generate.ts';

export interface ScriptRun {
  readonly number: number;
  readonly script: readonly Operation[];
  readonly report: Report;
  readonly comparison: Comparison;
}

/** The model of the kernel that runs here. */
export function runningKernel(): Kernel {
  const unprivileged = readFileSync('/proc/sys/vm/unprivileged_userfaultfd', 'utf8').trim() === '1';
  return new Kernel({ version: release(), unprivileged });
}

/** Script `number` of a seed is the same whatever the numbers around it, so a campaign can go on where it ended. */
export function scriptOf(kernel: Kernel, seed: number, number: number): Operation[] {
  return fc.sample(scripts(kernel), { seed: seedOf(seed, number), numRuns: 1 })[0]!;
}

export function seedOf(seed: number, number: number): number {
  return (Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0x85ebca6b)) | 0;
}

const AT_A_TIME = 8;

export async function* campaign(
  laboratory: Laboratory,
  kernel: Kernel,
  options: { readonly seed: number; readonly from: number; readonly count: number },
): AsyncGenerator<ScriptRun> {
  const running: Promise<ScriptRun>[] = [];
  let next = options.from;
  const start = async (number: number): Promise<ScriptRun> => {
    const script = scriptOf(kernel, options.seed, number);
    const report = await laboratory.run(script);
    return { number, script, report, comparison: compare(kernel, script, report) };
  };
  while (next < options.from + options.count || running.length > 0) {
    while (running.length < AT_A_TIME && next < options.from + options.count) running.push(start(next++));
    yield await running.shift()!;
  }
}
