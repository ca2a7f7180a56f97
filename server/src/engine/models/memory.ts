/** Memory: allocation, mapping, filling, copying. */
import { copyRecord, isControlData, isNowhere, overwriteBelow, storeTo } from '../assign.ts';
import { type ModelCall, setResult } from '../call.ts';
import { withMember } from '../collections.ts';
import { objectId } from '../context.ts';
import { pointees } from '../evaluate.ts';
import { ZERO } from '../memory.ts';
import { checkLost, descriptorsIn, leaveMessagesIn, letEscape, share } from '../observe.ts';
import { moveToOlder } from '../recency.ts';
import type { State } from '../state.ts';
import {
  asConstant,
  constant,
  type Location,
  numberSet,
  numeric,
  oneOf,
  pointerTo,
  TOP_NUMBER,
  UNKNOWN,
  type Value,
  withNumber,
} from '../value.ts';
import { disarm, regionOf } from './ioctl.ts';

function allocate(call: ModelCall, state: State, prefix: 'heap' | 'map' | typeof PLACED): string {
  const base = objectId(call.ctx, prefix, call.instruction.span);
  if (state.memory.has(base)) moveToOlder(state, base);
  state.memory.deleteBase(base);
  if (prefix === 'heap') state.mine = withMember(state.mine, base);
  return base;
}

export function mallocModel(call: ModelCall, state: State): State[] {
  const base = allocate(call, state, 'heap');
  state.memory.fill({ base, path: '' }, call.name === 'calloc' || call.name.includes('zalloc') ? ZERO : undefined);
  const pointer = withNumber(pointerTo(base, '[0]'), numberSet([0]));
  setResult(call.ctx, state, call.instruction, pointer);
  return [state];
}

/** realloc(): the old block under its old name, or the new one. */
export function reallocModel(call: ModelCall, state: State): State[] {
  const old = call.values[0];
  if (old !== undefined && old.references.length > 0) {
    setResult(call.ctx, state, call.instruction, withNumber(old, numberSet([0])));
    return [state];
  }
  return mallocModel(call, state);
}

/** posix_memalign(&pointer, alignment, size). */
export function memalignModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const failed = state.clone();
  setResult(ctx, failed, instruction, constant(12));
  const base = allocate(call, state, 'heap');
  state.memory.fill({ base, path: '' }, undefined);
  const target = instruction.arguments[0];
  if (target !== undefined) storeTo(ctx, state, pointees(ctx, state, target), pointerTo(base, '[0]'), instruction.span);
  setResult(ctx, state, instruction, constant(0));
  return [state, failed];
}

/** Begins the name of a mapping for which the program chose an address. */
export const PLACED = 'map:placed';

export function mmapModel(call: ModelCall, state: State): State[] {
  const address = call.values[0];
  const isPlaced = address !== undefined && asConstant(address) !== 0;
  const flags = call.values[3]?.number;
  // What lay there is gone, with its registration.
  if (isPlaced && flags !== undefined && (flags.must & MAP_FIXED) !== 0n) unmap(state, address);
  const base = allocate(call, state, isPlaced ? PLACED : 'map');
  state.memory.fill({ base, path: '' }, UNKNOWN);
  const failed = state.clone();
  setResult(call.ctx, state, call.instruction, pointerTo(base, '[0]'));
  setResult(call.ctx, failed, call.instruction, constant(-1));
  return [state, failed];
}

const MAP_FIXED = 0x10n;

function unmap(state: State, address: Value): void {
  const region = regionOf(address);
  disarm(state, region);
  if (state.childOf?.regions.includes(region) === true) state.childOf = undefined;
}

export function munmapModel(call: ModelCall, state: State): State[] {
  unmap(state, call.values[0] ?? UNKNOWN);
  setResult(call.ctx, state, call.instruction, oneOf(-1, 0));
  return [state];
}

const MADV_DONTFORK = 10;
const MADV_DOFORK = 11;
const MADV_WIPEONFORK = 18;
const MADV_KEEPONFORK = 19;

export function madviseModel(call: ModelCall, state: State): State[] {
  const region = regionOf(call.values[0] ?? UNKNOWN);
  const advice = call.values[2] === undefined ? undefined : asConstant(call.values[2]);
  if (advice === undefined || advice === MADV_DONTFORK || advice === MADV_WIPEONFORK)
    state.change({ notCopied: withMember(state.situation.notCopied, region) });
  else if (advice === MADV_DOFORK || advice === MADV_KEEPONFORK)
    state.change({ notCopied: new Set([...state.situation.notCopied].filter((r) => r !== region)) });
  setResult(call.ctx, state, call.instruction, constant(0));
  return [state];
}

/** pthread_atfork(): what runs before a fork() is not followed; it may unregister everything, or keep it from the child. */
export function atForkModel(call: ModelCall, state: State): State[] {
  const prepare = call.values[0];
  if (prepare === undefined || asConstant(prepare) !== 0)
    state.change({ notCopied: withMember(state.situation.notCopied, '?') });
  setResult(call.ctx, state, call.instruction, UNKNOWN);
  return [state];
}

export function freeModel(call: ModelCall, state: State): State[] {
  const references = call.values[0]?.references ?? [];
  const freed = new Set(references.flatMap((r) => (r.kind === 'location' ? [r.location.base] : [])));
  const isOne = freed.size === 1;
  for (const base of freed) {
    if (!base.startsWith('heap:') || state.memory.summaries.has(base)) continue;
    // Of several nodes one is freed, and what the program looked at before says which: that is not followed.
    const isOwn = (path: string) => isOne && /^\[0\]|\.arg\.fork\.ufd$/.test(path);
    const candidates = descriptorsIn(state, base, isOwn);
    // Whether a loop before it closed what lies in a table is not followed for each element: nothing is said of them.
    for (const id of descriptorsIn(state, base, (path) => !isOwn(path))) state.update(id, { duty: undefined });
    if (!isOne) continue;
    state.memory.deleteBase(base);
    checkLost(call.ctx, state, candidates, { how: 'dropped' });
    disarm(state, base);
  }
  setResult(call.ctx, state, call.instruction, UNKNOWN);
  return [state];
}

/** What is found for the event of a message is chosen by it: whether that handles it is not followed. */
export function searchModel(call: ModelCall, state: State): State[] {
  for (const r of call.values[0]?.references ?? []) {
    if (r.kind !== 'location') continue;
    const tag = state.memory.load(r.location)?.tag ?? state.memory.load(eventIn(r.location))?.tag;
    if (tag?.child !== undefined && tag.part === 'event') state.update(tag.child, { escaped: true });
  }
  setResult(call.ctx, state, call.instruction, UNKNOWN);
  return [state];
}

function eventIn({ base, path }: Location): Location {
  return { base, path: `${path}.event` };
}

const NUMBER = numeric(TOP_NUMBER);

export function memsetModel(call: ModelCall, state: State): State[] {
  const value = call.name === 'bzero' ? 0 : call.values[1] === undefined ? undefined : asConstant(call.values[1]);
  for (const r of call.values[0]?.references ?? []) {
    if (r.kind === 'location') overwriteBelow(call.ctx, state, r.location, value === 0 ? ZERO : UNKNOWN);
  }
  setResult(call.ctx, state, call.instruction, call.values[0] ?? UNKNOWN);
  return [state];
}

export function memcpyModel(call: ModelCall, state: State): State[] {
  const [to, from] = call.name === 'bcopy' ? [call.values[1], call.values[0]] : [call.values[0], call.values[1]];
  const target = to?.references.find((r) => r.kind === 'location');
  const source = from?.references.find((r) => r.kind === 'location');
  if (target?.kind === 'location' && isNowhere(target.location)) {
    const leave = isControlData(target.location) ? share : letEscape;
    if (from !== undefined) leave(call.ctx, state, [from], call.instruction.span);
  } else if (target?.kind === 'location' && source?.kind === 'location' && isNowhere(source.location)) {
    // What somebody else left there is a number to this program.
    state.memory.fill(target.location, NUMBER);
  } else if (target?.kind === 'location' && source?.kind === 'location') {
    // What is left of a batch moves to its front.
    if (target.location.base === source.location.base)
      leaveMessagesIn(state, source.location.base, ({ batch }) => batch);
    const areSure =
      to?.references.length === 1 && from?.references.length === 1 && state.memory.isStrong(target.location);
    if (areSure) copyRecord(call.ctx, state, source.location, target.location, call.instruction.span);
    else state.memory.copy(source.location, target.location);
  }
  // A copy to a place that is not known is in other hands.
  else if (from !== undefined) letEscape(call.ctx, state, [from], call.instruction.span);
  setResult(call.ctx, state, call.instruction, to ?? UNKNOWN);
  return [state];
}
