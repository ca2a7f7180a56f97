/** Descriptor tables and the calls on descriptors that every file has (fs/file.c, fs/fcntl.c). */
import { type Call, E, type Result, result } from './calls.ts';
import { releaseUnheldFiles } from './lifetime.ts';
import type { DescriptorTable, Process, State } from './state.ts';
import { fileOf, processOf, type World } from './world.ts';

/** 0, 1 and 2 are open on /dev/null in every script. */
const FIRST_FREE = 3;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
const FD_CLOEXEC = 1;

export function tableOf(state: State, process: Process): DescriptorTable {
  return state.tables[process.table]!;
}

/** get_unused_fd_flags(): the lowest free number from `from` on, or undefined: EMFILE. */
export function freeNumber(w: World, task: number, from = FIRST_FREE): number | undefined {
  const process = processOf(w, task);
  const entries = tableOf(w.state, process).entries;
  let fd = from;
  while (entries[fd] !== undefined) fd++;
  return fd < process.descriptorLimit ? fd : undefined;
}

/** anon_inode_create_getfile() and fd_install(). */
export function installFile(w: World, task: number, fd: number, context: number, by: 'created' | 'read'): void {
  const { nonblock, closeOnExec } = w.state.contexts[context]!;
  w.state.files.push({ context, nonblock, fromRead: by === 'read', open: true });
  tableOf(w.state, processOf(w, task)).entries[fd] = { file: w.state.files.length - 1, closeOnExec };
}

export function close(w: World, task: number, fd: number): Result {
  if (fileOf(w, task, fd) === undefined) return result(E.EBADF);
  delete tableOf(w.state, processOf(w, task)).entries[fd];
  releaseUnheldFiles(w);
  return result(0);
}

export function dup(w: World, task: number, fd: number): Result {
  const found = fileOf(w, task, fd);
  if (found === undefined) return result(E.EBADF);
  const free = freeNumber(w, task);
  if (free === undefined) return result(E.EMFILE);
  tableOf(w.state, processOf(w, task)).entries[free] = { file: found.id, closeOnExec: false };
  return result(free);
}

type Fcntl = Extract<Call, { name: 'getfl' | 'getfd' | 'setfl' | 'setfd' }>;

export function fcntl(w: World, task: number, call: Fcntl): Result {
  const found = fileOf(w, task, call.fd);
  if (found === undefined) return result(E.EBADF);
  const entries = tableOf(w.state, processOf(w, task)).entries;
  switch (call.name) {
    case 'getfl':
      return result((found.file.nonblock ? O_NONBLOCK : 0) | (w.facts.opensReadOnly ? 0 : 2));
    case 'setfl':
      found.file.nonblock = (call.flags & O_NONBLOCK) !== 0;
      return result(0);
    case 'getfd':
      return result(entries[call.fd]!.closeOnExec ? FD_CLOEXEC : 0);
    case 'setfd':
      entries[call.fd] = { file: found.id, closeOnExec: (call.flags & FD_CLOEXEC) !== 0 };
      return result(0);
  }
}

export function setDescriptorLimit(w: World, task: number, limit: number): Result {
  processOf(w, task).descriptorLimit = limit;
  return result(0);
}

/** dup_fd(). */
export function copyTable(state: State, table: number): number {
  state.tables.push({ entries: { ...state.tables[table]!.entries } });
  return state.tables.length - 1;
}
