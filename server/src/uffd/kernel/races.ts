/**
 * Where the model leaves more than one way: nowhere else. Each choice in the code names its row, and the type of
 * `choose` lets none pass that is not here.
 */
export interface Race {
  readonly where: string;
  readonly says: string;
  readonly evidence: 'seen running' | 'source only';
}

export const RACES = {
  'which woken task runs first': {
    where: 'the scheduler, after wake_up()',
    says: 'a close, a fill or a message wakes several tasks; their next faults and messages queue in any order, and one of several readers gets the message',
    evidence: 'seen running',
  },
  'whether others run meanwhile': {
    where:
      'between two calls of a task, between two messages of one read(), between calls of two tasks at the same time',
    says: 'mmap_changing falls when the sleeper runs, not when its message is read: a fill right after read() may still give EAGAIN; a second event of the same call may or may not be in the same read()',
    evidence: 'seen running',
  },
  'another call during fork': {
    where: 'copy_process(), between copy_files() and dup_mm()',
    says: 'a descriptor that is made or closed in between is missing in the child, or open there alone, and what the memory is comes later',
    evidence: 'seen running',
  },
  'change during a fill': {
    where: 'filling requests, between the first test of mmap_changing and the look at the area',
    says: 'the range may be gone by then: ENOENT in place of EAGAIN',
    evidence: 'seen running',
  },
  'fault during unregister': {
    where: 'userfaultfd_unregister(), between wake_userfault() and userfaultfd_clear_vma()',
    says: 'a fault that holds the lock of its area alone can queue itself after the wake: it sleeps on in memory that is no longer armed, until WAKE or release; its message can still be read',
    evidence: 'seen running',
  },
  'poison during fault': {
    where: 'handle_userfault(), between the look at the page and userfaultfd_must_wait()',
    says: 'poison that comes in between has woken everybody before the fault is in the queue, and counts as no page: the fault sleeps on in poisoned memory, until WAKE or release',
    evidence: 'seen running',
  },
  'left-over protection bit': {
    where: 'do_wp_page(), after a registration with mode WP was replaced or abandoned',
    says: 'a write to a page that fork shared may copy it, without the bit, or reuse it, with the bit',
    evidence: 'source only',
  },
} as const satisfies Readonly<Record<string, Race>>;

export type RaceName = keyof typeof RACES;
