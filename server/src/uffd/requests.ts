/** The ioctl requests of a userfaultfd and of /dev/userfaultfd: include/uapi/linux/userfaultfd.h. */
import type { Evidence } from './versions.ts';

export interface UffdRequest {
  readonly name: string;
  readonly number: number;
  readonly since: string;
  readonly evidence: Evidence;
  readonly kind: 'handshake' | 'register' | 'unregister' | 'wake' | 'fill' | 'write-protect' | 'new';
  /** Bytes of the record that the argument points to; 0 where the argument is a value (the creation flags). */
  readonly size: number;
  /** Members that the kernel writes, and under which outcome; undefined where it writes none. */
  readonly writes: string | undefined;
  /** The kernel function or manual page that says so. */
  readonly source: string;
}

export const REQUESTS: readonly UffdRequest[] = [
  {
    name: 'UFFDIO_API',
    number: 0xc018aa3f,
    since: '4.3',
    evidence: 'seen running',
    kind: 'handshake',
    size: 24,
    writes: 'features and ioctls on success; all of the record becomes zero on failure',
    source: 'userfaultfd_api()',
  },
  {
    name: 'UFFDIO_REGISTER',
    number: 0xc020aa00,
    since: '4.3',
    evidence: 'seen running',
    kind: 'register',
    size: 32,
    writes: 'ioctls on success',
    source: 'userfaultfd_register()',
  },
  {
    name: 'UFFDIO_UNREGISTER',
    number: 0x8010aa01,
    since: '4.3',
    evidence: 'seen running',
    kind: 'unregister',
    size: 16,
    writes: undefined,
    source: 'userfaultfd_unregister()',
  },
  {
    name: 'UFFDIO_WAKE',
    number: 0x8010aa02,
    since: '4.3',
    evidence: 'seen running',
    kind: 'wake',
    size: 16,
    writes: undefined,
    source: 'userfaultfd_wake()',
  },
  {
    name: 'UFFDIO_COPY',
    number: 0xc028aa03,
    since: '4.3',
    evidence: 'seen running',
    kind: 'fill',
    size: 40,
    writes: 'copy: bytes done or a negative errno; on EAGAIN while an event waits only since 6.15',
    source: 'userfaultfd_copy()',
  },
  {
    name: 'UFFDIO_ZEROPAGE',
    number: 0xc020aa04,
    since: '4.3',
    evidence: 'seen running',
    kind: 'fill',
    size: 32,
    writes: 'zeropage: bytes done or a negative errno; on EAGAIN while an event waits only since 6.15',
    source: 'userfaultfd_zeropage()',
  },
  {
    name: 'UFFDIO_MOVE',
    number: 0xc028aa05,
    since: '6.8',
    evidence: 'seen running',
    kind: 'fill',
    size: 40,
    writes: 'move: bytes done or a negative errno; on EAGAIN while an event waits only since 6.15',
    source: 'userfaultfd_move()',
  },
  {
    name: 'UFFDIO_WRITEPROTECT',
    number: 0xc018aa06,
    since: '5.7',
    evidence: 'seen running',
    kind: 'write-protect',
    size: 24,
    writes: undefined,
    source: 'userfaultfd_writeprotect()',
  },
  {
    name: 'UFFDIO_CONTINUE',
    number: 0xc020aa07,
    since: '5.13',
    evidence: 'seen running',
    kind: 'fill',
    size: 32,
    writes: 'mapped: bytes done or a negative errno; on EAGAIN while an event waits only since 6.15',
    source: 'userfaultfd_continue()',
  },
  {
    name: 'UFFDIO_POISON',
    number: 0xc020aa08,
    since: '6.6',
    evidence: 'seen running',
    kind: 'fill',
    size: 32,
    writes: 'updated: bytes done or a negative errno; on EAGAIN while an event waits only since 6.15',
    source: 'userfaultfd_poison()',
  },
  {
    name: 'USERFAULTFD_IOC_NEW',
    number: 0xaa00,
    since: '6.1',
    evidence: 'seen running',
    kind: 'new',
    size: 0,
    writes: undefined,
    source: 'userfaultfd_dev_ioctl(): the argument is the creation flags themselves',
  },
];

export const REQUESTS_BY_NUMBER: ReadonlyMap<number, UffdRequest> = new Map(REQUESTS.map((r) => [r.number, r]));

/** Members in which the kernel says how many bytes a request that fills pages did, or why none. */
export const FILL_RESULTS = ['copy', 'zeropage', 'mapped', 'updated', 'move'] as const;
