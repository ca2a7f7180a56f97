/** The rule registry: one list. Pages, SARIF metadata and completion are generated from it or checked against it. */
import type { Severity } from './finding.ts';

export interface RuleMetadata {
  readonly id: string;
  readonly severity: Severity;
  /** One line, as it stands in the table of rules. */
  readonly summary: string;
}

export const RULES: readonly RuleMetadata[] = [
  { id: 'unhandled-fork-event', severity: 'error', summary: 'A FORK message goes down a path that does not treat it as one.' },
  { id: 'fork-event-never-read', severity: 'error', summary: 'fork() while a range is armed with EVENT_FORK and nobody reads the event.' },
  { id: 'fork-deadlocks-monitor', severity: 'error', summary: 'The only reader of the event is the thread that waits for it.' },
  { id: 'leaked-child-uffd', severity: 'error', summary: 'The descriptor that read() installed for the child is lost.' },
  { id: 'overwritten-parent-uffd', severity: 'error', summary: 'The variable of the parent uffd is overwritten by the child uffd.' },
  { id: 'missing-api-handshake', severity: 'error', summary: 'A userfaultfd is used before UFFDIO_API succeeded on it.' },
  { id: 'missing-feature', severity: 'warning', summary: 'Code acts on an event or field whose feature was never requested.' },
  { id: 'fork-drops-registration', severity: 'warning', summary: 'fork() while a range is armed without EVENT_FORK: the child loses the registration.' },
  { id: 'repeated-handshake', severity: 'error', summary: 'UFFDIO_API on a descriptor that is already enabled.' },
  { id: 'unchecked-handshake', severity: 'warning', summary: 'The result of UFFDIO_API is ignored.' },
];
