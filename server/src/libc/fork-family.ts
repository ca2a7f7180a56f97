/**
 * What makes processes and threads, and whether it copies the address space: only a copy can send UFFD_EVENT_FORK.
 * Seen on Linux 6.18 with glibc 2.36 and 2.41, and with musl 1.2.3 where `musl` says so; each with a range armed.
 */
export type ForkKind =
  | 'fork'
  | 'forkpty'
  | 'daemon'
  | 'vfork'
  | 'clone'
  | 'spawn-without-copy'
  | 'thread-create'
  | 'pure';

export interface ForkCall {
  readonly name: string;
  readonly kind: ForkKind;
  /** 'by-flags': what `copiesAddressSpace()` of uffd/clone.ts says of them. glibc 2.34 and later. */
  readonly copies: 'always' | 'never' | 'by-flags';
  /** Where musl differs: it copies in every call. */
  readonly muslCopies: boolean;
  readonly reason: string;
}

const row = (
  name: string,
  kind: ForkKind,
  copies: ForkCall['copies'],
  reason: string,
  muslCopies = copies === 'always',
): ForkCall => ({ name, kind, copies, muslCopies, reason });

export const FORK_FAMILY: readonly ForkCall[] = [
  row('fork', 'fork', 'always', 'clone without CLONE_VM, holding the locks of malloc and stdio in glibc'),
  row('_Fork', 'fork', 'always', 'clone without CLONE_VM and without those locks; glibc 2.34'),
  row('forkpty', 'forkpty', 'always', 'forks'),
  row('daemon', 'daemon', 'always', 'forks and ends the parent, and with it the thread that reads'),
  row('vfork', 'vfork', 'never', 'the child runs in the same address space: its faults go to the same context'),
  row('clone', 'clone', 'by-flags', 'clone(2) by its flags'),
  row('__clone2', 'clone', 'by-flags', 'clone(2) by its flags'),
  row('posix_spawn', 'spawn-without-copy', 'never', 'CLONE_VM | CLONE_VFORK since glibc 2.24'),
  row('posix_spawnp', 'spawn-without-copy', 'never', 'CLONE_VM | CLONE_VFORK since glibc 2.24'),
  row('system', 'spawn-without-copy', 'never', 'posix_spawn() since glibc 2.29; forked before'),
  row('popen', 'spawn-without-copy', 'never', 'posix_spawn() since glibc 2.29; forked before'),
  row('wordexp', 'spawn-without-copy', 'never', 'posix_spawn() in glibc; musl forks even for plain words', true),
  row('pthread_create', 'thread-create', 'never', 'CLONE_VM | CLONE_THREAD: another thread in the same memory'),
  row('thrd_create', 'thread-create', 'never', 'pthread_create() by its C11 name'),
  row('unshare', 'pure', 'never', 'makes no process'),
];
