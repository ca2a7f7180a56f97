/**
 * The queues of a context and who sleeps in them. Waking only makes a task runnable: it takes up its work when the
 * scheduler lets it (schedule.ts), and that is the window in which a filling request still fails with EAGAIN.
 *
 * A fault:
 *   (none)
 *     └─► PENDING  handle_userfault() queues it
 *   PENDING
 *     ├─► READ     read() takes the message
 *     └─► (none)   woken (fill, WAKE, UNREGISTER, release) or killed; still unanswered: a new one
 *   READ
 *     ├─► (none)   the same; it is never reported again
 *     └─► PENDING  woken or interrupted without an answer: the access faults again
 * A task that sends an event:
 *   (none)
 *     └─► QUEUED  userfaultfd_event_wait_completion(); mmap_changing has been raised before
 *   QUEUED
 *     └─► (none)  read() takes it, its context is released, or SIGKILL; the task runs, mmap_changing falls
 */
import { disposeOfChild } from './lifetime.ts';
import type { Context, Continuation, EventMessage } from './state.ts';
import { SLEEPS, taskOf, type World } from './world.ts';

/** wake_up_state(): the task's sleep is over; what it does next depends on what it slept for. */
export function wakeTask(w: World, task: number): void {
  const t = taskOf(w, task);
  if (t.status === 'waiting') t.status = 'runnable';
}

/** wake_up_poll(&ctx->fd_wqh): every reader that sleeps looks again. */
export function wakeReaders(w: World, context: number): void {
  w.state.tasks.forEach((t, id) => {
    if (t.wait?.kind === 'read' && w.state.files[t.wait.file]!.context === context) wakeTask(w, id);
  });
}

/** wake_userfault(): faults of this context in the range, read or not; a length of 0 means all of them. */
export function wakeUserfault(w: World, context: Context, start: number, length: number): void {
  for (const queue of [context.pendingFaults, context.readFaults]) {
    for (const task of [...queue]) {
      const wait = taskOf(w, task).wait;
      if (wait?.kind !== 'fault') continue;
      const address = wait.access.address;
      if (length !== 0 && (address < start || start + length <= address)) continue;
      queue.splice(queue.indexOf(task), 1);
      wakeTask(w, task);
    }
  }
}

/** A fault leaves its queue because its task got a signal or ended. */
export function leaveFaultQueues(w: World, task: number): void {
  for (const context of w.state.contexts) {
    for (const queue of [context.pendingFaults, context.readFaults]) {
      const at = queue.indexOf(task);
      if (at !== -1) queue.splice(at, 1);
    }
  }
}

/** userfaultfd_event_wait_completion(): queues the message and sleeps without the mmap lock. */
export function userfaultfd_event_wait_completion(
  w: World,
  task: number,
  context: number,
  event: EventMessage,
  then: Continuation,
): typeof SLEEPS {
  const t = taskOf(w, task);
  t.wait = { kind: 'event', context, event, then, taken: false };
  t.status = 'waiting';
  const ctx = w.state.contexts[context]!;
  ctx.events.push(task);
  if (ctx.released) abandonEvent(w, task);
  else wakeReaders(w, context);
  return SLEEPS;
}

/** userfaultfd_event_complete(): read() has taken the message. */
export function userfaultfd_event_complete(w: World, task: number): void {
  const wait = leaveEventQueue(w, task);
  if (wait === undefined) return;
  wait.taken = true;
  wakeTask(w, task);
}

/** The wait ends without a reader: the context is released, or the task is about to die. */
export function abandonEvent(w: World, task: number): void {
  const wait = leaveEventQueue(w, task);
  if (wait === undefined) return;
  disposeOfChild(w, wait.event);
  wakeTask(w, task);
}

function leaveEventQueue(w: World, task: number) {
  const wait = taskOf(w, task).wait;
  if (wait?.kind !== 'event') return undefined;
  const queue = w.state.contexts[wait.context]!.events;
  const at = queue.indexOf(task);
  if (at === -1) return undefined;
  queue.splice(at, 1);
  return wait;
}

/** The last lines of the wait: the context's memory no longer changes because of this event. */
export function eventIsOver(w: World, context: number): void {
  const ctx = w.state.contexts[context]!;
  ctx.mmapChanging = w.facts.changingIsCounted ? ctx.mmapChanging - 1 : 0;
}

/** What prepares an event: dup_userfaultfd(), userfaultfd_unmap_prep(), mremap_userfaultfd_prep(), userfaultfd_remove(). */
export function eventIsPrepared(w: World, context: number): void {
  const ctx = w.state.contexts[context]!;
  ctx.mmapChanging = w.facts.changingIsCounted ? ctx.mmapChanging + 1 : 1;
}
