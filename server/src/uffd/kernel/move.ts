/** UFFDIO_MOVE: userfaultfd_move() and move_pages(). */
import { MOVE_ALLOW_HOLES, MOVE_DONTWAKE } from '../modes.ts';
import { areaAt, isShared, PROT_WRITE, prepareAnonVma, rangeIsValid } from './areas.ts';
import { type Call, E, type Result, result, UNTOUCHED } from './calls.ts';
import { changing, finishFill, isChanging } from './fill.ts';
import { runOthers } from './schedule.ts';
import { type Memory, PAGE } from './state.ts';
import { processOf, type World } from './world.ts';

type Move = Extract<Call, { name: 'move' }>;

export function userfaultfd_move(w: World, task: number, id: number, call: Move): Result {
  const context = w.state.contexts[id]!;
  if (isChanging(w, context)) return changing(w);
  // Not across address spaces: whoever moves must live where the pages are.
  if (processOf(w, task).memory !== context.memory) return result(E.EINVAL, UNTOUCHED);
  if (!rangeIsValid(call.start, call.length) || !rangeIsValid(call.source, call.length))
    return result(E.EINVAL, UNTOUCHED);
  if (call.mode & ~(MOVE_DONTWAKE | MOVE_ALLOW_HOLES)) return result(E.EINVAL, UNTOUCHED);
  runOthers(w, 'change during a fill');
  const done = move_pages(w, w.state.memories[context.memory]!, id, call);
  return finishFill(w, context, call, done, (call.mode & MOVE_DONTWAKE) === 0);
}

function move_pages(w: World, memory: Memory, id: number, call: Move): number {
  const target = areaAt(memory, call.start);
  if (target === undefined) return E.ENOENT;
  if (!isShared(target)) prepareAnonVma(w.state, memory, target);
  const source = areaAt(memory, call.source);
  if (source === undefined) return E.ENOENT;
  if (isChanging(w, w.state.contexts[id]!)) return E.EAGAIN;
  // validate_move_areas().
  if (source.backing !== 'anonymous' || target.backing !== 'anonymous') return E.EINVAL;
  if (source.end < call.source + call.length || target.end < call.start + call.length) return E.EINVAL;
  if (source.protection !== target.protection || !(source.protection & PROT_WRITE)) return E.EINVAL;
  if (target.context !== id) return E.EINVAL;
  let moved = 0;
  for (; moved < call.length; moved += PAGE) {
    const error = move_pages_pte(memory, (call.source + moved) / PAGE, (call.start + moved) / PAGE, call.mode);
    if (error !== 0) return moved === 0 ? error : moved;
  }
  return moved;
}

function move_pages_pte(memory: Memory, from: number, to: number, mode: number): number {
  const entry = memory.pages[from];
  if (memory.pages[to] !== undefined) return E.EEXIST;
  if (entry === undefined) return mode & MOVE_ALLOW_HOLES ? 0 : E.ENOENT;
  if (entry.kind !== 'private') return E.EFAULT;
  if (!entry.zero && !entry.exclusive) return E.EBUSY;
  delete memory.pages[from];
  memory.pages[to] = { ...entry, writeProtected: false, writable: false };
  return 0;
}
