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
        trace: withLast(e.trace, {
          kind: 'lose',
          location: e.span,
          message: 'the FORK message passes here as something else',
        }),
      })),
};
