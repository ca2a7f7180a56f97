/** UFFDIO_COPY, ZEROPAGE, CONTINUE, POISON, WRITEPROTECT (fs/userfaultfd.c and mm/userfaultfd.c). */
import {
  COPY_DONTWAKE,
  COPY_WP,
  FILL_DONTWAKE,
  REGISTER_WP,
  WRITEPROTECT_DONTWAKE,
  WRITEPROTECT_WP,
} from '../modes.ts';
import { atLeast } from '../versions.ts';
import { areaAt, areasIn, isShared, pageInObject, pagesIn, prepareAnonVma, rangeIsValid } from './areas.ts';
import { type Call, E, type Result, result, UNTOUCHED } from './calls.ts';
import { memoryIsAlive, uffd_wp_range } from './lifetime.ts';
import { runOthers } from './schedule.ts';
import { type Area, type Context, type Memory, PAGE, type PageEntry } from './state.ts';
import { wakeUserfault } from './waits.ts';
import type { World } from './world.ts';

type Fill = Extract<Call, { name: 'copy' | 'zeropage' | 'continue' | 'poison' }>;

/** userfaultfd_copy(), userfaultfd_zeropage(), userfaultfd_continue(), userfaultfd_poison(). */
export function fill(w: World, context: Context, call: Fill): Result {
  if (isChanging(w, context)) return changing(w);
  if (!rangeIsValid(call.start, call.length)) return result(E.EINVAL, UNTOUCHED);
  if (call.mode & ~knownModes(w, call)) return result(E.EINVAL, UNTOUCHED);
  runOthers(w, 'change during a fill');
  if (!memoryIsAlive(w.state, context.memory)) return result(w.facts.deadOwnerIsEsrch ? E.ESRCH : E.ENOSPC, UNTOUCHED);
  const done = mfill_atomic(w, context, w.state.memories[context.memory]!, call);
  return finishFill(w, context, call, done, (call.mode & FILL_DONTWAKE) === 0);
}

/** The test comes before the arguments: what is in flight may move what they name. */
export function isChanging(w: World, context: Context): boolean {
  return w.facts.changingStopsFills && context.mmapChanging > 0;
}

export function changing(w: World): Result {
  return result(E.EAGAIN, w.facts.outMemberOnChanging ? E.EAGAIN : UNTOUCHED);
}

/** Bytes done or an error: the out member has it; done in part is EAGAIN; waiters of what was done wake. */
export function finishFill(
  w: World,
  context: Context,
  call: { readonly start: number; readonly length: number },
  done: number,
  wakes: boolean,
): Result {
  if (done < 0) return result(done, done);
  if (wakes) wakeUserfault(w, context, call.start, done);
  return result(done === call.length ? 0 : E.EAGAIN, done);
}

function knownModes(w: World, call: Fill): number {
  if (call.name === 'copy') return COPY_DONTWAKE | (atLeast(w.facts.version, '5.7') ? COPY_WP : 0);
  if (call.name === 'continue') return FILL_DONTWAKE | (atLeast(w.facts.version, '6.4') ? COPY_WP : 0);
  return FILL_DONTWAKE;
}

/** mfill_atomic(): one area, armed by any context of this address space, whatever its modes. */
function mfill_atomic(w: World, context: Context, memory: Memory, call: Fill): number {
  const area = areaAt(memory, call.start);
  if (area === undefined) return E.ENOENT;
  // uffd_lock_vma() does so before it knows whether the area is armed.
  if (!isShared(area)) prepareAnonVma(w.state, memory, area);
  if (area.context === undefined || area.end < call.start + call.length) return E.ENOENT;
  if (isChanging(w, context)) return E.EAGAIN;
  const protect = call.name !== 'zeropage' && call.name !== 'poison' && (call.mode & COPY_WP) !== 0;
  if (protect && !(area.modes & REGISTER_WP)) return E.EINVAL;
  if (area.backing === 'file') return E.EINVAL;
  if (call.name === 'continue' && area.backing !== 'shared') return E.EINVAL;
  let done = 0;
  for (const page of pagesIn(call.start, call.start + call.length)) {
    const error = mfill_atomic_pte(w, memory, area, page, call, protect);
    if (error !== 0) return done === 0 ? error : done;
    done += PAGE;
  }
  return done;
}

function mfill_atomic_pte(w: World, memory: Memory, area: Area, page: number, call: Fill, protect: boolean): number {
  const entry = memory.pages[page];
  const object = area.object === undefined ? undefined : w.state.sharedObjects[area.object]!;
  const inObject = pageInObject(area, page);
  const shared: PageEntry = { kind: 'shared', writeProtected: protect, writable: false };
  switch (call.name) {
    case 'poison':
      if (entry !== undefined) return E.EEXIST;
      memory.pages[page] = { kind: 'marker', poison: true, writeProtected: false };
      return 0;
    case 'continue':
      if (object?.pages[inObject] === undefined) return E.EFAULT;
      if (isMapped(entry)) return E.EEXIST;
      memory.pages[page] = shared;
      return 0;
    case 'zeropage':
      if (object === undefined) {
        if (entry !== undefined) return E.EEXIST;
        memory.pages[page] = {
          kind: 'private',
          value: 0,
          exclusive: false,
          zero: true,
          writeProtected: false,
          writable: false,
        };
        return 0;
      }
      break;
    case 'copy':
      // The source is read before anything is looked at.
      if (call.badSource) return E.EFAULT;
      if (object === undefined) {
        if (isMapped(entry)) return E.EEXIST;
        memory.pages[page] = {
          kind: 'private',
          value: call.value,
          exclusive: true,
          zero: false,
          writeProtected: protect,
          writable: false,
        };
        return 0;
      }
  }
  // shmem_mfill_atomic_pte(): the page must be new to the object, too.
  if (object.pages[inObject] !== undefined || isMapped(entry)) return E.EEXIST;
  object.pages[inObject] = call.name === 'copy' ? call.value : 0;
  memory.pages[page] = shared;
  return 0;
}

/** The opposite of pte_none_mostly(): markers may be overwritten. */
function isMapped(entry: PageEntry | undefined): boolean {
  return entry !== undefined && entry.kind !== 'marker';
}

type WriteProtect = Extract<Call, { name: 'writeprotect' }>;

/** userfaultfd_writeprotect() and mwriteprotect_range(). */
export function userfaultfd_writeprotect(w: World, context: Context, call: WriteProtect): Result {
  if (isChanging(w, context)) return result(E.EAGAIN);
  if (!rangeIsValid(call.start, call.length)) return result(E.EINVAL);
  if (call.mode & ~(WRITEPROTECT_WP | WRITEPROTECT_DONTWAKE)) return result(E.EINVAL);
  if (call.mode === (WRITEPROTECT_WP | WRITEPROTECT_DONTWAKE)) return result(E.EINVAL);
  if (!memoryIsAlive(w.state, context.memory)) return result(E.ESRCH);
  const memory = w.state.memories[context.memory]!;
  const end = call.start + call.length;
  const areas = areasIn(memory, call.start, end);
  if (areas.length === 0) return result(E.ENOENT);
  for (const area of areas) {
    // What lies before the first area without mode WP has been changed all the same.
    if (!(area.modes & REGISTER_WP)) return result(E.ENOENT);
    const protect = (call.mode & WRITEPROTECT_WP) !== 0;
    uffd_wp_range(w, memory, area, Math.max(call.start, area.start), Math.min(end, area.end), protect);
  }
  if (call.mode === 0) wakeUserfault(w, context, call.start, call.length);
  return result(0);
}
