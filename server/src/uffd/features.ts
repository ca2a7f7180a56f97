/**
 * Feature bits of UFFDIO_API: include/uapi/linux/userfaultfd.h, userfaultfd_api() in fs/userfaultfd.c (Linux 6.18).
 * A bit is inert when requesting it only tests for support: the kernel behaves the same without it.
 */
export interface Feature {
  readonly name: string;
  readonly bit: bigint;
  /** First kernel release that knows the bit. */
  readonly since: string;
  readonly inert: boolean;
  /** Capability that UFFDIO_API asks for, or undefined. */
  readonly privilege: string | undefined;
}

export const FEATURES: readonly Feature[] = [
  { name: 'UFFD_FEATURE_PAGEFAULT_FLAG_WP', bit: 0x1n, since: '5.7', inert: true, privilege: undefined },
  { name: 'UFFD_FEATURE_EVENT_FORK', bit: 0x2n, since: '4.11', inert: false, privilege: 'CAP_SYS_PTRACE' },
  { name: 'UFFD_FEATURE_EVENT_REMAP', bit: 0x4n, since: '4.11', inert: false, privilege: undefined },
  { name: 'UFFD_FEATURE_EVENT_REMOVE', bit: 0x8n, since: '4.11', inert: false, privilege: undefined },
  { name: 'UFFD_FEATURE_MISSING_HUGETLBFS', bit: 0x10n, since: '4.11', inert: true, privilege: undefined },
  { name: 'UFFD_FEATURE_MISSING_SHMEM', bit: 0x20n, since: '4.11', inert: true, privilege: undefined },
  { name: 'UFFD_FEATURE_EVENT_UNMAP', bit: 0x40n, since: '4.11', inert: false, privilege: undefined },
  { name: 'UFFD_FEATURE_SIGBUS', bit: 0x80n, since: '4.14', inert: false, privilege: undefined },
  { name: 'UFFD_FEATURE_THREAD_ID', bit: 0x100n, since: '4.14', inert: false, privilege: undefined },
  { name: 'UFFD_FEATURE_MINOR_HUGETLBFS', bit: 0x200n, since: '5.13', inert: true, privilege: undefined },
  { name: 'UFFD_FEATURE_MINOR_SHMEM', bit: 0x400n, since: '5.14', inert: true, privilege: undefined },
  { name: 'UFFD_FEATURE_EXACT_ADDRESS', bit: 0x800n, since: '5.18', inert: false, privilege: undefined },
  { name: 'UFFD_FEATURE_WP_HUGETLBFS_SHMEM', bit: 0x1000n, since: '5.19', inert: true, privilege: undefined },
  { name: 'UFFD_FEATURE_WP_UNPOPULATED', bit: 0x2000n, since: '6.4', inert: false, privilege: undefined },
  { name: 'UFFD_FEATURE_POISON', bit: 0x4000n, since: '6.6', inert: true, privilege: undefined },
  { name: 'UFFD_FEATURE_WP_ASYNC', bit: 0x8000n, since: '6.7', inert: false, privilege: undefined },
  { name: 'UFFD_FEATURE_MOVE', bit: 0x10000n, since: '6.8', inert: true, privilege: undefined },
];

/** What UFFDIO_API reports: every bit the kernel supports, whether it was requested or not. */
export const ALL_FEATURE_BITS = FEATURES.reduce((all, f) => all | f.bit, 0n);
