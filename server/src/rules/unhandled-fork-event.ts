import type { UnhandledForkEvent } from '../engine/events.ts';
import type { TraceStep } from '../engine/trace.ts';
import { branchesSince, eventsOf, type Rule, withLast } from './rule.ts';

/** A FORK message that no code on its path treats as one. */
export const unhandledForkEvent: Rule = {
  id: 'unhandled-fork-event',
  severity: 'error',
  summary: 'A FORK message goes down a path that does not treat it as one.',
  detect: (program) =>
    eventsOf(program, 'unhandled-fork')
      .filter((e) => !e.quarantined)
      .map((e) => ({
        span: e.span,
        function: e.function,
        object: 'fork message',
        message:
          e.place === 'table'
            ? "UFFD_EVENT_FORK is enabled on this userfaultfd, and what this table has for it leaves the message alone: read() has already installed the child's descriptor (arg.fork.ufd), which leaks, and the child waits for ever at its first missing page. Put a handler into the table that serves or closes it."
            : e.place === 'swallowed'
              ? "UFFD_EVENT_FORK is enabled on this userfaultfd but is not handled here: read() has already installed the child's descriptor (arg.fork.ufd), which leaks, and the child waits for ever at its first missing page. Add a case for UFFD_EVENT_FORK that serves or closes it."
              : `The message may be UFFD_EVENT_FORK, but its event is not looked at${branchesSince(e.trace, 'read') ? ' on the path below' : ''}: the child's descriptor that read() installed (arg.fork.ufd) leaks and the union is misread. Test msg.event first and handle UFFD_EVENT_FORK.`,
        trace: withLast([...e.trace, ...entryStep(e)], {
          kind: 'lose',
          location: e.span,
          message:
            e.place === 'table'
              ? 'nothing that this table leads to takes the FORK message for one'
              : 'the FORK message passes here as something else',
        }),
      })),
};

/** The row of the table: the finding itself stands at the table. */
function entryStep({ place, entry }: UnhandledForkEvent): TraceStep[] {
  if (place !== 'table' || entry === undefined) return [];
  const has = entry.handler === undefined ? 'no handler' : `${entry.handler}()`;
  return [{ kind: 'event', location: entry.span, message: `for UFFD_EVENT_FORK the table has ${has}` }];
}
