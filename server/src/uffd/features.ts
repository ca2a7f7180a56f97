/**
 * Feature bits of UFFDIO_API: include/uapi/linux/userfaultfd.h, userfaultfd_api() in fs/userfaultfd.c (Linux 6.18).
 * A bit is inert when requesting it only tests for support: the kernel behaves the same without it.
 */
import type { Evidence } from './versions.ts';

const OF_MESSAGES = /^UFFD_FEATURE_(?:EVENT_|THREAD_ID$)/;

export interface Feature {
  readonly name: string;
  readonly bit: bigint;
  /** First kernel release that knows the bit. */
  readonly since: string;
  /** Whether its behaviour was seen on a running kernel; the releases are read from sources and manuals. */
  readonly evidence: Evidence;
  readonly inert: boolean;
  /** Capability that UFFDIO_API asks for, or undefined. */
  readonly privilege: string | undefined;
  /** What the program gets only with the bit, or, for an inert one, what its support announces. */
  readonly governs: string;
  /** The kernel function or manual page that says so. */
  readonly source: string;
}

export const FEATURES: readonly Feature[] = [
  {
    name: 'UFFD_FEATURE_PAGEFAULT_FLAG_WP',
    bit: 0x1n,
    since: '5.7',
    evidence: 'seen running',
    inert: true,
    privilege: undefined,
    governs: 'UFFDIO_REGISTER_MODE_WP, UFFDIO_WRITEPROTECT, UFFDIO_COPY_MODE_WP',
    source: 'userfaultfd_register() and userfaultfd_writeprotect() never look at it',
  },
  {
    name: 'UFFD_FEATURE_EVENT_FORK',
    bit: 0x2n,
    since: '4.11',
    evidence: 'seen running',
    inert: false,
    privilege: 'CAP_SYS_PTRACE',
    governs: 'UFFD_EVENT_FORK, a context for the child; the child stays armed',
    source: 'dup_userfaultfd(); the capability: userfaultfd_api(), since 5.5 and the stable trees of 2019',
  },
  {
    name: 'UFFD_FEATURE_EVENT_REMAP',
    bit: 0x4n,
    since: '4.11',
    evidence: 'seen running',
    inert: false,
    privilege: undefined,
    governs: 'UFFD_EVENT_REMAP; the moved range stays armed',
    source: 'mremap_userfaultfd_prep()',
  },
  {
    name: 'UFFD_FEATURE_EVENT_REMOVE',
    bit: 0x8n,
    since: '4.11',
    evidence: 'seen running',
    inert: false,
    privilege: undefined,
    governs: 'UFFD_EVENT_REMOVE',
    source: 'userfaultfd_remove()',
  },
  {
    name: 'UFFD_FEATURE_MISSING_HUGETLBFS',
    bit: 0x10n,
    since: '4.11',
    evidence: 'source only',
    inert: true,
    privilege: undefined,
    governs: 'UFFDIO_REGISTER_MODE_MISSING on hugetlb memory',
    source: 'vma_can_userfault() never looks at it',
  },
  {
    name: 'UFFD_FEATURE_MISSING_SHMEM',
    bit: 0x20n,
    since: '4.11',
    evidence: 'seen running',
    inert: true,
    privilege: undefined,
    governs: 'UFFDIO_REGISTER_MODE_MISSING on shared memory',
    source: 'vma_can_userfault() never looks at it',
  },
  {
    name: 'UFFD_FEATURE_EVENT_UNMAP',
    bit: 0x40n,
    since: '4.11',
    evidence: 'seen running',
    inert: false,
    privilege: undefined,
    governs: 'UFFD_EVENT_UNMAP',
    source: 'userfaultfd_unmap_prep()',
  },
  {
    name: 'UFFD_FEATURE_SIGBUS',
    bit: 0x80n,
    since: '4.14',
    evidence: 'seen running',
    inert: false,
    privilege: undefined,
    governs: 'SIGBUS in the faulting thread in place of every UFFD_EVENT_PAGEFAULT',
    source: 'handle_userfault()',
  },
  {
    name: 'UFFD_FEATURE_THREAD_ID',
    bit: 0x100n,
    since: '4.14',
    evidence: 'seen running',
    inert: false,
    privilege: undefined,
    governs: 'arg.pagefault.feat.ptid, else 0',
    source: 'userfault_msg()',
  },
  {
    name: 'UFFD_FEATURE_MINOR_HUGETLBFS',
    bit: 0x200n,
    since: '5.13',
    evidence: 'source only',
    inert: true,
    privilege: undefined,
    governs: 'UFFDIO_REGISTER_MODE_MINOR and UFFDIO_CONTINUE on hugetlb memory',
    source: 'vma_can_userfault() never looks at it',
  },
  {
    name: 'UFFD_FEATURE_MINOR_SHMEM',
    bit: 0x400n,
    since: '5.14',
    evidence: 'seen running',
    inert: true,
    privilege: undefined,
    governs: 'UFFDIO_REGISTER_MODE_MINOR and UFFDIO_CONTINUE on shared memory',
    source: 'vma_can_userfault() never looks at it',
  },
  {
    name: 'UFFD_FEATURE_EXACT_ADDRESS',
    bit: 0x800n,
    since: '5.18',
    evidence: 'seen running',
    inert: false,
    privilege: undefined,
    governs: 'the in-page part of arg.pagefault.address, else 0',
    source: 'userfault_msg()',
  },
  {
    name: 'UFFD_FEATURE_WP_HUGETLBFS_SHMEM',
    bit: 0x1000n,
    since: '5.19',
    evidence: 'seen running',
    inert: true,
    privilege: undefined,
    governs: 'UFFDIO_REGISTER_MODE_WP on hugetlb and shared memory',
    source: 'vma_can_userfault() never looks at it',
  },
  {
    name: 'UFFD_FEATURE_WP_UNPOPULATED',
    bit: 0x2000n,
    since: '6.4',
    evidence: 'seen running',
    inert: false,
    privilege: undefined,
    governs: 'UFFDIO_WRITEPROTECT of anonymous pages that are not present',
    source: 'userfaultfd_wp_unpopulated()',
  },
  {
    name: 'UFFD_FEATURE_POISON',
    bit: 0x4000n,
    since: '6.6',
    evidence: 'seen running',
    inert: true,
    privilege: undefined,
    governs: 'UFFDIO_POISON',
    source: 'userfaultfd_poison() never looks at it',
  },
  {
    name: 'UFFD_FEATURE_WP_ASYNC',
    bit: 0x8000n,
    since: '6.7',
    evidence: 'seen running',
    inert: false,
    privilege: undefined,
    governs: 'write faults resolved by the kernel without a message; turns on UFFD_FEATURE_WP_UNPOPULATED',
    source: 'userfaultfd_wp_async(), userfaultfd_api()',
  },
  {
    name: 'UFFD_FEATURE_MOVE',
    bit: 0x10000n,
    since: '6.8',
    evidence: 'seen running',
    inert: true,
    privilege: undefined,
    governs: 'UFFDIO_MOVE',
    source: 'userfaultfd_move() never looks at it',
  },
];

/** Features that decide which messages come and what stands in them: UFFD_FEATURE_EVENT_… and UFFD_FEATURE_THREAD_ID. */
export const MESSAGE_FEATURES = FEATURES.reduce((all, { name, bit }) => (OF_MESSAGES.test(name) ? all | bit : all), 0n);

/** What UFFDIO_API reports: every bit the kernel supports, whether it was requested or not. */
export const ALL_FEATURE_BITS = FEATURES.reduce((all, f) => all | f.bit, 0n);
