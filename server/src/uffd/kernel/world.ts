/** What every function of the model gets: the state it may change, the kernel's release, and the choice of ways. */

import type { VersionFacts } from '../versions.ts';
import type { Result } from './calls.ts';
import type { Choose } from './choices.ts';
import type { Area, Context, Memory, OpenFile, Process, State, Task } from './state.ts';

export interface World {
  readonly state: State;
  readonly facts: VersionFacts & { readonly unprivileged: boolean };
  readonly choose: Choose;
  readonly happened: Happening[];
  /** Descriptor tables of forks that have not got to their address space yet. */
  readonly tablesInMaking: Set<number>;
}

/** What an observer sees of a step. */
export type Happening =
  | { readonly what: 'done'; readonly task: number; readonly results: readonly Result[] }
  | { readonly what: 'born' | 'gone'; readonly task: number };

/** The script left what the model describes; nothing can be said from here on. */
export class OutsideModel extends Error {}

/** A task that sleeps instead of giving a result. */
export const SLEEPS = Symbol('sleeps');
export type MaySleep<T> = T | typeof SLEEPS;

export const processOf = (w: World, task: number): Process => w.state.processes[w.state.tasks[task]!.process]!;
export const taskOf = (w: World, task: number): Task => w.state.tasks[task]!;
export const memoryOf = (w: World, task: number): Memory => w.state.memories[processOf(w, task).memory]!;
export const contextAt = (w: World, context: number): Context => w.state.contexts[context]!;
export const contextOfArea = (w: World, area: Area): Context | undefined =>
  area.context === undefined ? undefined : contextAt(w, area.context);

/** The open file behind a number in the task's table. */
export function fileOf(w: World, task: number, fd: number): { file: OpenFile; id: number } | undefined {
  const descriptor = w.state.tables[processOf(w, task).table]!.entries[fd];
  if (descriptor === undefined) return undefined;
  return { file: w.state.files[descriptor.file]!, id: descriptor.file };
}

export const hasFeature = (context: Context, bit: bigint): boolean => ((context.features ?? 0) & Number(bit)) !== 0;
