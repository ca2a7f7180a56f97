/**
 * What the kernel keeps: plain data, copied whole before an operation changes it. Numbers refer to positions in the
 * arrays of `State`. References are not counted: a file, a table or an address space lives as long as something that
 * lives refers to it (lifetime.ts).
 */
import type { Call, Result } from './calls.ts';

export const PAGE = 4096;

export interface State {
  readonly processes: Process[];
  readonly tasks: Task[];
  readonly tables: DescriptorTable[];
  readonly files: OpenFile[];
  readonly contexts: Context[];
  readonly memories: Memory[];
  readonly sharedObjects: SharedObject[];
  /** Number for the next struct anon_vma. */
  nextAnonVma: number;
}

export interface Process {
  memory: number;
  table: number;
  /** RLIMIT_NOFILE: one more than the highest number. */
  descriptorLimit: number;
  alive: boolean;
}

export interface Task {
  readonly process: number;
  /** CAP_SYS_PTRACE in the initial user namespace. */
  privileged: boolean;
  /** A runnable task has been woken, or is on its way, and goes on as soon as it is scheduled. */
  status: 'idle' | 'runnable' | 'waiting' | 'gone';
  wait: Wait | undefined;
  /** What the task is to do after the call it is in, and what it has done. */
  calls: Call[];
  results: Result[];
}

/** Where a task sleeps. */
export type Wait = FaultWait | EventWait | ReadWait | VforkWait;

/** handle_userfault(): struct userfaultfd_wait_queue with the message that read() is to copy. */
export interface FaultWait {
  readonly kind: 'fault';
  readonly context: number;
  readonly access: Access;
  readonly reason: number;
}

/** userfaultfd_event_wait_completion(): what the task goes on with when the event was taken. */
export interface EventWait {
  readonly kind: 'event';
  readonly context: number;
  readonly event: EventMessage;
  readonly then: Continuation;
  taken: boolean;
}

/** userfaultfd_ctx_read(). It keeps the file open. */
export interface ReadWait {
  readonly kind: 'read';
  readonly file: number;
  readonly call: Extract<Call, { name: 'read' }>;
}

/** wait_for_vfork_done(). */
export interface VforkWait {
  readonly kind: 'vfork';
  readonly child: number;
  readonly result: Result;
}

export interface Access {
  readonly address: number;
  readonly write: boolean;
  readonly value: number;
  /** By an instruction of the program, not by the kernel on its behalf. */
  readonly user: boolean;
}

export type EventMessage =
  | { readonly event: 'fork'; readonly child: number }
  | { readonly event: 'remap'; readonly from: number; readonly to: number; readonly length: number }
  | { readonly event: 'remove'; readonly start: number; readonly end: number }
  | { readonly event: 'unmap'; readonly start: number; readonly end: number };

export type Continuation =
  | ForkInProgress
  /** Messages that are still to be sent, then the result. */
  | { readonly kind: 'events'; readonly events: readonly PendingEvent[]; readonly result: number }
  | MadviseInProgress;

/** madvise_walk_vmas() at the area that [at, until) lies in; `error` is what it has met so far. */
export interface MadviseInProgress {
  readonly kind: 'madvise';
  readonly call: Extract<Call, { name: 'madvise' }>;
  readonly at: number;
  readonly until: number;
  readonly error: number;
  /** What MADV_REMOVE takes out of the object, found before the event. */
  readonly punch: { readonly object: number; readonly first: number; readonly count: number } | undefined;
}

export interface PendingEvent {
  readonly context: number;
  readonly event: EventMessage;
}

/** copy_process() after dup_mmap(): the child-to-be has its table and its address space, and nothing else yet. */
export interface ForkInProgress {
  readonly kind: 'fork';
  readonly flags: number;
  readonly child: number;
  readonly memory: number;
  readonly table: number;
  /** Copied before the address space, so what changes during the wait does not reach the child. */
  readonly descriptorLimit: number;
  readonly privileged: boolean;
  /** What it is going to fail with, after all of it. */
  readonly fails: number | undefined;
  /** Contexts whose message is still to be sent, with the one made for the child: struct userfaultfd_fork_ctx. */
  readonly contexts: readonly { readonly original: number; readonly created: number }[];
}

export interface DescriptorTable {
  readonly entries: Record<number, Descriptor>;
}

export interface Descriptor {
  readonly file: number;
  readonly closeOnExec: boolean;
}

/** struct file of a userfaultfd. */
export interface OpenFile {
  readonly context: number;
  /** f_flags & O_NONBLOCK, which F_SETFL changes. */
  nonblock: boolean;
  /** Made by read(): the file lacks FMODE_NOWAIT, which userfaultfd(2) sets. */
  readonly fromRead: boolean;
  open: boolean;
}

/** struct userfaultfd_ctx. */
export interface Context {
  readonly memory: number;
  /** Creation flags. No fcntl() changes them, and the descriptors of children are made with them. */
  readonly nonblock: boolean;
  readonly closeOnExec: boolean;
  readonly userModeOnly: boolean;
  /** Undefined before UFFDIO_API succeeded: bit 31 in the kernel. */
  features: number | undefined;
  released: boolean;
  mmapChanging: number;
  /** Tasks in fault_pending_wqh, oldest first: their faults were not read yet. */
  readonly pendingFaults: number[];
  /** Tasks in fault_wqh: their faults were read and not resolved. */
  readonly readFaults: number[];
  /** Tasks in event_wqh, oldest first. */
  readonly events: number[];
}

/** struct mm_struct, as far as the part of it goes that scripts use. */
export interface Memory {
  areas: Area[];
  /** Page table entries by page number; none where there is none. */
  readonly pages: Record<number, PageEntry>;
}

/** `file`: private mapping of an ordinary file. `sealed`: shared memory that can never be written. */
export type Backing = 'anonymous' | 'shared' | 'file' | 'sealed';

/** struct vm_area_struct. */
export interface Area {
  start: number;
  end: number;
  readonly backing: Backing;
  readonly object: number | undefined;
  /** vm_pgoff: page in the object; for anonymous memory the page at which the area was made. */
  pageOffset: number;
  readonly protection: number;
  context: number | undefined;
  modes: number;
  dontFork: boolean;
  wipeOnFork: boolean;
  /** Which struct anon_vma; 0 before the first page of its own. Decides what fork copies and which areas merge. */
  anonVma: number;
  /** Made by fork: its chain of struct anon_vma has more than one link. */
  hasUncowedParents: boolean;
}

export type PageEntry =
  /** A page of private memory. */
  | {
      readonly kind: 'private';
      value: number;
      /** PageAnonExclusive: not shared with another address space by fork. */
      exclusive: boolean;
      zero: boolean;
      writeProtected: boolean;
      /** Of use only beside writeProtected: a write went through although the bit stands (see resolveWrite). */
      writable: boolean;
    }
  /** Maps the page of the shared object. */
  | { readonly kind: 'shared'; writeProtected: boolean; writable: boolean }
  /** pte marker: no page, but a note for the next fault. */
  | { readonly kind: 'marker'; poison: boolean; writeProtected: boolean };

/** Page cache of shared memory: byte by page. */
export interface SharedObject {
  readonly pages: Record<number, number>;
}

export function initialState(privileged = true): State {
  return {
    processes: [{ memory: 0, table: 0, descriptorLimit: 64, alive: true }],
    tasks: [idleTask(0, privileged), idleTask(0, privileged), idleTask(0, privileged)],
    tables: [{ entries: {} }],
    files: [],
    contexts: [],
    memories: [{ areas: [], pages: {} }],
    sharedObjects: [],
    nextAnonVma: 1,
  };
}

export function idleTask(process: number, privileged: boolean): Task {
  return { process, privileged, status: 'idle', wait: undefined, calls: [], results: [] };
}

export function copyState(state: State): State {
  return copy(state);
}

/** Deep copy of plain data; structuredClone() takes four times as long. */
function copy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copy) as T;
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const key in value) result[key] = copy(value[key]);
  return result as T;
}

/** Equal keys: the same state. */
export function stateKey(state: State): string {
  return JSON.stringify(state, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}
