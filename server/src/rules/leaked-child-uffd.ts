import type { LostChildEvent } from '../engine/events.ts';
import { type Span, sameSpan } from '../text/span.ts';
import { branchesSince, eventsOf, type Rule, withLast } from './rule.ts';

/** The descriptor in a FORK message is lost: dropped, overwritten, left behind in a batch. */
export const leakedChildUffd: Rule = {
  id: 'leaked-child-uffd',
  severity: 'error',
  summary: 'The descriptor that read() installed for the child is lost.',
  detect: (program) => {
    const parents = eventsOf(program, 'overwritten-parent');
    const unhandled = eventsOf(program, 'unhandled-fork');
    const lost = eventsOf(program, 'lost-child').filter(
      (e) =>
        !e.quarantined &&
        !parents.some((p) => isWithin(p.span, e.span) || isWithin(e.span, p.span)) &&
        // A batch whose single messages are not told apart is one defect, the dispatch.
        !(e.how === 'batch' && unhandled.some((u) => sameSpan(u.readSpan, e.readSpan))),
    );
    // One defect, one report: the same descriptor lost to the next turn is also lost at the end.
    const rank = { batch: 3, overwritten: 2, returned: 1, dropped: 0 };
    return lost
      .filter((e) => !lost.some((o) => o !== e && sameSpan(o.readSpan, e.readSpan) && rank[o.how] > rank[e.how]))
      .map((e) => ({
        span: e.span,
        function: e.function,
        object: 'child descriptor',
        message: messageOf(e),
        trace: withLast(e.trace, {
          kind: 'lose',
          location: e.span,
          message: "the last copy of the child's descriptor is lost",
        }),
      }));
  },
};

/** One assignment in another one is one statement. */
function isWithin(inner: Span, outer: Span): boolean {
  return inner.file === outer.file && outer.start <= inner.start && inner.end <= outer.end;
}

function messageOf(e: LostChildEvent): string {
  const consequence = 'one descriptor leaks at each fork(), until read() fails with EMFILE and fork() hangs';
  switch (e.how) {
    case 'overwritten':
      return `This assignment overwrites the only copy of an earlier child's userfaultfd descriptor: ${consequence}. Close it or keep it in a table first.`;
    case 'returned':
      if (e.given !== undefined)
        return `The thread ends here without closing the child's userfaultfd descriptor (msg.arg.fork.ufd), which it alone was given: ${consequence}. Close it on this path.`;
      return `Control leaves here without closing or keeping the child's userfaultfd descriptor (msg.arg.fork.ufd): ${consequence}. Close it on this path.`;
    case 'batch':
      return `This read() can return several messages, and one behind the first is not looked at: the child descriptor that it brought is already installed and is lost: ${consequence}. Look at all n / sizeof(struct uffd_msg) messages, whatever becomes of the others.`;
    case 'dropped':
      return `The child's userfaultfd descriptor (msg.arg.fork.ufd) is neither closed nor kept after this FORK event${branchesSince(e.trace, 'event') ? ' on the path below' : ''}: ${consequence}. Close it or hand it to whoever serves the child.`;
  }
}
