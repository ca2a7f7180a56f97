/**
 * The executable model of what Linux does with userfaultfds. Each function below is named after the kernel function it
 * models. `Kernel` is the door: a state and an operation in, all outcomes that the kernel may give out.
 */
import { factsOf, NEWEST_RELEASE } from '../versions.ts';
import type { Operation, Result } from './calls.ts';
import { explore } from './choices.ts';
import { releaseUnheldFiles } from './lifetime.ts';
import { proceed } from './perform.ts';
import { endProcess, signal } from './process.ts';
import { runAll } from './schedule.ts';
import { copyState, initialState, type State, stateKey, type Wait } from './state.ts';
import { type Happening, taskOf, type World } from './world.ts';

/** Which wait a task sleeps in: a fault, an event, a read without message, the wait of vfork(). */
export type Sleep = Wait['kind'];

export interface Outcome {
  /** Undefined: there is no such task, or it is busy, and nothing was done. */
  readonly happened: readonly Happening[] | undefined;
  /** Who sleeps afterwards. */
  readonly asleep: ReadonlyMap<number, Sleep>;
  readonly state: State;
}

export interface KernelOptions {
  readonly version?: string;
  readonly unprivileged?: boolean;
}

export class Kernel {
  readonly facts: World['facts'];

  /** `unprivileged`: the value of vm.unprivileged_userfaultfd. */
  constructor({ version = NEWEST_RELEASE, unprivileged = false }: KernelOptions = {}) {
    this.facts = { ...factsOf(version), unprivileged };
  }

  /** One process with three threads, no userfaultfd, an empty arena. */
  boot(options: { readonly privileged?: boolean } = {}): State {
    return initialState(options.privileged ?? true);
  }

  /** What may come of the operation, once every task that it woke has gone as far as it can. */
  outcomes(state: State, operation: Operation): Outcome[] {
    const found = new Map<string, Outcome>();
    for (const outcome of explore((choose) => {
      const w: World = { state: copyState(state), facts: this.facts, choose, happened: [], tablesInMaking: new Set() };
      const done = begin(w, operation);
      if (done) runAll(w);
      return { happened: done ? w.happened : undefined, asleep: asleep(w.state), state: w.state };
    })) {
      found.set(`${describeOutcome(outcome)} ${stateKey(outcome.state)}`, outcome);
    }
    return [...found.values()];
  }
}

/** False: nothing was done. */
function begin(w: World, operation: Operation): boolean {
  if (operation.task !== undefined) {
    const works = [operation, ...(operation.beside === undefined ? [] : [operation.beside])];
    const startable = works.filter(({ task }) => w.state.tasks[task]?.status === 'idle');
    for (const { task, calls } of startable) Object.assign(taskOf(w, task), { calls: [...calls], status: 'runnable' });
    return startable.length > 0;
  }
  const { intervention } = operation;
  const t = w.state.tasks[intervention.task];
  if (t === undefined || t.status === 'gone') return false;
  if (intervention.name === 'kill') {
    endProcess(w, t.process);
    return true;
  }
  const done = signal(w, intervention.task, intervention.restart);
  if (done !== undefined) {
    Object.assign(taskOf(w, intervention.task), { status: 'idle', wait: undefined });
    releaseUnheldFiles(w);
    proceed(w, intervention.task, done);
  }
  return true;
}

function asleep(state: State): Map<number, Sleep> {
  return new Map(state.tasks.flatMap((t, id) => (t.wait === undefined ? [] : [[id, t.wait.kind] as const])));
}

/** One line, the same for the same observation: what the laboratory compares. */
export function describeOutcome(outcome: Omit<Outcome, 'state'>): string {
  if (outcome.happened === undefined) return 's';
  const happened = outcome.happened.map((h) => {
    if (h.what === 'done') return `c${h.task}=${h.results.map(describeResult).join(';')}`;
    return `${h.what === 'born' ? 'n' : 'g'}${h.task}`;
  });
  const sleeping = [...outcome.asleep].map(
    ([task, kind]) => `b${task}=${{ fault: 'F', event: 'E', read: 'R', vfork: 'V' }[kind]}`,
  );
  return [...happened, ...sleeping].sort().join(' ');
}

export function describeResult(result: Result): string {
  return [result.value, ...result.out].join(',');
}
