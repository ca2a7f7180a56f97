/**
 * What each call may end with, in one table: the laboratory counts which of these it has seen, and docs/semantics.md
 * prints them. A label is `ok`, the kind of message, the errno, the signal, or how the task sleeps.
 */
import { EVENTS } from '../events.ts';
import { type Call, type CallName, E, type Result, SIGNAL, UNTOUCHED } from './calls.ts';

/** What a script cannot bring about; a directed test does, or docs/semantics.md says why none can. */
export type Reached = 'by scripts' | 'directed' | 'not here';

export interface PossibleOutcome {
  readonly call: CallName;
  readonly label: string;
  readonly when: string;
  readonly reached: Reached;
}

const rows = (
  call: CallName | readonly CallName[],
  outcomes: Readonly<Record<string, string>>,
  reached: Reached = 'by scripts',
) =>
  (typeof call === 'string' ? [call] : call).flatMap((name) =>
    Object.entries(outcomes).map(([label, when]): PossibleOutcome => ({ call: name, label, when, reached })),
  );

const FRESH_OR_NOT_A_NUMBER = { EBADF: 'no such descriptor', 'EINVAL fresh': 'before UFFDIO_API succeeded' };
const RANGE = 'start or length not whole pages, length 0, or behind the address space';
const FILLS = {
  ok: 'all of it; wakes waiters unless DONTWAKE',
  partial: 'the first pages only: EAGAIN, and the out member has the bytes',
  'EAGAIN changing': 'an event of the context is on its way; tested before the arguments',
  EEXIST: 'the first page is there; wakes nobody',
  ENOENT: 'the range is not inside one armed area',
  EINVAL: `${RANGE}; unknown mode bit`,
  ESRCH: 'the address space is gone: its process ended, became another program, or its fork failed',
};

export const POSSIBLE_OUTCOMES: readonly PossibleOutcome[] = [
  ...rows('userfaultfd', { ok: 'the lowest free number', EINVAL: 'unknown flag', EMFILE: 'the table is full' }),
  ...rows('userfaultfd', { EPERM: 'without CAP_SYS_PTRACE, unless UFFD_USER_MODE_ONLY' }),
  ...rows('device', {
    ok: 'the lowest free number after the device',
    EINVAL: 'unknown flag',
    EMFILE: 'the table is full',
  }),
  ...rows('api', {
    ok: 'features becomes what the kernel supports',
    EBADF: 'no such descriptor',
    EINVAL: 'api is not UFFD_API, an unknown feature, or enabled before; the record becomes zero',
  }),
  ...rows('api', { EPERM: 'EVENT_FORK without CAP_SYS_PTRACE; the record becomes zero' }),
  ...rows('register', {
    ok: 'ioctls says what the range takes; modes are replaced unless the new ones are among the old',
    ...FRESH_OR_NOT_A_NUMBER,
    EINVAL: `mode 0 or unknown; ${RANGE}; nothing mapped; a kind of area that the mode does not cover`,
    EBUSY: 'another context owns a part',
    ENOMEM: 'the address space is gone',
  }),
  ...rows('register', { EPERM: 'shared memory that can never be written' }),
  ...rows('unregister', {
    ok: 'wakes waiters of areas with mode MISSING only',
    ...FRESH_OR_NOT_A_NUMBER,
    EINVAL: `${RANGE}; nothing mapped; another context owns a part`,
    ENOMEM: 'the address space is gone',
  }),
  ...rows('wake', { ok: 'armed or not, mapped or not', ...FRESH_OR_NOT_A_NUMBER, EINVAL: RANGE }),
  ...rows(['copy', 'zeropage', 'continue', 'poison'], { ...FRESH_OR_NOT_A_NUMBER, ...FILLS }),
  ...rows('copy', { EFAULT: 'the source cannot be read' }),
  ...rows('continue', { EFAULT: 'no page in the object' }),
  ...rows('move', {
    ...FRESH_OR_NOT_A_NUMBER,
    ok: FILLS.ok,
    partial: FILLS.partial,
    'EAGAIN changing': FILLS['EAGAIN changing'],
    EEXIST: 'the first page of the target is there',
    ENOENT: 'nothing mapped; a hole in the source without ALLOW_SRC_HOLES',
    EINVAL: `${RANGE}; unknown mode bit; called from another address space; target not armed by this context; shared memory`,
    EBUSY: 'fork shares the page',
    EFAULT: 'the source has a marker in place of a page',
  }),
  ...rows('writeprotect', {
    ...FRESH_OR_NOT_A_NUMBER,
    ok: 'clearing wakes waiters unless DONTWAKE',
    EAGAIN: 'an event of the context is on its way',
    EINVAL: `${RANGE}; unknown mode bit; WP and DONTWAKE together`,
    ENOENT: 'an area without mode WP, or nothing mapped',
    ESRCH: FILLS.ESRCH,
  }),
  ...rows('unknown-ioctl', { EBADF: 'no such descriptor', EINVAL: 'never ENOTTY' }),
  ...rows('read', {
    PAGEFAULT: 'the oldest fault',
    FORK: 'no fault waits, and this is the oldest event',
    REMAP: 'as FORK',
    REMOVE: 'as FORK',
    UNMAP: 'as FORK',
    batch: 'several messages at once',
    EBADF: 'no such descriptor',
    EINVAL: 'before UFFDIO_API succeeded; less than 32 bytes',
    EAGAIN: 'no message, O_NONBLOCK',
    EMFILE: 'FORK and the table is full: the message goes to the back, the forking task sleeps on',
    EFAULT: 'the message is taken all the same, a FORK descriptor installed',
    EINTR: 'a signal whose handler does not restart',
    'sleeps: read': 'no message, blocking',
  }),
  ...rows('read', { EOPNOTSUPP: 'RWF_NOWAIT on a descriptor that read() made' }),
  ...rows('bad-argument', {
    EBADF: 'no such descriptor',
    EINVAL: 'before UFFDIO_API succeeded',
    EFAULT: 'also while an event is on its way: the out member is written first',
    EAGAIN: 'UFFDIO_WRITEPROTECT while an event is on its way: it has no out member',
  }),
  ...rows('write', { EBADF: 'descriptors are read-only' }),
  ...rows('lseek', { ok: 'and does nothing', EBADF: 'no such descriptor' }),
  ...rows('pread', { ESPIPE: 'there is no position', EBADF: 'no such descriptor' }),
  ...rows('map-descriptor', { ENODEV: 'cannot be mapped', EBADF: 'no such descriptor' }),
  ...rows('poll', {
    none: 'no message',
    POLLIN: 'a fault that was not read, or an event',
    POLLERR: 'before UFFDIO_API succeeded, and always where the file blocks',
    POLLNVAL: 'no such descriptor',
  }),
  ...rows('select', {
    none: 'no message',
    readable: 'a message',
    both: 'where poll says POLLERR',
    EBADF: 'no such descriptor',
  }),
  ...rows('epoll', {
    none: 'no message',
    POLLIN: 'a message',
    POLLERR: 'as poll',
    EBADF: 'no such descriptor',
    EINVAL: 'the number was free, and the epoll descriptor itself took it',
    EMFILE: 'no number for the epoll descriptor',
  }),
  ...rows('close', { ok: 'the last holder releases the context', EBADF: 'no such descriptor' }),
  ...rows('dup', { ok: 'the lowest free number', EBADF: 'no such descriptor', EMFILE: 'the table is full' }),
  ...rows(['getfl', 'getfd', 'setfl', 'setfd'], { ok: 'says or sets', EBADF: 'no such descriptor' }),
  ...rows(['mmap', 'munmap'], {
    ok: 'no armed area in the range, or no EVENT_UNMAP',
    'sleeps: event': 'UNMAP was sent, after the change',
  }),
  ...rows('munmap', { EINVAL: 'start not a whole page, length 0, or behind the address space' }),
  ...rows('mremap', {
    ok: 'moved or shrunk',
    'sleeps: event': 'REMAP after the move, UNMAP for what is unmapped',
    EFAULT: 'nothing mapped at the old address',
    EINVAL: 'old and new place overlap',
  }),
  ...rows('madvise', {
    ok: 'without EVENT_REMOVE, or advice that sends none',
    'sleeps: event': 'REMOVE was sent, before the pages go',
    ENOMEM: 'a hole in the range',
    EINVAL: 'unknown advice, or advice that the area does not take',
    EACCES: 'MADV_REMOVE of a private file mapping',
  }),
  ...rows('access', {
    ok: 'the page is there, or the kernel makes it',
    'sleeps: fault': 'PAGEFAULT was sent',
    SIGSEGV: 'nothing mapped, or not with this right',
    SIGBUS: 'poison, or UFFD_FEATURE_SIGBUS',
    EFAULT: 'the same where the kernel accesses; and UFFD_USER_MODE_ONLY',
  }),
  ...rows('clone', {
    ok: 'the child runs',
    'sleeps: event': 'FORK was sent; there is no child yet',
    'sleeps: vfork': 'CLONE_VFORK, until the child lets the address space go',
  }),
  ...rows('failing-clone', {
    EINVAL: 'refused before the address space is copied: no message',
    EEXIST: 'fails when all but the number stands',
    'sleeps: event': 'FORK was sent, and waits for its reader, for a child that will not be',
  }),
  ...rows(['exit', 'exec'], { gone: 'never comes back' }),
  ...rows('drop-privilege', { ok: 'this thread only, and what it makes' }),
  ...rows('nofile', { ok: 'RLIMIT_NOFILE of the process' }),
];

const ERRNO_NAMES = new Map<number, string>(Object.entries(E).map(([name, value]) => [value, name]));
const SIGNAL_NAMES = new Map<number, string>(Object.entries(SIGNAL).map(([name, value]) => [value, name]));
const EVENT_NAMES = new Map(EVENTS.map((e) => [BigInt(e.value), e.name.replace('UFFD_EVENT_', '')]));
const POLL_NAMES = new Map([
  [0n, 'none'],
  [1n, 'POLLIN'],
  [8n, 'POLLERR'],
  [32n, 'POLLNVAL'],
]);
const MESSAGE_SIZE = 32;

/** The label of a call that ended. `fresh`: its descriptor was not enabled. */
export function labelOf(call: Call, result: Result, fresh: boolean): string {
  const errno = ERRNO_NAMES.get(result.value);
  const [first = 0] = result.out;
  switch (call.name) {
    case 'copy':
    case 'zeropage':
    case 'continue':
    case 'poison':
    case 'move':
      if (result.value === E.EAGAIN)
        return BigInt(first) > 0n && BigInt(first) !== UNTOUCHED ? 'partial' : 'EAGAIN changing';
      break;
    case 'access':
      if (call.user) return SIGNAL_NAMES.get(result.value) ?? 'ok';
      break;
    case 'read':
      if (result.value > MESSAGE_SIZE) return 'batch';
      return errno ?? EVENT_NAMES.get(BigInt(first)) ?? 'unknown';
    case 'poll':
      return POLL_NAMES.get(BigInt(first)) ?? 'unknown';
    case 'epoll':
      return errno ?? POLL_NAMES.get(BigInt(first)) ?? 'unknown';
    case 'select':
      return errno ?? ['none', 'readable', 'both'][result.value] ?? 'unknown';
    case 'unknown-ioctl':
      return errno ?? 'ok';
  }
  if (errno === 'EINVAL' && fresh && FRESH_TELLS.has(call.name)) return 'EINVAL fresh';
  return errno ?? 'ok';
}

const FRESH_TELLS = new Set(POSSIBLE_OUTCOMES.filter((o) => o.label === 'EINVAL fresh').map((o) => o.call));
