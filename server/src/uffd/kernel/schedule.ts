/** Woken tasks take up their work here, in any order. */

import type { CallName, Result } from './calls.ts';
import { accessMemory } from './fault.ts';
import { continueFork } from './fork.ts';
import { releaseUnheldFiles } from './lifetime.ts';
import { continueMadvise } from './madvise.ts';
import { sendEvents } from './mapping.ts';
import { performCalls, proceed } from './perform.ts';
import type { RaceName } from './races.ts';
import { continueRead } from './read.ts';
import type { Wait } from './state.ts';
import { eventIsOver } from './waits.ts';
import type { MaySleep } from './world.ts';
import { SLEEPS, taskOf, type World } from './world.ts';

/** Until nothing is runnable any more. */
export function runAll(w: World): void {
  for (;;) {
    const runnable = runnableTasks(w);
    if (runnable.length === 0) return;
    resume(w, runnable[runnable.length === 1 ? 0 : w.choose(runnable.length, 'which woken task runs first')]!);
  }
}

/** Some, all or none of the runnable tasks get as far as they can, while the present one goes on. */
export function runOthers(w: World, race: RaceName): void {
  while (runOne(w, runnableTasks(w), race));
}

/** The same for calls of this name that are about to begin: they need not wait for the lock that the present one holds. */
export function runBeginning(w: World, name: CallName, race: RaceName): void {
  const begins = (id: number) => taskOf(w, id).wait === undefined && taskOf(w, id).calls[0]?.name === name;
  while (runOne(w, runnableTasks(w).filter(begins), race));
}

/** One of them, or none: then false. */
function runOne(w: World, tasks: readonly number[], race: RaceName): boolean {
  const chosen = tasks.length === 0 ? 0 : w.choose(tasks.length + 1, race);
  if (chosen !== 0) resume(w, tasks[chosen - 1]!);
  return chosen !== 0;
}

function runnableTasks(w: World): number[] {
  return w.state.tasks.flatMap((t, id) => (t.status === 'runnable' ? [id] : []));
}

function resume(w: World, task: number): void {
  const t = taskOf(w, task);
  const { wait } = t;
  t.wait = undefined;
  t.status = 'idle';
  if (wait === undefined) {
    performCalls(w, task);
    return;
  }
  const done = goOn(w, task, wait);
  if (done === SLEEPS) return;
  // A read that slept was perhaps the last to hold its file.
  if (wait.kind === 'read') releaseUnheldFiles(w);
  proceed(w, task, done);
}

function goOn(w: World, task: number, wait: Wait): MaySleep<Result> {
  switch (wait.kind) {
    case 'fault':
      return accessMemory(w, task, wait.access);
    case 'read':
      return continueRead(w, task, wait.file, wait.call);
    case 'vfork':
      return wait.result;
    case 'event': {
      eventIsOver(w, wait.context);
      const { then } = wait;
      if (then.kind === 'fork') return continueFork(w, task, then);
      if (then.kind === 'madvise') return continueMadvise(w, task, then);
      return sendEvents(w, task, then.events, then.result);
    }
  }
}
