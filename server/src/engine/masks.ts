/**
 * What a handshake is going to request keeps states apart, as what it requested does: a program that asks for fork events
 * under a flag looks at the flag again where it handles them.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { FORK_FEATURE } from '../uffd/events.ts';
import type { Memory } from './memory.ts';
import type { Walker } from './slice/rows.ts';
import type { Mask, Slice } from './slice/slice.ts';
import type { State } from './state.ts';
import { asConstant, type Reference, type Value } from './value.ts';

/** What of the program's own keeps states of a body apart. */
export function apartKey(slice: Slice, body: FunctionBody, { memory }: State): string {
  const { masks, walkers } = slice.apartBy(body);
  return keyOfMasks(masks, memory) + keyOfRows(slice, walkers, memory);
}

/** The same for calls: who asks for other features calls for something else. */
export function callKey(slice: Slice, body: FunctionBody, { memory }: State): string {
  const { masks, walkers } = slice.apartBy(body);
  let key = keyOfMasks(masks, memory) + keyOfRows(slice, walkers, memory);
  for (let i = 0; i < masks.length; i++) {
    const value = valueAt(memory, masks[i]!);
    const n = value === undefined ? undefined : asConstant(value);
    if (n !== undefined) key += `=${i}:${n}`;
  }
  return key;
}

/** By the rows of tables that the body is at. */
function keyOfRows(slice: Slice, walkers: readonly Walker[], memory: Memory): string {
  let key = '';
  for (let i = 0; i < walkers.length; i++) {
    const { at, rows } = walkers[i]!;
    const value = memory.load(at);
    if (value === undefined || value.any) continue;
    const row = rowOf(slice, value, rows);
    if (row !== undefined) key += `#${i}=${row}`;
  }
  return key;
}

function rowOf(slice: Slice, value: Value, rows: number | undefined): number | undefined {
  if (rows !== undefined) {
    const index = asConstant(value);
    return index === undefined || index < 0 || index >= rows ? undefined : index;
  }
  const to = onlyReference(value);
  return to?.kind === 'location' ? slice.rowAt(to.location) : undefined;
}

function onlyReference({ references }: Value): Reference | undefined {
  return references.length === 1 ? references[0] : undefined;
}

/** By those that surely ask for fork events, and those that surely do not. */
export function maskKey(slice: Slice, body: FunctionBody, { memory }: State): string {
  return keyOfMasks(slice.apartBy(body).masks, memory);
}

function keyOfMasks(masks: readonly Mask[], memory: Memory): string {
  let key = '';
  for (let i = 0; i < masks.length; i++) {
    const value = valueAt(memory, masks[i]!);
    const n = value?.number;
    if (value === undefined || value.any || n === undefined) continue;
    if ((n.must & FORK_FEATURE) !== 0n) key += `+${i}`;
    else if (!n.unknownBits && (n.may & FORK_FEATURE) === 0n) key += `-${i}`;
  }
  return key;
}

function valueAt(memory: Memory, { variable, behind }: Mask): Value | undefined {
  const value = memory.load(variable);
  if (behind === undefined) return value;
  const to = value === undefined ? undefined : onlyReference(value);
  if (to?.kind !== 'location') return undefined;
  return memory.load({ base: to.location.base, path: to.location.path + behind });
}
