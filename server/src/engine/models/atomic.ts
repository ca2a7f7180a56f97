/** Atomic operations: what moves is what plain loads and stores would move. */
import { storeTo } from '../assign.ts';
import { type ModelCall, setResult } from '../call.ts';
import { loadLocation } from '../evaluate.ts';
import { checkLost } from '../observe.ts';
import type { State } from '../state.ts';
import { constant, join, type Location, objectsOf, UNKNOWN, type Value } from '../value.ts';

function target(call: ModelCall): Location[] {
  return (call.values[0]?.references ?? []).flatMap((r) => (r.kind === 'location' ? [r.location] : []));
}

function loaded(call: ModelCall, state: State): Value {
  const values = target(call).map((l) => loadLocation(call.ctx, state, l));
  return values.length === 0 ? UNKNOWN : values.reduce((a, b) => join(a, b));
}

export function atomicStoreModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  storeTo(ctx, state, target(call), call.values[1] ?? constant(0), instruction.span);
  setResult(ctx, state, instruction, UNKNOWN);
  return [state];
}

export function atomicLoadModel(call: ModelCall, state: State): State[] {
  setResult(call.ctx, state, call.instruction, loaded(call, state));
  return [state];
}

/** What was there is in the result, or lost where nobody takes it. */
export function atomicExchangeModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const before = loaded(call, state);
  setResult(ctx, state, instruction, before);
  storeTo(ctx, state, target(call), call.values[1] ?? UNKNOWN, instruction.span);
  if (instruction.result === undefined) {
    checkLost(ctx, state, objectsOf(before), { how: 'overwritten', span: instruction.span });
  }
  return [state];
}
