/** Follows a report through the model: the set of states that agree with all that was observed so far. */
import type { Operation } from '../../src/uffd/kernel/calls.ts';
import { describeOutcome, type Kernel, type Outcome } from '../../src/uffd/kernel/kernel.ts';
import { type State, stateKey } from '../../src/uffd/kernel/state.ts';
import { OutsideModel } from '../../src/uffd/kernel/world.ts';
import type { Report } from './driver.ts';

export interface Comparison {
  /** Steps on which model and kernel agree. */
  readonly agreed: number;
  /** Where they part: what the kernel did, and all that the model allows. */
  readonly disagreement:
    | { readonly step: number; readonly kernel: string; readonly model: readonly string[] }
    | undefined;
  /** Why the comparison ended early without a disagreement. */
  readonly left: string | undefined;
  readonly steps: readonly AgreedStep[];
}

export interface AgreedStep {
  /** How many observations the model allowed. */
  readonly allowed: number;
  /** One of the states that agreed before, and one of the outcomes that agree. */
  readonly before: State;
  readonly outcome: Outcome;
}

/** More states than this, and what the model says is worth nothing. */
const MOST_STATES = 256;

export function compare(kernel: Kernel, script: readonly Operation[], report: Report): Comparison {
  let states: State[] = [kernel.boot()];
  const steps: AgreedStep[] = [];
  for (const [step, operation] of script.entries()) {
    const seen = report[step] ?? 'nothing';
    const allowed = new Set<string>();
    const agreeing = new Map<string, Outcome>();
    try {
      for (const state of states) {
        for (const outcome of kernel.outcomes(state, operation)) {
          const described = describeOutcome(outcome);
          allowed.add(described);
          if (described === seen) agreeing.set(stateKey(outcome.state), outcome);
        }
      }
    } catch (error) {
      if (!(error instanceof OutsideModel)) throw error;
      return { agreed: step, disagreement: undefined, left: error.message, steps };
    }
    if (agreeing.size === 0)
      return { agreed: step, disagreement: { step, kernel: seen, model: [...allowed] }, left: undefined, steps };
    if (agreeing.size > MOST_STATES) return { agreed: step, disagreement: undefined, left: 'too many states', steps };
    const outcomes = [...agreeing.values()];
    steps.push({ allowed: allowed.size, before: states[0]!, outcome: outcomes[0]! });
    states = outcomes.map((o) => o.state);
  }
  return { agreed: script.length, disagreement: undefined, left: undefined, steps };
}
