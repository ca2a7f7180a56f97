/**
 * epoll(7): a set gives back what was registered with a descriptor. Who waits for it finds in `event.data` one of the
 * values that stood there in some epoll_ctl(), of whatever thread.
 */
import { isAlone } from '../assign.ts';
import { type ModelCall, setResult } from '../call.ts';
import { union } from '../collections.ts';
import { type Context, objectId } from '../context.ts';
import { loadLocation } from '../evaluate.ts';
import { letEscape } from '../observe.ts';
import type { State } from '../state.ts';
import {
  constant,
  interval,
  join,
  type Location,
  numberSet,
  numeric,
  pointerTo,
  type Value,
  withNumber,
} from '../value.ts';
import { notePoll } from './read.ts';

const DATA = '.data';

/** epoll_create(): the number leads to what the set holds, as a pointer leads to memory. */
export function epollCreateModel(call: ModelCall, state: State): State[] {
  const base = objectId(call.ctx, 'epoll', call.instruction.span);
  setResult(call.ctx, state, call.instruction, withNumber(pointerTo(base, ''), numberSet([-1])));
  return [state];
}

/** The sets that a descriptor may be of; undefined where it may be one that is not known. */
function setsOf(epoll: Value | undefined): readonly Location[] | undefined {
  if (epoll === undefined || epoll.any || epoll.references.length === 0) return undefined;
  return epoll.references.flatMap((r) =>
    r.kind === 'location' && r.location.base.startsWith('epoll:') ? [r.location] : [],
  );
}

/** epoll_ctl(): owns nothing itself; what stands in `event->data` is held by the set when it succeeds. */
export function epollCtlModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const failed = state.clone();
  setResult(ctx, failed, instruction, constant(-1));
  const sets = setsOf(call.values[0]);
  for (const r of call.values[3]?.references ?? []) {
    if (r.kind !== 'location') continue;
    const registered = state.memory.below(r.location).filter(([suffix]) => suffix.startsWith(DATA));
    if (sets === undefined) {
      const data = registered.map(([, value]) => value);
      state.change({ kept: union(state.situation.kept, state.reach(data).bases) });
      letEscape(ctx, state, data, instruction.span);
      continue;
    }
    for (const { base } of sets) for (const [path, value] of registered) register(call, state, { base, path }, value);
  }
  setResult(ctx, state, instruction, constant(0));
  return [state, failed];
}

function register({ ctx }: ModelCall, state: State, at: Location, value: Value): void {
  const old = state.memory.load(at);
  state.memory.store(at, old === undefined ? value : join(old, value));
  ctx.facts.noteStore(ctx.root, at, value, isAlone(ctx, state));
}

/** epoll_wait(): events of any of the descriptors. */
export function epollWaitModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  notePoll(call);
  const sets = setsOf(call.values[0]);
  for (const r of call.values[1]?.references ?? []) {
    if (r.kind !== 'location') continue;
    const array = { base: r.location.base, path: r.location.path.replace(/\[\d+\]$/, '') };
    if (!state.memory.isStrong(array)) continue;
    state.memory.forget(array);
    if (sets === undefined) continue;
    const events = array.path === r.location.path ? array : { base: array.base, path: `${array.path}[*]` };
    for (const [path, value] of dataOf(ctx, state, sets))
      state.memory.store({ base: events.base, path: events.path + path }, value);
  }
  setResult(ctx, state, instruction, numeric(interval(-1, Infinity)));
  return [state];
}

/** By the member of `event.data`, what was registered with the sets. */
function dataOf(ctx: Context, state: State, sets: readonly Location[]): ReadonlyMap<string, Value> {
  const data = new Map<string, Value>();
  for (const { base } of sets)
    for (const path of state.memory.cellsOf(base).values.keys()) {
      const value = loadLocation(ctx, state, { base, path });
      const known = data.get(path);
      data.set(path, known === undefined ? value : join(known, value));
    }
  return data;
}
