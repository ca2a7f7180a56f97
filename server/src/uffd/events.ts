/** Events of struct uffd_msg: include/uapi/linux/userfaultfd.h. Events are numbers, not bits. */
export interface UffdEvent {
  readonly name: string;
  readonly value: number;
  /** Feature that must be requested for the event to come; undefined for page faults. */
  readonly featureName: string | undefined;
  readonly featureBit: bigint | undefined;
  /** Member of the message's union that belongs to it. */
  readonly member: 'pagefault' | 'fork' | 'remap' | 'remove';
  /** Who sleeps until the message is read (or, for a fault, answered), and in which kernel function. */
  readonly waits: string;
}

export const FORK_EVENT = 0x13;
export const FORK_FEATURE = 0x2n;

export const EVENTS: readonly UffdEvent[] = [
  {
    name: 'UFFD_EVENT_PAGEFAULT',
    value: 0x12,
    featureName: undefined,
    featureBit: undefined,
    member: 'pagefault',
    waits: 'the faulting thread: handle_userfault()',
  },
  {
    name: 'UFFD_EVENT_FORK',
    value: FORK_EVENT,
    featureName: 'UFFD_FEATURE_EVENT_FORK',
    featureBit: FORK_FEATURE,
    member: 'fork',
    waits: 'the forking thread, before the child exists: dup_userfaultfd_complete()',
  },
  {
    name: 'UFFD_EVENT_REMAP',
    value: 0x14,
    featureName: 'UFFD_FEATURE_EVENT_REMAP',
    featureBit: 0x4n,
    member: 'remap',
    waits: 'the caller of mremap(), after the move: mremap_userfaultfd_complete()',
  },
  {
    name: 'UFFD_EVENT_REMOVE',
    value: 0x15,
    featureName: 'UFFD_FEATURE_EVENT_REMOVE',
    featureBit: 0x8n,
    member: 'remove',
    waits: 'the caller of madvise(), before the pages go: userfaultfd_remove()',
  },
  {
    name: 'UFFD_EVENT_UNMAP',
    value: 0x16,
    featureName: 'UFFD_FEATURE_EVENT_UNMAP',
    featureBit: 0x40n,
    member: 'remove',
    waits: 'the caller of munmap(), after the unmap: userfaultfd_unmap_complete()',
  },
];

export const EVENTS_BY_VALUE: ReadonlyMap<number, UffdEvent> = new Map(EVENTS.map((e) => [e.value, e]));
