/** UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_WAKE. */
import { REGISTER_MINOR, REGISTER_MISSING, REGISTER_WP } from '../modes.ts';
import { atLeast } from '../versions.ts';
import { areasIn, isolate, mergeAround, rangeIsValid } from './areas.ts';
import { type Call, E, type Result, result, UNTOUCHED } from './calls.ts';
import { memoryIsAlive, userfaultfd_clear_vma } from './lifetime.ts';
import { runBeginning } from './schedule.ts';
import type { Area, Context } from './state.ts';
import { wakeUserfault } from './waits.ts';
import { contextOfArea, hasFeature, type World } from './world.ts';

const FEATURE_WP_ASYNC = 0x8000n;
const WRITEPROTECT_IOCTL = 1 << 6;
const CONTINUE_IOCTL = 1 << 7;

/** What UFFDIO_REGISTER reports for a range with all modes, as far as the release has it. */
function rangeIoctls(version: string): number {
  const requests: readonly (readonly [number, string])[] = [
    [2, '4.3'],
    [3, '4.3'],
    [4, '4.3'],
    [5, '6.8'],
    [6, '5.7'],
    [7, '5.13'],
    [8, '6.6'],
  ];
  return requests.filter(([, since]) => atLeast(version, since)).reduce((all, [bit]) => all | (1 << bit), 0);
}

function knownModes(version: string): number {
  return (
    REGISTER_MISSING | (atLeast(version, '5.7') ? REGISTER_WP : 0) | (atLeast(version, '5.13') ? REGISTER_MINOR : 0)
  );
}

/** vma_can_userfault(). */
function canUserfault(w: World, area: Area, modes: number, wpAsync: boolean): boolean {
  const isShared = area.backing === 'shared' || area.backing === 'sealed';
  if (modes & REGISTER_MINOR && !isShared) return false;
  if (wpAsync && modes === REGISTER_WP) return true;
  if (modes & REGISTER_WP && isShared && !atLeast(w.facts.version, '5.19')) return false;
  return area.backing !== 'file';
}

/** userfaultfd_register(): all areas are looked at before the first one is armed. */
export function userfaultfd_register(w: World, id: number, call: Extract<Call, { name: 'register' }>): Result {
  const context = w.state.contexts[id]!;
  const fail = (error: number) => result(error, UNTOUCHED);
  if (call.mode === 0 || call.mode & ~knownModes(w.facts.version)) return fail(E.EINVAL);
  if (!rangeIsValid(call.start, call.length)) return fail(E.EINVAL);
  if (!memoryIsAlive(w.state, context.memory)) return fail(E.ENOMEM);
  const memory = w.state.memories[context.memory]!;
  const end = call.start + call.length;
  const areas = areasIn(memory, call.start, end);
  if (areas.length === 0) return fail(E.EINVAL);
  for (const area of areas) {
    if (!canUserfault(w, area, call.mode, hasFeature(context, FEATURE_WP_ASYNC))) return fail(E.EINVAL);
    if (area.backing === 'sealed') return fail(E.EPERM);
    if (area.context !== undefined && area.context !== id) return fail(E.EBUSY);
  }
  for (const area of areas) {
    if (!memory.areas.includes(area)) continue;
    if (area.context === id && (area.modes & call.mode) === call.mode) continue;
    const armed = isolate(memory, area, Math.max(call.start, area.start), Math.min(end, area.end));
    // Replaces the modes: what was protected or missing under the old ones is so no more.
    armed.modes = call.mode;
    armed.context = id;
    mergeAround(memory, armed);
  }
  const absent = (call.mode & REGISTER_WP ? 0 : WRITEPROTECT_IOCTL) | (call.mode & REGISTER_MINOR ? 0 : CONTINUE_IOCTL);
  return result(0, rangeIoctls(w.facts.version) & ~absent);
}

/** userfaultfd_unregister(). */
export function userfaultfd_unregister(w: World, id: number, start: number, length: number): Result {
  const context = w.state.contexts[id]!;
  if (!rangeIsValid(start, length)) return result(E.EINVAL);
  if (!memoryIsAlive(w.state, context.memory)) return result(E.ENOMEM);
  const memory = w.state.memories[context.memory]!;
  const end = start + length;
  const areas = areasIn(memory, start, end);
  if (areas.length === 0) return result(E.EINVAL);
  for (const area of areas) {
    if (w.facts.foreignUnregisterRefused && area.context !== undefined && area.context !== id) return result(E.EINVAL);
    if (!canUserfault(w, area, area.modes, hasFeature(context, FEATURE_WP_ASYNC))) return result(E.EINVAL);
  }
  for (const area of areas) {
    const owner = contextOfArea(w, area);
    if (owner === undefined || !memory.areas.includes(area)) continue;
    const from = Math.max(start, area.start);
    const to = Math.min(end, area.end);
    // Waiters of protected or cached pages stay asleep: the kernel wakes for missing ones only.
    if (area.modes & REGISTER_MISSING) wakeUserfault(w, owner, from, to - from);
    runBeginning(w, 'access', 'fault during unregister');
    userfaultfd_clear_vma(w, memory, isolate(memory, area, from, to));
  }
  return result(0);
}

/** userfaultfd_wake(): needs neither an area nor an address space. */
export function userfaultfd_wake(w: World, context: Context, start: number, length: number): Result {
  if (!rangeIsValid(start, length)) return result(E.EINVAL);
  wakeUserfault(w, context, start, length);
  return result(0);
}
