/** madvise(): the advice that sends REMOVE, and the advice that decides what fork copies (mm/madvise.c). */
import { FEATURES } from '../features.ts';
import { REGISTER_WP } from '../modes.ts';
import { areaAt, findArea, isolate, mergeAround, pageInObject, pagesIn } from './areas.ts';
import { type Call, E, type Result, result } from './calls.ts';
import { type Area, type MadviseInProgress, type Memory, PAGE } from './state.ts';
import { eventIsPrepared, userfaultfd_event_wait_completion } from './waits.ts';
import { contextOfArea, hasFeature, type MaySleep, memoryOf, SLEEPS, type World } from './world.ts';

const EVENT_REMOVE = FEATURES.find((f) => f.name === 'UFFD_FEATURE_EVENT_REMOVE')!.bit;
export const ADVICE = {
  DONTNEED: 4,
  FREE: 8,
  REMOVE: 9,
  DONTFORK: 10,
  DOFORK: 11,
  WIPEONFORK: 18,
  KEEPONFORK: 19,
  COLD: 20,
  DONTNEED_LOCKED: 24,
} as const;

type Madvise = Extract<Call, { name: 'madvise' }>;

export function madvise(w: World, task: number, call: Madvise): MaySleep<Result> {
  if (!(Object.values(ADVICE) as number[]).includes(call.advice)) return result(E.EINVAL);
  if (call.start % PAGE !== 0) return result(E.EINVAL);
  if (call.length === 0) return result(0);
  return walk(w, task, call, call.start, 0);
}

/** madvise_walk_vmas(): holes are passed over, and cost ENOMEM in the end. */
function walk(w: World, task: number, call: Madvise, from: number, met: number): MaySleep<Result> {
  const end = call.start + Math.ceil(call.length / PAGE) * PAGE;
  let at = from;
  let error = met;
  while (at < end) {
    const memory = memoryOf(w, task);
    const area = findArea(memory, at);
    if (area === undefined) return result(E.ENOMEM);
    if (at < area.start) {
      error = E.ENOMEM;
      at = area.start;
      if (at >= end) break;
    }
    const until = Math.min(area.end, end);
    const done = madvise_vma_behavior(w, task, memory, area, {
      kind: 'madvise',
      call,
      at,
      until,
      error,
      punch: undefined,
    });
    if (done === SLEEPS) return SLEEPS;
    if (done !== 0) return result(done);
    at = until;
  }
  return result(error);
}

function madvise_vma_behavior(
  w: World,
  task: number,
  memory: Memory,
  area: Area,
  step: MadviseInProgress,
): MaySleep<number> {
  const { advice } = step.call;
  switch (advice) {
    case ADVICE.DONTNEED:
    case ADVICE.DONTNEED_LOCKED:
    case ADVICE.FREE:
      return userfaultfd_remove(w, task, area, step) ? SLEEPS : madvise_dontneed_free(memory, area, step);
    case ADVICE.REMOVE:
      return madvise_remove(w, task, area, step);
    case ADVICE.COLD:
      return 0;
    case ADVICE.WIPEONFORK:
      if (area.backing !== 'anonymous') return E.EINVAL;
  }
  const { dontFork, wipeOnFork } = area;
  const wanted = {
    dontFork: advice === ADVICE.DONTFORK || (dontFork && advice !== ADVICE.DOFORK),
    wipeOnFork: advice === ADVICE.WIPEONFORK || (wipeOnFork && advice !== ADVICE.KEEPONFORK),
  };
  if (wanted.dontFork === dontFork && wanted.wipeOnFork === wipeOnFork) return 0;
  mergeAround(memory, Object.assign(isolate(memory, area, step.at, step.until), wanted));
  return 0;
}

/** userfaultfd_remove(): the message goes first, then the pages. True: the task sleeps. */
function userfaultfd_remove(w: World, task: number, area: Area, step: MadviseInProgress): boolean {
  const context = contextOfArea(w, area);
  if (context === undefined || !hasFeature(context, EVENT_REMOVE)) return false;
  eventIsPrepared(w, area.context!);
  const event = { event: 'remove', start: step.at, end: step.until } as const;
  userfaultfd_event_wait_completion(w, task, area.context!, event, step);
  return true;
}

/** When the message was taken the area is looked up again: it may be another one by now, and a shorter one. */
export function continueMadvise(w: World, task: number, step: MadviseInProgress): MaySleep<Result> {
  if (step.punch !== undefined) {
    punchHole(w, step.punch);
    return walk(w, task, step.call, step.until, step.error);
  }
  const memory = memoryOf(w, task);
  const area = areaAt(memory, step.at);
  if (area === undefined) return result(E.ENOMEM);
  const until = Math.min(step.until, area.end);
  const error = madvise_dontneed_free(memory, area, { ...step, until });
  return error !== 0 ? result(error) : walk(w, task, step.call, until, step.error);
}

/** madvise_dontneed_single_vma() and madvise_free_single_vma(). */
function madvise_dontneed_free(memory: Memory, area: Area, step: MadviseInProgress): number {
  const free = step.call.advice === ADVICE.FREE;
  if (free && area.backing !== 'anonymous') return E.EINVAL;
  for (const page of pagesIn(step.at, step.until)) {
    const entry = memory.pages[page];
    if (entry === undefined) continue;
    // MADV_FREE only says that the page may go; as long as memory is not short it stays.
    if (free && (entry.kind !== 'marker' || !entry.poison)) continue;
    zap(memory, area, page);
  }
  return 0;
}

/** zap_pte_range(): shared memory keeps the note that a page was protected. */
function zap(memory: Memory, area: Area, page: number): void {
  const entry = memory.pages[page];
  if (entry === undefined) return;
  const noted = area.backing !== 'anonymous' && entry.writeProtected && (area.modes & REGISTER_WP) !== 0;
  if (noted && !(entry.kind === 'marker' && entry.poison))
    memory.pages[page] = { kind: 'marker', poison: false, writeProtected: true };
  else delete memory.pages[page];
}

/** madvise_remove(): takes the pages out of the object, and so from everybody who maps it. */
function madvise_remove(w: World, task: number, area: Area, step: MadviseInProgress): MaySleep<number> {
  if (area.backing === 'anonymous') return E.EINVAL;
  if (area.backing !== 'shared') return E.EACCES;
  const punch = {
    object: area.object!,
    first: pageInObject(area, step.at / PAGE),
    count: (step.until - step.at) / PAGE,
  };
  if (userfaultfd_remove(w, task, area, { ...step, punch })) return SLEEPS;
  punchHole(w, punch);
  return 0;
}

function punchHole(w: World, punch: NonNullable<MadviseInProgress['punch']>): void {
  const object = w.state.sharedObjects[punch.object]!;
  const gone = (page: number) => punch.first <= page && page < punch.first + punch.count;
  for (const memory of w.state.memories) {
    for (const area of memory.areas.filter((a) => a.object === punch.object)) {
      for (const page of pagesIn(area.start, area.end)) {
        // Poison stays: it is not a page of the object.
        const entry = memory.pages[page];
        if (gone(pageInObject(area, page)) && !(entry?.kind === 'marker' && entry.poison)) zap(memory, area, page);
      }
    }
  }
  for (const page of Object.keys(object.pages).map(Number)) if (gone(page)) delete object.pages[page];
}
