/** The smallest script that still disagrees: fast-check shrinks the numbers it was made from, then steps and calls go. */
import fc from 'fast-check';
import type { Operation } from '../../src/uffd/kernel/calls.ts';
import type { Kernel } from '../../src/uffd/kernel/kernel.ts';
import { type ScriptRun, seedOf } from './campaign.ts';
import { compare } from './compare.ts';
import type { Laboratory, Report } from './driver.ts';
import { scripts } from './generate.ts';

export interface Disagreement {
  readonly script: readonly Operation[];
  readonly report: Report;
  readonly step: number;
  readonly kernel: string;
  readonly model: readonly string[];
}

/** A race shows itself now and then only. */
const TRIES = 3;
/** What is left after these goes step by step, which is faster. */
const MOST_SHRINKS = 60;

/** Up to the step on which they part. */
export function disagreementIn(run: Omit<ScriptRun, 'number'>): Disagreement | undefined {
  const { disagreement } = run.comparison;
  if (disagreement === undefined) return undefined;
  const steps = disagreement.step + 1;
  return { ...disagreement, script: run.script.slice(0, steps), report: run.report.slice(0, steps) };
}

async function disagreementOf(
  laboratory: Laboratory,
  kernel: Kernel,
  script: readonly Operation[],
): Promise<Disagreement | undefined> {
  for (let i = 0; i < TRIES; i++) {
    const report = await laboratory.run(script);
    const found = disagreementIn({ script, report, comparison: compare(kernel, script, report) });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Starts from script `number` of the seed. */
export async function shrink(
  laboratory: Laboratory,
  kernel: Kernel,
  seed: number,
  number: number,
): Promise<Disagreement | undefined> {
  let smallest: Disagreement | undefined;
  let left = MOST_SHRINKS;
  const property = fc.asyncProperty(scripts(kernel), async (script) => {
    if (left-- <= 0) return;
    const found = await disagreementOf(laboratory, kernel, script);
    if (found === undefined) return;
    if (smallest === undefined || found.script.length <= smallest.script.length) smallest = found;
    throw new Error('they disagree');
  });
  await fc.check(property, { seed: seedOf(seed, number), numRuns: 1 });
  return smallest === undefined ? undefined : withoutNeedless(laboratory, kernel, smallest);
}

/** Every step and every second call whose removal leaves a disagreement is removed. */
async function withoutNeedless(laboratory: Laboratory, kernel: Kernel, start: Disagreement): Promise<Disagreement> {
  let smallest = start;
  for (let again = true; again; ) {
    again = false;
    for (const candidate of smaller(smallest.script)) {
      const found = await disagreementOf(laboratory, kernel, candidate);
      if (found === undefined) continue;
      smallest = found;
      again = true;
      break;
    }
  }
  return smallest;
}

function* smaller(script: readonly Operation[]): Generator<Operation[]> {
  for (let i = script.length - 1; i >= 0; i--) yield script.filter((_, k) => k !== i);
  for (const [i, operation] of script.entries()) {
    for (const simpler of simplerOperations(operation)) yield script.map((o, k) => (k === i ? simpler : o));
  }
}

function* simplerOperations(operation: Operation): Generator<Operation> {
  if (operation.task === undefined) return;
  const { task, calls, beside } = operation;
  if (beside !== undefined) {
    yield { task, calls };
    yield beside;
  }
  if (calls.length < 2) return;
  for (let c = 0; c < calls.length; c++) yield { ...operation, calls: calls.filter((_, k) => k !== c) };
}
