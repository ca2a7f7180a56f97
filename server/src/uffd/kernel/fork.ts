/**
 * clone() and what it does to userfaultfds: the fork protocol.
 *
 *   copy_files()  table copied ──► dup_mm()  areas copied, dup_userfaultfd() makes the child's contexts
 *        ──► dup_userfaultfd_complete()  for each context in turn: message queued, the forking task sleeps
 *        ──► copy_process() ends  the child exists and runs
 */
import { CLONE_FILES, copiesAddressSpace } from '../clone.ts';
import { FORK_FEATURE } from '../events.ts';
import { REGISTER_WP } from '../modes.ts';
import { pagesIn } from './areas.ts';
import { type Call, E, type Result, result } from './calls.ts';
import { copyTable } from './descriptors.ts';
import { dropUnusedMemories, releaseUnheldFiles, userfaultfd_reset_ctx } from './lifetime.ts';
import { runOthers } from './schedule.ts';
import { type Area, type ForkInProgress, idleTask, type Memory, type PageEntry } from './state.ts';
import { eventIsPrepared, userfaultfd_event_wait_completion } from './waits.ts';
import { hasFeature, type MaySleep, processOf, SLEEPS, taskOf, type World } from './world.ts';

const CLONE_VFORK = 0x4000;
const CLONE_THREAD = 0x10000;

type Clone = Extract<Call, { name: 'clone' }>;
interface ForkContext {
  readonly original: number;
  readonly created: number;
}

/** copy_process() as far as it concerns tables and address spaces. */
export function clone(w: World, task: number, call: Clone): MaySleep<Result> {
  const parent = processOf(w, task);
  const flags = BigInt(call.flags);
  const begun = beginFork(w, task, (flags & CLONE_FILES) === 0n);
  const common = { ...begun, flags: call.flags, child: call.child, fails: undefined };
  if (!copiesAddressSpace(flags)) return continueFork(w, task, { ...common, memory: parent.memory, contexts: [] });
  const { memory, contexts } = dup_mmap(w, parent.memory);
  return continueFork(w, task, { ...common, memory, contexts });
}

type BegunFork = Pick<ForkInProgress, 'kind' | 'descriptorLimit' | 'privileged' | 'table'>;

/** copy_creds(), copy_files(), copy_signal(): before the address space, and others may act in between. */
function beginFork(w: World, task: number, copiesFiles: boolean): BegunFork {
  const { descriptorLimit, table: original } = processOf(w, task);
  const table = copiesFiles ? copyTable(w.state, original) : original;
  w.tablesInMaking.add(table);
  runOthers(w, 'another call during fork');
  w.tablesInMaking.delete(table);
  return { kind: 'fork', descriptorLimit, privileged: taskOf(w, task).privileged, table };
}

/** A fork that takes its number last and does not get it: by then it has waited for the reader as any other. */
export function failingClone(w: World, task: number, late: boolean): MaySleep<Result> {
  if (!late) return result(E.EINVAL);
  const parent = processOf(w, task);
  return continueFork(w, task, {
    ...beginFork(w, task, true),
    flags: 0,
    child: 0,
    fails: E.EEXIST,
    ...dup_mmap(w, parent.memory),
  });
}

/** dup_mmap(): areas in order of their addresses. */
function dup_mmap(w: World, original: number): { memory: number; contexts: ForkContext[] } {
  const source = w.state.memories[original]!;
  const copy: Memory = { areas: [], pages: {} };
  w.state.memories.push(copy);
  const memory = w.state.memories.length - 1;
  const contexts: ForkContext[] = [];
  for (const area of source.areas) {
    if (area.dontFork) continue;
    const copied: Area = { ...area };
    copy.areas.push(copied);
    dup_userfaultfd(w, copied, memory, contexts);
    if (area.wipeOnFork) {
      copied.anonVma = 0;
      continue;
    }
    if (area.anonVma !== 0) {
      copied.anonVma = w.state.nextAnonVma++;
      copied.hasUncowedParents = true;
    }
    copy_page_range(source, copy, area, copied);
  }
  return { memory, contexts };
}

/** dup_userfaultfd(): one context for the child per context of the parent, or none and the area is disarmed. */
function dup_userfaultfd(w: World, area: Area, memory: number, contexts: ForkContext[]): void {
  const original = area.context;
  if (original === undefined) return;
  const parent = w.state.contexts[original]!;
  if (!hasFeature(parent, FORK_FEATURE)) {
    userfaultfd_reset_ctx(area);
    return;
  }
  let made = contexts.find((c) => c.original === original);
  if (made === undefined) {
    w.state.contexts.push({
      ...parent,
      memory,
      released: false,
      mmapChanging: 0,
      pendingFaults: [],
      readFaults: [],
      events: [],
    });
    eventIsPrepared(w, original);
    made = { original, created: w.state.contexts.length - 1 };
    contexts.push(made);
  }
  area.context = made.created;
}

/** copy_page_range(): what a fault would find again by itself is left out (vma_needs_copy()). */
function copy_page_range(source: Memory, copy: Memory, from: Area, to: Area): void {
  if (from.anonVma === 0 && !(to.modes & REGISTER_WP)) return;
  for (const page of pagesIn(from.start, from.end)) {
    const entry = source.pages[page];
    if (entry === undefined) continue;
    const copied = copyEntry(entry, (to.modes & REGISTER_WP) !== 0);
    if (copied !== undefined) copy.pages[page] = copied;
  }
}

function copyEntry(entry: PageEntry, keepsProtection: boolean): PageEntry | undefined {
  const writeProtected = entry.writeProtected && keepsProtection;
  if (entry.kind === 'marker') return entry.poison || writeProtected ? { ...entry, writeProtected } : undefined;
  if (entry.kind === 'private') {
    // Both are read-only from now on, so that the first write copies.
    entry.exclusive = false;
    entry.writable = false;
    return { ...entry, writeProtected };
  }
  return { ...entry, writeProtected };
}

/** dup_userfaultfd_complete(): the next message, or the rest of copy_process(). */
export function continueFork(w: World, task: number, fork: ForkInProgress): MaySleep<Result> {
  const [next, ...contexts] = fork.contexts;
  if (next !== undefined) {
    const event = { event: 'fork', child: next.created } as const;
    return userfaultfd_event_wait_completion(w, task, next.original, event, { ...fork, contexts });
  }
  if (fork.fails === undefined) return childIsBorn(w, task, fork);
  dropUnusedMemories(w);
  releaseUnheldFiles(w);
  return result(fork.fails);
}

function childIsBorn(w: World, task: number, fork: ForkInProgress): MaySleep<Result> {
  let process = taskOf(w, task).process;
  if (!(fork.flags & CLONE_THREAD)) {
    const { memory, table, descriptorLimit } = fork;
    w.state.processes.push({ memory, table, descriptorLimit, alive: true });
    process = w.state.processes.length - 1;
  }
  while (w.state.tasks.length < fork.child) w.state.tasks.push({ ...idleTask(0, false), status: 'gone' });
  w.state.tasks[fork.child] = idleTask(process, fork.privileged);
  w.happened.push({ what: 'born', task: fork.child });
  if (!(fork.flags & CLONE_VFORK)) return result(fork.child);
  const t = taskOf(w, task);
  t.wait = { kind: 'vfork', child: fork.child, result: result(fork.child) };
  t.status = 'waiting';
  return SLEEPS;
}
