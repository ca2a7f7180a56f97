import { eventsOf, type Rule, withLast } from './rule.ts';

/** `uffd = msg.arg.fork.ufd` while the parent's descriptor has no other copy here. */
export const overwrittenParentUffd: Rule = {
  id: 'overwritten-parent-uffd',
  severity: 'error',
  summary: 'The variable of the parent uffd is overwritten by the child uffd.',
  detect: (program) =>
    eventsOf(program, 'overwritten-parent')
      .filter((e) => !e.quarantined)
      .map((e) => ({
        span: e.span,
        function: e.function,
        object: 'parent descriptor',
        message:
          "The child's descriptor overwrites the variable of the parent's userfaultfd, which is neither closed nor kept: nobody reads the parent any more, and its next fork() waits for ever. Keep the child in a variable of its own, or close the parent first.",
        trace: withLast(e.trace, { kind: 'lose', location: e.span, message: "the parent's descriptor is overwritten" }),
      })),
};
