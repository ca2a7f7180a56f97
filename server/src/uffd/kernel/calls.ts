/** The system calls and memory accesses that the model knows, and what they give back. */

export type CallName = Call['name'];
export type CallOf<Name extends CallName> = Extract<Call, { name: Name }>;

/** One member of the union for each name, so that a name alone tells which call it is. */
type Each<Name extends string, Members> = Name extends string ? { readonly name: Name } & Readonly<Members> : never;
interface OnDescriptor {
  fd: number;
}
interface OnRange extends OnDescriptor {
  start: number;
  length: number;
}

export const REQUEST_NAMES = [
  'api',
  'register',
  'unregister',
  'wake',
  'copy',
  'zeropage',
  'continue',
  'poison',
  'move',
  'writeprotect',
] as const;
export type RequestName = (typeof REQUEST_NAMES)[number];

type DescriptorCallName =
  | 'write'
  | 'lseek'
  | 'pread'
  | 'map-descriptor'
  | 'poll'
  | 'select'
  | 'epoll'
  | 'close'
  | 'dup'
  | 'getfl'
  | 'getfd'
  | 'unknown-ioctl';

/** Addresses and lengths are bytes; addresses count from the start of the arena that scripts play in. */
export type Call =
  /** `device`: open("/dev/userfaultfd"), USERFAULTFD_IOC_NEW, close() of the device. */
  | Each<'userfaultfd' | 'device', { flags: number }>
  | Each<'api', OnDescriptor & { api: number; features: number }>
  | Each<'unregister' | 'wake', OnRange>
  | Each<'register' | 'zeropage' | 'continue' | 'poison' | 'writeprotect', OnRange & { mode: number }>
  /** `value`: first byte of each page of the source. */
  | Each<'copy', OnRange & { mode: number; value: number; badSource: boolean }>
  | Each<'move', OnRange & { mode: number; source: number }>
  /** `nowait`: preadv2() with RWF_NOWAIT. */
  | Each<'read', OnDescriptor & { bytes: number; how: 'read' | 'bad-pointer' | 'readv' | 'nowait' }>
  /** A request whose argument is a bad pointer. */
  | Each<'bad-argument', OnDescriptor & { request: RequestName }>
  | Each<DescriptorCallName, OnDescriptor>
  | Each<'setfl' | 'setfd', OnDescriptor & { flags: number }>
  | Each<
      'mmap',
      { start: number; length: number; backing: 'anonymous' | 'shared' | 'file' | 'sealed'; protection: number }
    >
  | Each<'munmap', { start: number; length: number }>
  | Each<'mremap', { start: number; length: number; newLength: number; flags: number; to: number }>
  | Each<'madvise', { start: number; length: number; advice: number }>
  /** One byte, by an instruction of the program or by the kernel on its behalf (which writes zero). */
  | Each<'access', { address: number; write: boolean; value: number; user: boolean }>
  | Each<'clone', { flags: number; child: number }>
  /** A clone3() that is refused before the address space is copied, or when all but the child's number stands. */
  | Each<'failing-clone', { late: boolean }>
  /** `drop-privilege`: CAP_SYS_PTRACE of this thread. */
  | Each<'exit' | 'exec' | 'drop-privilege', unknown>
  | Each<'nofile', { limit: number }>;

/** What happens to a task from outside. */
export type Intervention =
  | { readonly name: 'kill'; readonly task: number }
  /** A signal with a handler, without or with SA_RESTART. */
  | { readonly name: 'signal'; readonly task: number; readonly restart: boolean };

/** Calls that a task makes one after the other without a pause. */
export interface Work {
  readonly task: number;
  readonly calls: readonly Call[];
}

/** One step: the work of a task, with that of another one at the same time, or an intervention. */
export type Operation =
  | (Work & { readonly beside?: Work })
  | { readonly task: undefined; readonly intervention: Intervention };

/** Value or negative errno (for an access: byte or negative signal), and what the kernel wrote into the caller's memory. */
export interface Result {
  readonly value: number;
  readonly out: readonly (number | bigint)[];
}

export const result = (value: number, ...out: (number | bigint)[]): Result => ({ value, out });

/** What the caller had put into an out member, and the kernel left alone. */
export const UNTOUCHED = 0x5555555555555555n;

export const E = {
  EPERM: -1,
  ESPIPE: -29,
  EOPNOTSUPP: -95,
  EINTR: -4,
  EBADF: -9,
  EAGAIN: -11,
  ENOMEM: -12,
  EACCES: -13,
  EFAULT: -14,
  EBUSY: -16,
  EEXIST: -17,
  ENODEV: -19,
  EINVAL: -22,
  EMFILE: -24,
  ENOSPC: -28,
  ENOENT: -2,
  ESRCH: -3,
} as const;

export const SIGNAL = { SIGBUS: -7, SIGSEGV: -11 } as const;
