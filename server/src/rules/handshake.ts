/** The three rules about UFFDIO_API; they share how a use and its handshake are told. */
import { eventsOf, type Rule, withLast } from './rule.ts';

export const missingApiHandshake: Rule = {
  id: 'missing-api-handshake',
  severity: 'error',
  summary: 'A userfaultfd is used before UFFDIO_API succeeded on it.',
  detect: (program) =>
    eventsOf(program, 'unready-use')
      .filter((e) => e.handshake === 'fresh' && !e.quarantined)
      .map((e) => ({
        span: e.span,
        function: e.function,
        object: 'userfaultfd',
        message: `${e.operation} on a userfaultfd on which UFFDIO_API was not called on this path: the kernel answers EINVAL${e.operation.startsWith('UFFDIO') || e.operation === 'read' ? '' : ' (POLLERR from poll)'}. Do the UFFDIO_API handshake right after creation.`,
        trace: withLast(e.trace, { kind: 'note', location: e.span, message: `${e.operation} without a handshake` }),
      })),
};

export const uncheckedHandshake: Rule = {
  id: 'unchecked-handshake',
  severity: 'warning',
  summary: 'The result of UFFDIO_API is ignored.',
  detect: (program) => {
    const seen = new Set<string>();
    return eventsOf(program, 'unready-use').flatMap((e) => {
      const at = e.handshakeSpan;
      if (e.handshake !== 'failed' || at === undefined || e.quarantined) return [];
      const key = `${at.file}:${at.start}`;
      if (seen.has(key)) return [];
      seen.add(key);
      return [
        {
          span: at,
          function: e.handshakeFunction ?? e.function,
          object: 'userfaultfd',
          message:
            'The result of UFFDIO_API is not acted on: when it fails (EPERM without CAP_SYS_PTRACE, EINVAL for an unknown feature) the program goes on with a descriptor on which every request fails with EINVAL. Stop or fall back when it returns -1.',
          trace: withLast(e.trace, {
            kind: 'note',
            location: e.span,
            message: `${e.operation} on the descriptor whose handshake failed`,
          }),
        },
      ];
    });
  },
};

export const repeatedHandshake: Rule = {
  id: 'repeated-handshake',
  severity: 'error',
  summary: 'UFFDIO_API on a descriptor that is already enabled.',
  detect: (program) =>
    eventsOf(program, 'repeated-handshake')
      .filter((e) => !e.quarantined)
      .map((e) => ({
        span: e.span,
        function: e.function,
        object: 'userfaultfd',
        message: e.child
          ? "UFFDIO_API on a child's userfaultfd always fails with EINVAL: it is born enabled with its parent's features. Remove this call."
          : 'UFFDIO_API on a descriptor that is already enabled always fails with EINVAL and leaves the first features in force. Probe on a descriptor of its own and close it, or request everything in one call.',
        trace: withLast(e.trace, {
          kind: 'handshake',
          location: e.span,
          message: 'the second UFFDIO_API fails with EINVAL',
        }),
      })),
};
