/** mmap(), munmap(), mremap(): what they do to armed areas, and the events that they send when they are done. */
import { FEATURES } from '../features.ts';
import { atLeast } from '../versions.ts';
import { areaAt, areasIn, insertArea, pagesIn, removeRange, TASK_END } from './areas.ts';
import { type Call, E, type Result, result } from './calls.ts';
import { userfaultfd_reset_ctx } from './lifetime.ts';
import { type Area, type Memory, PAGE, type PageEntry, type PendingEvent } from './state.ts';
import { eventIsPrepared, userfaultfd_event_wait_completion } from './waits.ts';
import { contextOfArea, hasFeature, type MaySleep, memoryOf, OutsideModel, type World } from './world.ts';

const featureBit = (name: string) => FEATURES.find((f) => f.name === `UFFD_FEATURE_${name}`)!.bit;
const EVENT_REMAP = featureBit('EVENT_REMAP');
const EVENT_UNMAP = featureBit('EVENT_UNMAP');
const MREMAP_MAYMOVE = 1;
const MREMAP_FIXED = 2;
const MREMAP_DONTUNMAP = 4;

/** Each message in turn, then the result: userfaultfd_unmap_complete(), mremap_userfaultfd_complete(). */
export function sendEvents(w: World, task: number, events: readonly PendingEvent[], value: number): MaySleep<Result> {
  const [next, ...rest] = events;
  if (next === undefined) return result(value);
  return userfaultfd_event_wait_completion(w, task, next.context, next.event, {
    kind: 'events',
    events: rest,
    result: value,
  });
}

/** userfaultfd_unmap_prep(): one message per context, each with the whole range. */
function userfaultfd_unmap_prep(w: World, memory: Memory, start: number, end: number): PendingEvent[] {
  const events: PendingEvent[] = [];
  for (const area of areasIn(memory, start, end)) {
    const context = contextOfArea(w, area);
    if (context === undefined || !hasFeature(context, EVENT_UNMAP)) continue;
    if (events.some((e) => e.context === area.context)) continue;
    eventIsPrepared(w, area.context!);
    events.push({ context: area.context!, event: { event: 'unmap', start, end } });
  }
  return events;
}

function unmap(w: World, memory: Memory, start: number, end: number): PendingEvent[] {
  const events = userfaultfd_unmap_prep(w, memory, start, end);
  removeRange(memory, start, end);
  return events;
}

const pageAligned = (length: number) => Math.ceil(length / PAGE) * PAGE;

export function munmap(w: World, task: number, start: number, length: number): MaySleep<Result> {
  if (start % PAGE !== 0 || length <= 0 || start + length > TASK_END) return result(E.EINVAL);
  return sendEvents(w, task, unmap(w, memoryOf(w, task), start, start + pageAligned(length)), 0);
}

/** mmap() with MAP_FIXED: what was there goes first, and its events are sent when the new area stands. */
export function mmap(w: World, task: number, call: Extract<Call, { name: 'mmap' }>): MaySleep<Result> {
  const memory = memoryOf(w, task);
  const events = unmap(w, memory, call.start, call.start + call.length);
  const shared = call.backing === 'shared';
  if (shared) w.state.sharedObjects.push({ pages: {} });
  insertArea(memory, {
    start: call.start,
    end: call.start + call.length,
    backing: call.backing,
    object: shared ? w.state.sharedObjects.length - 1 : undefined,
    pageOffset: call.backing === 'anonymous' ? call.start / PAGE : 0,
    protection: call.protection,
    context: undefined,
    modes: 0,
    dontFork: false,
    wipeOnFork: false,
    anonVma: 0,
    hasUncowedParents: false,
  });
  return sendEvents(w, task, events, 0);
}

type Mremap = Extract<Call, { name: 'mremap' }>;

export function mremap(w: World, task: number, call: Mremap): MaySleep<Result> {
  const memory = memoryOf(w, task);
  const area = areaAt(memory, call.start);
  if (call.flags === 0 && 0 < call.newLength && call.newLength < call.length) {
    if (area === undefined) return result(E.EFAULT);
    return sendEvents(w, task, unmap(w, memory, call.start + call.newLength, call.start + call.length), call.start);
  }
  const moves = call.flags === (MREMAP_MAYMOVE | MREMAP_FIXED) || call.flags === 7;
  if (!moves || call.newLength !== call.length || call.length === 0) throw new OutsideModel('this kind of mremap()');
  return moveTo(w, task, memory, call);
}

/** mremap_to() and move_vma(). */
function moveTo(w: World, task: number, memory: Memory, call: Mremap): MaySleep<Result> {
  const { start, length, to } = call;
  if (start < to + length && to < start + length) return result(E.EINVAL);
  const area = areaAt(memory, start);
  if (area === undefined) return result(E.EFAULT);
  if (area.end < start + length) {
    // Since 6.17 several areas may move at once, as long as none is armed.
    if (atLeast(w.facts.version, '6.17')) throw new OutsideModel('mremap() of several areas');
    return result(E.EFAULT);
  }
  const early = unmap(w, memory, to, to + length);
  const context = area.context;
  const keeps = context !== undefined && hasFeature(contextOfArea(w, area)!, EVENT_REMAP);
  const fresh = area.backing === 'anonymous' && area.anonVma === 0;
  const wanted: Area = {
    ...area,
    start: to,
    end: to + length,
    pageOffset: fresh ? to / PAGE : area.pageOffset + (start - area.start) / PAGE,
  };
  const moved = insertArea(memory, wanted);
  const source = areaAt(memory, start)!;
  for (const page of pagesIn(start, start + length)) {
    const entry = memory.pages[page];
    if (entry === undefined) continue;
    delete memory.pages[page];
    const kept = context !== undefined && !keeps ? withoutProtection(entry) : entry;
    if (kept !== undefined) memory.pages[page + (to - start) / PAGE] = kept;
  }
  const events: PendingEvent[] = [...early];
  if (keeps) {
    eventIsPrepared(w, context);
    events.push({ context, event: { event: 'remap', from: start, to, length } });
  } else if (context !== undefined) {
    userfaultfd_reset_ctx(moved);
  }
  if (!(call.flags & MREMAP_DONTUNMAP)) events.push(...unmap(w, memory, start, start + length));
  else if (source !== moved && source.start === start && source.end === start + length) {
    source.anonVma = 0;
    source.hasUncowedParents = false;
  }
  return sendEvents(w, task, events, to);
}

function withoutProtection(entry: PageEntry): PageEntry | undefined {
  if (entry.kind === 'marker' && !entry.poison) return undefined;
  return { ...entry, writeProtected: false };
}
