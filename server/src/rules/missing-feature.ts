import { FORK_FEATURE } from '../uffd/events.ts';
import { eventsOf, type Rule, requestedIn, withLast } from './rule.ts';

/** Code acts on an event or a field whose feature no source of the message requested. */
export const missingFeature: Rule = {
  id: 'missing-feature',
  severity: 'warning',
  summary: 'Code acts on an event or field whose feature was never requested.',
  detect: (program) => {
    // What was not looked at may request the bit.
    if (program.outOfBudget.length > 0) return [];
    const isRequested = requestedIn(program);
    const forks = eventsOf(program, 'fork-armed');
    return eventsOf(program, 'unrequested-feature')
      .filter((e) => !e.quarantined && !isRequested(e))
      .map((e) => {
        const forked =
          e.feature === 'UFFD_FEATURE_EVENT_FORK' && forks.some((f) => (f.features.may & FORK_FEATURE) === 0n);
        const what =
          e.feature === 'UFFD_FEATURE_THREAD_ID'
            ? 'the field is always 0'
            : 'the event never comes and this code never runs';
        const trace = e.handshakeSpan === undefined ? e.trace : e.trace.filter((s) => s.kind !== 'branch');
        return {
          severity: forked ? ('error' as const) : ('warning' as const),
          span: e.span,
          function: e.function,
          object: e.feature,
          message: `${e.feature} was not requested in UFFDIO_API, so ${what}${forked ? '; the fork() of this program silently drops the registration in the child' : ''}. What the kernel reports in features is what it supports, not what is enabled: request the bit.`,
          trace: withLast(trace, { kind: 'event', location: e.span, message: `relies on ${e.feature}` }),
        };
      });
  },
};
