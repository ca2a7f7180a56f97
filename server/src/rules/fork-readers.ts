/** Who reads the event of a fork-class call at that moment, which takes facts from all roots of the program. */
import type { EngineResult, EscapeEvent, ForkEvent, ReadEvent } from '../engine/events.ts';
import { areSiblings } from '../engine/object-names.ts';
import type { Site } from '../engine/trace.ts';
import type { Span } from '../text/span.ts';
import { FORK_FEATURE } from '../uffd/events.ts';
import { eventsOf } from './rule.ts';

/** What a descriptor of unknown origin is called. */
const OUTSIDE = 'outside:';

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
  if (eventsOf(program, 'escape').some((e) => areSiblings(e.object, fork.object) && !isOwn(e, fork)))
    return { kind: 'read' };
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
      // Another process, which was given none.
      if (read.process !== fork.process && read.object.startsWith(OUTSIDE)) continue;
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
    if (site !== undefined && !startedHere && ownSite === undefined && !isStartedByOther(program, read, fork)) continue;
    const wait = waitsForForker(read, fork, ownSite);
    if (wait === undefined) return { kind: 'read' };
    waiting ??= { kind: 'waits', read, ...wait };
  }
  if (waiting !== undefined) return waiting;
  return own === undefined ? { kind: 'never-read', ended } : { kind: 'own-reader', read: own };
}

/**
 * The thread that forks hands the descriptor on itself: what it did so far the fork knows (`unknownReaders`). What the
 * child of this fork() does comes after it.
 */
function isOwn({ root, process }: EscapeEvent, fork: ForkEvent): boolean {
  return root === fork.root && (process === fork.process || process === fork.siteLabel);
}

/** By root: where the thread is started that it is; undefined for what is no thread. */
export function threadSites({ roots }: EngineResult): ReadonlyMap<string, string | undefined> {
  return new Map(roots.map((r) => [r.root, r.threadSite]));
}

/** They never run in one process. */
function isOfOtherTest({ roots }: EngineResult, read: ReadEvent, fork: ForkEvent): boolean {
  const testOf = (name: string) => roots.find(({ root }) => root === name)?.test;
  const [reader, forker] = [testOf(read.root), testOf(fork.root)];
  return reader !== undefined && forker !== undefined && reader !== forker;
}

/** Some thread that led to the start of the reader was started: what it starts outlives it. */
function isStartedByOther({ roots }: EngineResult, read: ReadEvent, fork: ForkEvent): boolean {
  const starters = roots.find((r) => r.root === read.root)?.starters ?? [];
  return roots.some(({ root, threadSite }) => {
    return threadSite !== undefined && starters.includes(root) && fork.threads.has(threadSite);
  });
}

/** A descriptor of unknown origin may be this one, to whoever is not the thread that forks. */
function isOther(read: ReadEvent, fork: ForkEvent): boolean {
  return read.object.startsWith(OUTSIDE) && (read.root !== fork.root || read.process !== fork.process);
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

/** A thread that was joined may have disarmed what it served. */
export function isDisarmedBefore(program: EngineResult, fork: ForkEvent): boolean {
  const siteOf = threadSites(program);
  return eventsOf(program, 'disarm').some(({ root, object }) => {
    const site = siteOf.get(root);
    return site !== undefined && areSiblings(object, fork.object) && fork.threads.get(site) === 'joined';
  });
}

export function sending(program: EngineResult): ForkEvent[] {
  return eventsOf(program, 'fork-armed').filter(
    (f) => !f.quarantined && !isDisarmedBefore(program, f) && (f.features.may & FORK_FEATURE) !== 0n,
  );
}

/** A path on which somebody reads does not excuse one on which nobody does, but one thread may be seen twice. */
export function verdicts(program: EngineResult): { fork: ForkEvent; verdict: Verdict }[] {
  return sending(program).map((fork) => ({ fork, verdict: judge(program, fork) }));
}
