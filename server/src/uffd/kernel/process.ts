/** Ends of processes, exec, and signals. */
import { E, type Result, result } from './calls.ts';
import { copyTable, tableOf } from './descriptors.ts';
import {
  disposeOfChild,
  dropUnusedMemories,
  forksInProgress,
  releaseUnheldFiles,
  releaseVforkParents,
} from './lifetime.ts';
import type { EventWait } from './state.ts';
import { abandonEvent, eventIsOver, leaveFaultQueues, wakeTask } from './waits.ts';
import { OutsideModel, taskOf, type World } from './world.ts';

/** do_exit() of all its tasks: first their waits end, then the address space goes, then the descriptors. */
export function endProcess(w: World, process: number): void {
  endTasks(w, process);
  w.state.processes[process]!.alive = false;
  dropUnusedMemories(w);
  releaseUnheldFiles(w);
  releaseVforkParents(w, process);
}

function endTasks(w: World, process: number): void {
  w.state.tasks.forEach((t, id) => {
    if (t.process !== process || t.status === 'gone') return;
    leaveFaultQueues(w, id);
    if (t.wait?.kind === 'event') endEventWait(w, id, t.wait);
    Object.assign(t, { status: 'gone', wait: undefined, calls: [], results: [] });
    w.happened.push({ what: 'gone', task: id });
  });
}

/** A dying task meets each of its further waits with the signal already there. */
function endEventWait(w: World, task: number, wait: EventWait): void {
  abandonEvent(w, task);
  eventIsOver(w, wait.context);
  if (wait.then.kind === 'fork') {
    for (const { original, created } of wait.then.contexts) {
      disposeOfChild(w, { event: 'fork', child: created });
      eventIsOver(w, original);
    }
  } else if (wait.then.kind === 'events') {
    for (const { context } of wait.then.events) eventIsOver(w, context);
  }
}

/** begin_new_exec(): another address space; a table of its own; descriptors with close-on-exec go. */
export function exec(w: World, task: number): void {
  const id = taskOf(w, task).process;
  const process = w.state.processes[id]!;
  endTasks(w, id);
  w.state.memories.push({ areas: [], pages: {} });
  process.memory = w.state.memories.length - 1;
  const shared =
    w.state.processes.some((p) => p !== process && p.alive && p.table === process.table) ||
    forksInProgress(w.state).some((f) => f.table === process.table);
  if (shared) process.table = copyTable(w.state, process.table);
  const { entries } = tableOf(w.state, process);
  for (const fd of Object.keys(entries).map(Number)) if (entries[fd]!.closeOnExec) delete entries[fd];
  dropUnusedMemories(w);
  releaseUnheldFiles(w);
  releaseVforkParents(w, id);
}

/**
 * A signal with a handler: ends only sleeps that are interruptible. The wait for an event is not, and its handler runs
 * when the call is over. A result is given where the call ends.
 */
export function signal(w: World, task: number, restart: boolean): Result | undefined {
  const t = taskOf(w, task);
  const { wait } = t;
  if (wait?.kind === 'read') {
    if (!restart) return result(E.EINTR);
    // The call starts anew, with the number: who closed it meanwhile lets the file go.
    t.wait = undefined;
    t.calls.unshift(wait.call);
    t.status = 'runnable';
    releaseUnheldFiles(w);
  } else if (wait?.kind === 'fault') {
    // The kernel's own access is tried again and again as long as the signal is pending.
    if (!wait.access.user) throw new OutsideModel('a signal while the kernel faults for the program');
    leaveFaultQueues(w, task);
    wakeTask(w, task);
  }
  return undefined;
}
