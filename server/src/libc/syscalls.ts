/** syscall(2) by name, and by x86-64 number, for the calls that the engine models. */
import { type LibraryFunction, libraryFunction } from './effects.ts';

const NUMBERS: readonly (readonly [string, number, string])[] = [
  ['userfaultfd', 323, 'userfaultfd'],
  ['fork', 57, 'fork'],
  ['vfork', 58, 'vfork'],
  ['clone', 56, 'clone'],
  ['clone3', 435, 'clone'],
  ['read', 0, 'read'],
  ['close', 3, 'close'],
  ['ioctl', 16, 'ioctl'],
  ['poll', 7, 'poll'],
  ['exit', 60, 'pthread_exit'],
  ['exit_group', 231, '_exit'],
  ['gettid', 186, 'gettid'],
  ['getpid', 39, 'getpid'],
  ['memfd_create', 319, 'memfd_create'],
  ['pidfd_open', 434, 'pidfd_open'],
  ['mremap', 25, 'mremap'],
  ['madvise', 28, 'madvise'],
  ['munmap', 11, 'munmap'],
  ['futex', 202, 'sched_yield'],
  ['sched_yield', 24, 'sched_yield'],
  ['tgkill', 234, 'kill'],
  ['process_madvise', 440, 'process_madvise'],
];

/** By name (`userfaultfd`) and by number in decimal (`323`). */
export const SYSCALLS_BY_NUMBER: ReadonlyMap<string, LibraryFunction> = new Map(
  NUMBERS.flatMap(([name, number, model]) => {
    const row = libraryFunction(model);
    if (row === undefined) return [];
    const named = { ...row, name };
    return [
      [name, named],
      [String(number), named],
    ] as [string, LibraryFunction][];
  }),
);

/** `CHECKED_SYSCALL(__NR_userfaultfd, …)`: a function or macro that is not shown, and whose name and number say what it does. */
export function isLikeSyscall(name: string, number: string | undefined): boolean {
  return number !== undefined && /^(?:SYS_|__NR_)/.test(number) && /syscall/i.test(name);
}

/** The call that syscall(2) makes: `name` is that of the constant (`SYS_userfaultfd`), where there is one. */
export function systemCall(name: string | undefined, value: number | undefined): LibraryFunction | undefined {
  return (
    SYSCALLS_BY_NUMBER.get(name?.replace(/^(SYS_|__NR_)/, '') ?? '') ??
    (value === undefined ? undefined : SYSCALLS_BY_NUMBER.get(String(value)))
  );
}
