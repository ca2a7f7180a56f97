/**
 * The three rules about fork-class calls while a range is armed. They ask who reads the event at that moment, which
 * takes facts from all roots of the program.
 */
import type { EngineResult, ForkEvent, ReadEvent } from '../engine/events.ts';
import { areSiblings } from '../engine/object-names.ts';
import type { Site, TraceStep } from '../engine/trace.ts';
import { type Span, sameSpan } from '../text/span.ts';
import { FORK_FEATURE } from '../uffd/events.ts';
import type { Severity } from './finding.ts';
import { type Detection, eventsOf, type Rule, withLast } from './rule.ts';

type Verdict =
  | { readonly kind: 'read' }
  /** `ended`: a thread that read it, and was joined before. */
  | { readonly kind: 'never-read'; readonly ended: ReadEvent | undefined }
  /** The forking thread is the only reader. */
  | { readonly kind: 'own-reader'; readonly read: ReadEvent }
  /** The reader waits for the forker first. */
  | {
      readonly kind: 'waits';
      readonly read: ReadEvent;
      readonly wait: Site;
      /** Where the forking thread took the lock that the reader waits for. */
      readonly taken: Span | undefined;
    };

/** Who can take the FORK message of this call. */
function judge(program: EngineResult, fork: ForkEvent): Verdict {
  const unused = new Set(program.roots.flatMap((r) => (r.unused ? r.root : [])));
  // What was not looked at may be the reader, or start it.
  if ([...program.outOfBudget, ...program.quarantined].some((id) => !unused.has(id))) return { kind: 'read' };
  if (fork.unknownReaders) return { kind: 'read' };
  if (eventsOf(program, 'escape').some((e) => areSiblings(e.object, fork.object))) return { kind: 'read' };
  if (eventsOf(program, 'exec').some((e) => areSiblings(e.object, fork.object) && fork.processes.has(e.process)))
    return { kind: 'read' };
  if (mayRunUnknown(program, fork)) return { kind: 'read' };
  const reads = eventsOf(program, 'read').filter(
    (r) => (areSiblings(r.object, fork.object) && !isOfSibling(r, fork)) || isOther(r, fork),
  );
  const threadOf = threadSites(program);
  const ownSite = threadOf.get(fork.root);
  const again = eventsOf(program, 'thread-again');
  let waiting: Verdict | undefined;
  let own: ReadEvent | undefined;
  let ended: ReadEvent | undefined;
  for (const read of reads) {
    if (unused.has(read.root) && read.root !== fork.root) continue;
    if (isOfOtherTest(program, read, fork)) continue;
    if (read.process !== '' && read.process !== fork.process) {
      // A process forked before reads its inherited copy.
      if (fork.processes.has(read.process)) return { kind: 'read' };
      if (read.process === fork.siteLabel || read.root === fork.root) continue;
    }
    if (read.root === fork.root) {
      // Another thread that was started at the same place.
      if (again.some((e) => e.threadSite === ownSite && e.objects.includes(fork.object))) return { kind: 'read' };
      own ??= read;
      continue;
    }
    const site = threadOf.get(read.root);
    // A thread that this path started and has not joined; or one that somebody else started.
    const startedHere = site !== undefined && fork.threads.has(site);
    if (startedHere && fork.threads.get(site) === 'joined') {
      ended ??= read;
      continue;
    }
    if (site !== undefined && !startedHere && ownSite === undefined && !isStartedByRunning(program, read, fork))
      continue;
    const wait = waitsForForker(read, fork, ownSite);
    if (wait === undefined) return { kind: 'read' };
    waiting ??= { kind: 'waits', read, ...wait };
  }
  if (waiting !== undefined) return waiting;
  return own === undefined ? { kind: 'never-read', ended } : { kind: 'own-reader', read: own };
}

/** By root: where the thread is started that it is; undefined for what is no thread. */
function threadSites({ roots }: EngineResult): ReadonlyMap<string, string | undefined> {
  return new Map(roots.map((r) => [r.root, r.threadSite]));
}

/** They never run in one process. */
function isOfOtherTest({ roots }: EngineResult, read: ReadEvent, fork: ForkEvent): boolean {
  const testOf = (name: string) => roots.find(({ root }) => root === name)?.test;
  const [reader, forker] = [testOf(read.root), testOf(fork.root)];
  return reader !== undefined && forker !== undefined && reader !== forker;
}

/** Some thread that led to the start of the reader runs. */
function isStartedByRunning({ roots }: EngineResult, read: ReadEvent, fork: ForkEvent): boolean {
  const starters = roots.find((r) => r.root === read.root)?.starters ?? [];
  return roots.some(({ root, threadSite }) => {
    return threadSite !== undefined && starters.includes(root) && fork.threads.get(threadSite) === 'running';
  });
}

/** A descriptor of unknown origin may be this one, to whoever is not the thread that forks. */
function isOther(read: ReadEvent, fork: ForkEvent): boolean {
  return read.object.startsWith('outside:') && (read.root !== fork.root || read.process !== fork.process);
}

/** A running thread calls functions that are not known: one of them may read. */
function mayRunUnknown(program: EngineResult, fork: ForkEvent): boolean {
  const siteOf = threadSites(program);
  return eventsOf(program, 'unknown-call').some(({ root }) => {
    const site = siteOf.get(root);
    return root !== fork.root && site !== undefined && fork.threads.get(site) === 'running';
  });
}

/** Another thread reads one that was made at the same place. */
function isOfSibling(read: ReadEvent, fork: ForkEvent): boolean {
  return read.root !== fork.root && fork.siblings.includes(read.object);
}

function waitsForForker(
  read: ReadEvent,
  fork: ForkEvent,
  forkerSite: string | undefined,
): { wait: Site; taken: Span | undefined } | undefined {
  for (const [key, wait] of read.waited) {
    if (key.startsWith('thread:') && forkerSite !== undefined && key === `thread:${forkerSite}`)
      return { wait, taken: undefined };
    const taken = key.startsWith('lock:') ? fork.locks.get(key.slice('lock:'.length)) : undefined;
    if (taken !== undefined) return { wait, taken };
  }
  return undefined;
}

/** FORK can come only where the feature was requested; on a path where it only may be, the claim is one step lower. */
function severityOf(fork: ForkEvent): Severity {
  return (fork.features.must & FORK_FEATURE) !== 0n ? 'error' : 'warning';
}

function noteAt(location: Span, message: string): TraceStep {
  return { kind: 'note', location, message };
}

/** A thread that was joined may have disarmed what it served. */
function isDisarmedBefore(program: EngineResult, fork: ForkEvent): boolean {
  const siteOf = threadSites(program);
  return eventsOf(program, 'disarm').some(({ root, object }) => {
    const site = siteOf.get(root);
    return site !== undefined && areSiblings(object, fork.object) && fork.threads.get(site) === 'joined';
  });
}

function sending(program: EngineResult): ForkEvent[] {
  return eventsOf(program, 'fork-armed').filter(
    (f) =>
      !f.quarantined && !isDisarmedBefore(program, f) && (f.features.may & FORK_FEATURE) !== 0n && f.process === '',
  );
}

/** One report a call: the surest of the paths that reach it. */
function oneEach(detections: Detection[]): Detection[] {
  const kept: Detection[] = [];
  for (const d of detections) if (!kept.some((k) => sameSpan(k.span, d.span))) kept.push(d);
  return kept;
}

/** A path on which somebody reads does not excuse one on which nobody does, but one thread may be seen twice. */
function verdicts(program: EngineResult): { fork: ForkEvent; verdict: Verdict }[] {
  return sending(program).map((fork) => ({ fork, verdict: judge(program, fork) }));
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
    return oneEach(found);
  },
};

export const forkDropsRegistration: Rule = {
  id: 'fork-drops-registration',
  severity: 'warning',
  summary: 'fork() while a range is armed without EVENT_FORK: the child loses the registration.',
  detect: (program) => {
    const uses = eventsOf(program, 'child-uses-memory');
    const requested = eventsOf(program, 'requested-feature');
    // What is requested under a condition is requested; not what a program falls back from.
    const asked = new Set(
      eventsOf(program, 'handshake').flatMap((h) => ((h.features.may & FORK_FEATURE) !== 0n ? [h.object] : [])),
    );
    const claimed = eventsOf(program, 'unrequested-feature').filter(
      (e) => e.feature === 'UFFD_FEATURE_EVENT_FORK' && !requested.some((r) => sameSpan(r.span, e.span)),
    );
    return oneEach(
      eventsOf(program, 'fork-armed')
        .filter(
          (f) => !f.quarantined && (f.features.may & FORK_FEATURE) === 0n && !f.features.unknown && f.process === '',
        )
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
