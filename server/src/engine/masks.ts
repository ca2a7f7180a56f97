/**
 * What a handshake is going to request keeps states apart, as what it requested does: a program that asks for fork events
 * under a flag looks at the flag again where it handles them.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { FORK_FEATURE } from '../uffd/events.ts';
import type { Memory } from './memory.ts';
import type { Mask, Slice } from './slice/slice.ts';
import type { State } from './state.ts';
import type { Value } from './value.ts';

/** Of the masks that a body has: those that surely ask for fork events, and those that surely do not. */
export function maskKey(slice: Slice, body: FunctionBody, { memory }: State): string {
  let key = '';
  for (const [i, mask] of slice.masksOf(body).entries()) {
    const value = valueAt(memory, mask);
    const n = value?.number;
    if (value === undefined || value.any || n === undefined || n.unknownBits) continue;
    if ((n.must & FORK_FEATURE) !== 0n) key += `+${i}`;
    else if ((n.may & FORK_FEATURE) === 0n) key += `-${i}`;
  }
  return key;
}

function valueAt(memory: Memory, { variable, behind }: Mask): Value | undefined {
  const value = memory.load(variable);
  if (behind === undefined) return value;
  const [to, ...others] = value?.references ?? [];
  if (to?.kind !== 'location' || others.length > 0) return undefined;
  return memory.load({ base: to.location.base, path: to.location.path + behind });
}
