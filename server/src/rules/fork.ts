/** The three rules about fork-class calls while a range is armed. */
import type { ForkEvent } from '../engine/events.ts';
import { areSiblings } from '../engine/object-names.ts';
import type { TraceStep } from '../engine/trace.ts';
import { type Span, sameSpan } from '../text/span.ts';
import { FORK_FEATURE } from '../uffd/events.ts';
import type { Severity } from './finding.ts';
import { isDisarmedBefore, verdicts } from './fork-readers.ts';
import { deadlocksInTurn } from './reads-in-turn.ts';
import { type Detection, eventsOf, type Rule, requestedIn, withLast } from './rule.ts';

/** FORK can come only where the feature was requested; on a path where it only may be, the claim is one step lower. */
function severityOf(fork: ForkEvent): Severity {
  return (fork.features.must & FORK_FEATURE) !== 0n ? 'error' : 'warning';
}

function noteAt(location: Span, message: string): TraceStep {
  return { kind: 'note', location, message };
}

/** One report a call: the surest of the paths that reach it. */
function oneEach(detections: Detection[]): Detection[] {
  const kept: Detection[] = [];
  for (const d of detections) if (!kept.some((k) => sameSpan(k.span, d.span))) kept.push(d);
  return kept;
}

export const forkEventNeverRead: Rule = {
  id: 'fork-event-never-read',
  severity: 'error',
  summary: 'fork() while a range is armed with EVENT_FORK and nobody reads the event.',
  detect: (program) =>
    oneEach(
      verdicts(program)
        .flatMap(({ fork, verdict }) => (verdict.kind === 'never-read' ? [{ fork, ended: verdict.ended }] : []))
        .map(({ fork, ended }) => ({
          severity: severityOf(fork),
          span: fork.span,
          function: fork.function,
          object: 'fork',
          message: `${fork.call}() waits in the kernel until somebody reads UFFD_EVENT_FORK, and no running thread or process reads this userfaultfd here: the call never returns. Start the reader before it, or unregister the range.`,
          trace: withLast(
            ended === undefined
              ? fork.trace
              : [...fork.trace, noteAt(ended.span, 'the thread that reads here has ended: it was joined')],
            { kind: 'fork', location: fork.span, message: `${fork.call}() blocks: nobody reads the event` },
          ),
        })),
    ),
};

export const forkDeadlocksMonitor: Rule = {
  id: 'fork-deadlocks-monitor',
  severity: 'error',
  summary: 'The only reader of the event is the thread that waits for it.',
  detect: (program) => {
    const found: Detection[] = [];
    const judged = verdicts(program);
    const stuck = judged.filter(({ verdict }) => verdict.kind === 'own-reader').map(({ fork }) => fork.span);
    for (const { fork, verdict } of judged) {
      if (verdict.kind === 'own-reader') {
        found.push({
          severity: severityOf(fork),
          span: fork.span,
          function: fork.function,
          object: 'fork',
          message: `${fork.call}() waits until its UFFD_EVENT_FORK is read, and the only reader of this userfaultfd is the thread that calls it: it waits for itself for ever. Fork from another thread, or read in one.`,
          trace: withLast(fork.trace, {
            kind: 'read',
            location: verdict.read.span,
            message: 'only this thread reads the event, and it is inside the call',
          }),
        });
      } else if (verdict.kind === 'waits') {
        found.push({
          severity: severityOf(fork),
          span: verdict.wait.span,
          function: verdict.wait.function,
          object: 'fork',
          message: verdict.taken
            ? 'The reader takes a lock here that the forking thread holds across its fork(), and fork() waits until the reader has read UFFD_EVENT_FORK: deadlock. Do not hold the lock across fork(), or read without it.'
            : 'The reader waits here for the thread that forks, and fork() waits until the reader has read UFFD_EVENT_FORK: deadlock. Read the event before the join.',
          trace: [
            ...fork.trace,
            ...(verdict.taken === undefined ? [] : [noteAt(verdict.taken, 'the forking thread takes the lock here')]),
            noteAt(verdict.wait.span, 'the reader waits for the forking thread before it reads'),
          ],
        });
      }
    }
    for (const e of eventsOf(program, 'wait-before-read')) {
      const others = eventsOf(program, 'read').some((r) => r.object === e.object && r.root !== e.root);
      // Behind a fork() that never returns nobody waits.
      const isBehind = e.trace.some((s) => s.kind === 'fork' && stuck.some((span) => sameSpan(span, s.location)));
      if (e.quarantined || others || isBehind) continue;
      found.push({
        severity: 'warning',
        span: e.span,
        function: e.function,
        object: 'child',
        message:
          "This waits for the child to end before the child's userfaultfd is read: a child that touches a missing page waits for the reader, and both wait for ever. Serve the child's descriptor first, or wait with WNOHANG.",
        trace: e.trace,
      });
    }
    return oneEach([...found, ...deadlocksInTurn(program)]);
  },
};

export const forkDropsRegistration: Rule = {
  id: 'fork-drops-registration',
  severity: 'warning',
  summary: 'fork() while a range is armed without EVENT_FORK: the child loses the registration.',
  detect: (program) => {
    const uses = eventsOf(program, 'child-uses-memory');
    const isRequested = requestedIn(program);
    // What is requested under a condition is requested; not what a program falls back from.
    const asked = new Set(
      eventsOf(program, 'handshake').flatMap((h) => ((h.features.may & FORK_FEATURE) !== 0n ? [h.object] : [])),
    );
    const claimed = eventsOf(program, 'unrequested-feature').filter(
      (e) => e.feature === 'UFFD_FEATURE_EVENT_FORK' && !isRequested(e),
    );
    return oneEach(
      eventsOf(program, 'fork-armed')
        .filter((f) => !f.quarantined && (f.features.may & FORK_FEATURE) === 0n && !f.features.unknown)
        .filter((f) => f.wasRefused || !asked.has(f.object))
        .filter((f) => !isDisarmedBefore(program, f))
        .filter((f) => !claimed.some((c) => areSiblings(c.object, f.object)))
        .flatMap((f) => {
          const use = uses.find((u) => sameSpan(u.fork, f.span));
          const goesOn = f.call === 'daemon' && f.writesOnly.length < f.regions.length;
          if (use === undefined && !goesOn) return [];
          return [
            {
              span: f.span,
              function: f.function,
              object: 'fork',
              message: `${f.call}() copies memory that is registered with a userfaultfd without UFFD_FEATURE_EVENT_FORK: the child silently loses the registration, and ${use?.writesOnly === true ? 'what it writes there is reported to nobody' : 'pages that are missing now read as zeros there'}. Request the feature and serve the child, or fork before the range is registered.`,
              trace:
                use === undefined
                  ? f.trace
                  : withLast(f.trace, {
                      kind: 'note',
                      location: use.span,
                      message: use.writesOnly
                        ? 'the child writes to the protected memory here'
                        : 'the child goes on to use memory here',
                    }),
            },
          ];
        }),
    );
  },
};
