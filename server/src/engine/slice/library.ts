/** What a library call means to a slice: what it looks at, changes and tells, and when it need not be run at all. */
import type { Expr, Instruction } from '../../ir/ir.ts';
import { type LibraryFunction, type LibraryKind, libraryFunction } from '../../libc/effects.ts';
import { isLikeSyscall, systemCall } from '../../libc/syscalls.ts';
import { REQUESTS_BY_NUMBER, type UffdRequest } from '../../uffd/requests.ts';
import { typeOf } from '../evaluate.ts';

export type CallInstruction = Instruction & { readonly kind: 'call' };

export interface LibraryCall {
  readonly row: LibraryFunction;
  /** Those of the function itself: without the number, where it is made through syscall(2). */
  readonly arguments: readonly Expr[];
}

/** The library function or system call that a call makes, where its name says which. */
export function libraryCallOf(i: CallInstruction): LibraryCall | undefined {
  const row = i.callee.kind === 'function' ? rowOf(i.callee.name, i.arguments) : undefined;
  if (row?.kind !== 'syscall') return row === undefined ? undefined : { row, arguments: i.arguments };
  const number = i.arguments[0];
  const target = number?.kind === 'constant' ? systemCall(number.name, Number(number.value)) : undefined;
  return target === undefined ? { row, arguments: i.arguments } : { row: target, arguments: i.arguments.slice(1) };
}

/** What a function of that name is, called with these arguments; undefined where the program may define it. */
export function rowOf(name: string, list: readonly Expr[]): LibraryFunction | undefined {
  const number = list[0];
  const written = number?.kind === 'constant' || number?.kind === 'unknown' ? number.name : undefined;
  return libraryFunction(isLikeSyscall(name, written) ? 'syscall' : name);
}

/** What works on text, time and other descriptors, and only makes numbers and memory. */
const PRODUCERS: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'print',
  'pure',
  'search',
  'sleep',
  'open',
  'pipe',
  'malloc',
  'mmap',
  'memalign',
  'realloc',
  'memset',
  'memcpy',
  'atomic-store',
  'atomic-load',
  'atomic-exchange',
]);

/** After which something lies in memory under a new name, or under that of what was made at the same place before. */
export const MAKERS: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'userfaultfd',
  'ioctl',
  'syscall',
  'read',
  'readv',
  'epoll-create',
  'epoll-wait',
  'malloc',
  'realloc',
  'memalign',
  'mmap',
  'clone',
  'thread-create',
]);

/**
 * Which arguments of a kind a model looks at; all of them where a kind is not here. What only lets a descriptor
 * escape needs none: descriptors are followed wherever they go.
 */
export const LOOKED_AT: Partial<Record<LibraryKind, readonly number[]>> = {
  print: [],
  pure: [],
  select: [],
  sleep: [],
  open: [],
  pipe: [],
  malloc: [],
  mmap: [],
  memalign: [],
  realloc: [0],
  readv: [0],
  'call-once': [],
  write: [],
  sendmsg: [],
  'control-data': [],
  fdopen: [],
  munmap: [0],
  madvise: [0, 2],
  memset: [0, 1],
  memcpy: [0, 1],
  'atomic-store': [0],
  'atomic-load': [0],
  'atomic-exchange': [0],
  'thread-create': [0],
  'thread-join': [0],
  'wait-for-thread': [],
};

/** Of pointers, their models ask where these lead, not what lies there. */
export const LOOKS_NOT_BEHIND: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'munmap',
  'free',
  'madvise',
  'mutex-lock',
  'mutex-unlock',
]);

/** Whose result tells apart what became of a descriptor, a message, a process or a thread. */
export const TELLING: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'userfaultfd',
  'ioctl',
  'read',
  'readv',
  'dup',
  'dup2',
  'fcntl',
  'syscall',
  'fork',
  'forkpty',
  'daemon',
  'vfork',
  'clone',
  'thread-create',
  'exec',
  'epoll-ctl',
]);

/** What they change lies behind the first argument (the second of bcopy). */
export const WRITES_FIRST: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'memset',
  'memcpy',
  'atomic-store',
  'atomic-exchange',
]);

/** Matter for the descriptors that they are given. */
export const ESCAPES: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'close',
  'write',
  'memcpy',
  'atomic-store',
  'atomic-exchange',
]);

/** Whose result leads where an argument leads. */
export const RETURNS_ARGUMENT: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'realloc',
  'memset',
  'memcpy',
  'pure',
  'search',
]);

/** Requests that make nothing, arm nothing and negotiate nothing. */
const PLAIN: ReadonlySet<UffdRequest['kind']> = new Set(['fill', 'wake', 'write-protect']);

/** MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK: madvise(2). */
const ADVICE_ON_FORK: ReadonlySet<bigint> = new Set([10n, 11n, 18n, 19n]);

/** Calls of kinds that matter, which as they stand do not: they work on bytes, or on pages that stay where they are. */
export function isIdle({ row, arguments: list }: LibraryCall): boolean {
  switch (row.kind) {
    case 'exit':
      return true;
    case 'madvise':
      return list[2]?.kind === 'constant' && !ADVICE_ON_FORK.has(list[2].value);
    case 'read':
      return isTooSmall(list[1]);
    case 'free': {
      const type = list[0] === undefined ? undefined : typeOf(list[0]);
      return type?.kind === 'pointer' && (type.to.kind === 'integer' || type.to.kind === 'floating');
    }
    case 'write':
      return true;
    default:
      return PRODUCERS.has(row.kind);
  }
}

/** No message has room there: in a variable that is a number, not in an element, as which an array of bytes is given. */
function isTooSmall(buffer: Expr | undefined): boolean {
  if (buffer?.kind !== 'address') return false;
  const { base, path } = buffer.place;
  return path.length === 0 && base.kind === 'variable' && base.variable.type.kind === 'integer';
}

export function isPlainRequest(e: Expr | undefined): boolean {
  const request = e?.kind === 'constant' ? REQUESTS_BY_NUMBER.get(Number(e.value)) : undefined;
  return request !== undefined && PLAIN.has(request.kind);
}

const MAKES_PROCESSES: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'fork',
  'forkpty',
  'daemon',
  'vfork',
  'clone',
  'syscall',
]);

/** After the call this may be another process. */
export function makesProcess({ row, arguments: list }: LibraryCall): boolean {
  return MAKES_PROCESSES.has(row.kind) && (row.kind !== 'syscall' || !isNamed(list[0]));
}

/** It has its flags in a record. */
export function isClone3({ row, arguments: [number] }: LibraryCall): boolean {
  if (row.kind !== 'syscall' || number?.kind !== 'constant') return row.name === 'clone3';
  return systemCall(number.name, Number(number.value))?.name === 'clone3';
}

/** The number of a system call that has no model makes nothing that one would follow. */
function isNamed(number: Expr | undefined): boolean {
  return number?.kind === 'constant' || (number?.kind === 'unknown' && number.name !== undefined);
}

/** A userfaultfd is made, or its handshake may be done. */
export function isHandshake({ row, arguments: list }: LibraryCall): boolean {
  if (row.kind === 'userfaultfd') return true;
  const request = row.kind === 'ioctl' ? list[1] : undefined;
  if (request === undefined) return false;
  if (request.kind !== 'constant') return true;
  const kind = REQUESTS_BY_NUMBER.get(Number(request.value))?.kind;
  return kind === 'handshake' || kind === 'new';
}
