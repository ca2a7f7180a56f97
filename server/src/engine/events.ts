/**
 * What the engine tells the rules: a closed union of things that happened on some path, and facts gathered per root
 * that are put together once all roots were run. The engine names what happened; whether it is a defect, how severe
 * and in which words is the rules' business.
 */

import type { Span } from '../text/span.ts';
import type { Site, TraceStep } from './trace.ts';

/** Feature bits of a userfaultfd: surely requested, requested by some expression, and whether others are possible. */
export interface FeatureWord {
  readonly must: bigint;
  readonly may: bigint;
  readonly unknown: boolean;
}

export const NO_FEATURES: FeatureWord = { must: 0n, may: 0n, unknown: false };

interface EventBase {
  readonly span: Span;
  /** Function in which `span` lies. */
  readonly function: string;
  readonly trace: readonly TraceStep[];
  /** The functions that were being run, from the root to the innermost one, by their ids. */
  readonly through: readonly string[];
  /** One of these was not parsed whole, or the path leaves something out: nothing absent may be claimed. */
  readonly quarantined: boolean;
  readonly object: string;
}

/** A request, read or poll on a descriptor whose handshake was never tried (`fresh`) or failed. */
export interface UnreadyUseEvent extends EventBase {
  readonly kind: 'unready-use';
  readonly handshake: 'fresh' | 'failed';
  readonly handshakeSpan: Span | undefined;
  readonly handshakeFunction: string | undefined;
  readonly operation: string;
}

export interface RepeatedHandshakeEvent extends EventBase {
  readonly kind: 'repeated-handshake';
  readonly firstSpan: Span | undefined;
  readonly child: boolean;
}

/** A FORK message whose path never treated it as one. */
export interface UnhandledForkEvent extends EventBase {
  readonly kind: 'unhandled-fork';
  /** `table`: the initialiser of a table of handlers, or where the program takes what it stored into one. */
  readonly place: 'swallowed' | 'table' | 'first-use' | 'read';
  readonly readSpan: Span;
  /** Of a table, what it has for the event. */
  readonly entry: HandlerEntry | undefined;
}

/** A row of a table of handlers, as its initialiser has it. */
export interface HandlerEntry {
  readonly span: Span;
  /** The function in it. */
  readonly handler: string | undefined;
}

export interface LostChildEvent extends EventBase {
  readonly kind: 'lost-child';
  readonly how: 'overwritten' | 'returned' | 'dropped' | 'batch';
  readonly root: string;
  readonly readSpan: Span;
  /** The thread that lost it was given it: the allocated memory in which it got it. */
  readonly given: readonly string[] | undefined;
}

/** A child's descriptor that was handed on is closed, by whoever has it now or who had it before. */
export interface ChildClosedEvent extends EventBase {
  readonly kind: 'child-closed';
  readonly root: string;
}

export interface OverwrittenParentEvent extends EventBase {
  readonly kind: 'overwritten-parent';
  readonly readSpan: Span;
}

/** Code under an event, or a use of a field, whose feature no path requested on the source. */
export interface UnrequestedFeatureEvent extends EventBase {
  readonly kind: 'unrequested-feature';
  readonly feature: string;
  readonly handshakeSpan: Span | undefined;
}

/** The same place reached with the feature requested. */
export interface RequestedFeatureEvent extends EventBase {
  readonly kind: 'requested-feature';
  /** Undefined where the code there serves whatever comes. */
  readonly feature: string | undefined;
}

/**
 * What comes to a reader from the range (ioctl_userfaultfd(2), UFFDIO_REGISTER_MODE_…): looks at pages that do not exist,
 * and what else is asked for; with mode WP alone writes to protected pages; with mode MINOR alone neither.
 */
export type Catches = 'missing' | 'writes' | 'minor';

/** A call that copies the address space while a range is armed. */
export interface ForkEvent extends EventBase {
  readonly kind: 'fork-armed';
  readonly call: string;
  readonly root: string;
  readonly process: string;
  readonly features: FeatureWord;
  readonly armedSpan: Span;
  /** Base objects of the ranges that are armed and copied; `?` for one that is not known. */
  readonly regions: readonly string[];
  /** Of these, the ones in which only writes are caught. */
  readonly writesOnly: readonly string[];
  readonly siteLabel: string;
  readonly threads: ReadonlyMap<string, 'running' | 'joined'>;
  readonly processes: ReadonlySet<string>;
  readonly locks: ReadonlyMap<string, Span>;
  readonly unknownReaders: boolean;
  /** Others that were made at the same place, by the names that threads know them by, too. */
  readonly siblings: readonly string[];
  /** A handshake was refused on the way: what this one does not request the program does without. */
  readonly wasRefused: boolean;
}

/** The child of that fork does more than exec or exit. */
export interface ChildUsesMemoryEvent extends EventBase {
  readonly kind: 'child-uses-memory';
  readonly fork: Span;
  /** It writes memory of which only writes were caught. */
  readonly writesOnly: boolean;
}

export interface ReadEvent extends EventBase {
  readonly kind: 'read';
  readonly root: string;
  readonly process: string;
  /** Threads that were joined, and locks that were taken, before this read on this path: key to where. */
  readonly waited: ReadonlyMap<string, Site>;
  readonly blocking: boolean;
}

/**
 * A thread reads one userfaultfd and then another one, with reads that wait: fork() queues the message for the range at
 * the higher address when the lower one's was read (dup_userfaultfd_complete() in fs/userfaultfd.c).
 */
export interface ReadInTurnEvent extends EventBase {
  readonly kind: 'read-in-turn';
  readonly root: string;
  /** The one that is read first, and where. */
  readonly first: string;
  readonly firstRead: Site;
}

/** A thread waits for several descriptors at once, or asks before it reads. */
export interface PollEvent extends EventBase {
  readonly kind: 'poll';
  readonly root: string;
}

/** A blocking wait for a process before the child descriptor was read by the same thread. */
export interface WaitBeforeReadEvent extends EventBase {
  readonly kind: 'wait-before-read';
  readonly root: string;
}

/** A successful or possible UFFDIO_API. */
export interface HandshakeEvent extends EventBase {
  readonly kind: 'handshake';
  readonly root: string;
  /** Other threads run by then: they may see the descriptor before and after. */
  readonly concurrent: boolean;
  readonly features: FeatureWord;
}

export interface ArmEvent extends EventBase {
  readonly kind: 'arm';
  readonly root: string;
  readonly concurrent: boolean;
  readonly region: string;
  readonly start: string;
  readonly catches: Catches;
}

/** A thread unregisters a range, or closes the userfaultfd. */
export interface DisarmEvent extends EventBase {
  readonly kind: 'disarm';
  readonly root: string;
}

export interface EscapeEvent extends EventBase {
  readonly kind: 'escape';
  readonly root: string;
  readonly process: string;
}

/** Another program runs in a process that this one made, with a descriptor that survives exec(). */
export interface ExecEvent extends EventBase {
  readonly kind: 'exec';
  readonly process: string;
}

/** A function that a pointer names is called, and which one is not known. */
export interface UnknownCallEvent extends EventBase {
  readonly kind: 'unknown-call';
  readonly root: string;
}

/** A thread is started where another one of the same place may run. */
export interface ThreadAgainEvent extends EventBase {
  readonly kind: 'thread-again';
  readonly threadSite: string;
  /** Userfaultfds that were there for the one before, too. */
  readonly objects: readonly string[];
}

export type EngineEvent =
  | UnreadyUseEvent
  | RepeatedHandshakeEvent
  | UnhandledForkEvent
  | LostChildEvent
  | ChildClosedEvent
  | OverwrittenParentEvent
  | UnrequestedFeatureEvent
  | RequestedFeatureEvent
  | ForkEvent
  | ChildUsesMemoryEvent
  | ReadEvent
  | WaitBeforeReadEvent
  | ReadInTurnEvent
  | PollEvent
  | HandshakeEvent
  | ArmEvent
  | DisarmEvent
  | EscapeEvent
  | ExecEvent
  | UnknownCallEvent
  | ThreadAgainEvent;

/** How a root was started: a thread's site is the span key of its pthread_create. */
export interface RootFact {
  readonly root: string;
  readonly function: string;
  /** Creation site for a thread, undefined for main and for exported functions. */
  readonly threadSite: string | undefined;
  /** The test in whose process it runs, where a harness gives each a process of its own. */
  readonly test: string | undefined;
  /** Of a thread, the roots that led to its start. */
  readonly starters: readonly string[];
  /** Nothing names its function: it was run for its own sake, and never is by the program. */
  readonly unused: boolean;
}

export interface EngineResult {
  readonly events: readonly EngineEvent[];
  readonly roots: readonly RootFact[];
  readonly functionsAnalysed: number;
  /** Instructions that were executed. */
  readonly steps: number;
  readonly outOfBudget: readonly string[];
  /** Functions that were run, and have to do with userfaultfd. */
  readonly acting: readonly string[];
  /** Functions that were run, have to do with userfaultfd, and were not understood whole by the parser. */
  readonly quarantined: readonly string[];
  readonly cancelled: boolean;
}
