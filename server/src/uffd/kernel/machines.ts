/**
 * The state machines of the model as tables. Their diagrams stand beside the code and in docs/semantics.md, drawn by
 * `drawMachine`; a test compares them, and another one runs random operations and finds every edge, and no other.
 */
import { memoryIsAlive } from './lifetime.ts';
import type { State } from './state.ts';

export interface Machine {
  readonly name: string;
  readonly edges: readonly { readonly from: string; readonly to: string; readonly on: string }[];
  /** The states of all its instances, by a key that stays the same. */
  readonly statesIn: (state: State) => ReadonlyMap<string, string>;
}

/** Where an instance is before it is made. */
export const NOWHERE = '(none)';

const CONTEXT: Machine = {
  name: 'A context',
  edges: [
    { from: NOWHERE, to: 'FRESH', on: 'userfaultfd(2), USERFAULTFD_IOC_NEW' },
    { from: NOWHERE, to: 'CONCEIVED', on: 'fork copies an armed area of a context with EVENT_FORK' },
    { from: 'FRESH', to: 'ENABLED', on: 'UFFDIO_API succeeds' },
    { from: 'FRESH', to: 'RELEASED', on: 'the last reference goes' },
    { from: 'CONCEIVED', to: 'ANNOUNCED', on: 'the message of the context before was taken; its own is queued' },
    { from: 'CONCEIVED', to: 'RELEASED', on: 'the forking task is killed' },
    { from: 'ANNOUNCED', to: 'ENABLED', on: 'read() takes the message and makes the descriptor' },
    { from: 'ANNOUNCED', to: 'RELEASED', on: 'the forking task is killed, or the parent context is released' },
    { from: 'ENABLED', to: 'ORPHANED', on: 'its process ends or becomes another program, or its fork fails' },
    { from: 'ENABLED', to: 'RELEASED', on: 'the last reference goes' },
    { from: 'FRESH', to: 'ORPHANED', on: 'its process ends or becomes another program' },
    { from: 'ORPHANED', to: 'RELEASED', on: 'the last reference goes' },
  ],
  statesIn: (state) => {
    const queued = new Set<number>();
    const behind = new Set<number>();
    for (const t of state.tasks) {
      if (t.wait?.kind !== 'event') continue;
      if (t.wait.event.event === 'fork' && !t.wait.taken) queued.add(t.wait.event.child);
      if (t.wait.then.kind === 'fork') for (const { created } of t.wait.then.contexts) behind.add(created);
    }
    return new Map(
      state.contexts.map((c, id) => {
        if (c.released) return [`${id}`, 'RELEASED'];
        if (behind.has(id)) return [`${id}`, 'CONCEIVED'];
        if (queued.has(id)) return [`${id}`, 'ANNOUNCED'];
        if (!memoryIsAlive(state, c.memory)) return [`${id}`, 'ORPHANED'];
        return [`${id}`, c.features === undefined ? 'FRESH' : 'ENABLED'];
      }),
    );
  },
};

const FAULT: Machine = {
  name: 'A fault',
  edges: [
    { from: NOWHERE, to: 'PENDING', on: 'handle_userfault() queues it' },
    { from: 'PENDING', to: 'READ', on: 'read() takes the message' },
    {
      from: 'PENDING',
      to: NOWHERE,
      on: 'woken (fill, WAKE, UNREGISTER, release) or killed; still unanswered: a new one',
    },
    { from: 'READ', to: NOWHERE, on: 'the same; it is never reported again' },
    { from: 'READ', to: 'PENDING', on: 'woken or interrupted without an answer: the access faults again' },
  ],
  statesIn: (state) => {
    const states = new Map<string, string>();
    for (const c of state.contexts) {
      for (const task of c.pendingFaults) states.set(`${task}`, 'PENDING');
      for (const task of c.readFaults) states.set(`${task}`, 'READ');
    }
    return states;
  },
};

const EVENT: Machine = {
  name: 'A task that sends an event',
  edges: [
    { from: NOWHERE, to: 'QUEUED', on: 'userfaultfd_event_wait_completion(); mmap_changing has been raised before' },
    {
      from: 'QUEUED',
      to: NOWHERE,
      on: 'read() takes it, its context is released, or SIGKILL; the task runs, mmap_changing falls',
    },
  ],
  statesIn: (state) =>
    new Map(state.contexts.flatMap((c, id) => c.events.map((task) => [`${id}/${task}`, 'QUEUED'] as const))),
};

export const MACHINES: readonly Machine[] = [CONTEXT, FAULT, EVENT];

/** A tree for each state: what leaves it, and where it leads. */
export function drawMachine(machine: Machine): string[] {
  const from = [...new Set(machine.edges.map((e) => e.from))];
  const width = Math.max(...machine.edges.map((e) => e.to.length));
  return from.flatMap((state) => {
    const leaving = machine.edges.filter((e) => e.from === state);
    const lines = leaving.map((e, i) => `  ${i === leaving.length - 1 ? '└' : '├'}─► ${e.to.padEnd(width)}  ${e.on}`);
    return [state, ...lines];
  });
}
