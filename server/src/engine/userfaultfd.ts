/** What a state knows of one userfaultfd, and how that is compared and joined. */
import type { Span } from '../text/span.ts';
import { MESSAGE_FEATURES } from '../uffd/features.ts';
import type { Catches, FeatureWord, HandlerEntry } from './events.ts';
import type { Location } from './value.ts';

/** UFFDIO_API on this descriptor: not tried, tried and failed, succeeded; `unknown` for one that came from elsewhere. */
export type Handshake = 'fresh' | 'failed' | 'enabled' | 'unknown';

export interface ArmedRange {
  /** Base object of the range's start address, or `?`. */
  readonly region: string;
  /** Where in that object it starts, as a path; `?` where that is not known. */
  readonly start: string;
  readonly span: Span;
  readonly catches: Catches;
}

/** What is still owed for a child descriptor that a read() installed. */
export interface ChildDuty {
  /** Span of the read. */
  readonly read: Span;
  /** The case label or condition that told this message to be FORK, or the use of `arg.fork`. */
  readonly recognised: Span | undefined;
  /** The switch, condition or table that let the message pass as something else. */
  readonly swallowed: Span | undefined;
  /** Where it was swallowed, that was a table; where it was told, a table chose a handler for it. */
  readonly byTable: boolean;
  /** What the table has for it, where its initialiser says so. */
  readonly entry: HandlerEntry | undefined;
  /** First use of the union on a path that did not look at the event. */
  readonly firstUse: Span | undefined;
  /** The return that dropped the last copy outside the message. */
  readonly droppedAt: Span | undefined;
  /** True for a message behind the first of a batch. */
  readonly batch: boolean;
  /** The userfaultfd that the message was read from, and the cell that named it in the read. */
  readonly source: string;
  readonly through: Location | undefined;
  /** The path of the message in the variable that it was read into: which element of an array it is. */
  readonly into: string;
  /** Some handshake requests the event. Else only code that takes the message for FORK says that it may come. */
  readonly isRequested: boolean;
  /** Set where it was handed to a thread: the allocated memory in which that one got it. */
  readonly given: readonly string[] | undefined;
}

export interface Uffd {
  readonly id: string;
  readonly origin: 'created' | 'child' | 'outside';
  readonly site: Span;
  readonly handshake: Handshake;
  /** The UFFDIO_API that failed or succeeded last. */
  readonly handshakeSpan: Span | undefined;
  readonly handshakeFunction: string | undefined;
  /** The path went through a test of the result of the handshake that failed. */
  readonly refusalTested: boolean;
  readonly features: FeatureWord;
  /** Creation flags had O_NONBLOCK: undefined when not known. */
  readonly nonblocking: boolean | undefined;
  /** It may stay open in a program that is executed: no O_CLOEXEC, or that was taken back. */
  readonly survivesExec: boolean;
  readonly armed: readonly ArmedRange[];
  /** Handed to something the program does not show: nothing absent is claimed of it. */
  readonly escaped: boolean;
  /** Process (fork site, or empty) whose memory it acts on. */
  readonly process: string;
  readonly duty: ChildDuty | undefined;
  /** A blocking wait for a child process made before this child descriptor was read. */
  readonly waitedAt: Span | undefined;
  /** A child took its place where others find it; a function that was given it has a copy yet. */
  readonly replaced: Replacement | undefined;
}

/** Written out, as the next one: V8 gives an object that is spread a layout of its own before the code is hot. */
export function copyOf(o: Uffd): Uffd {
  return {
    id: o.id,
    origin: o.origin,
    site: o.site,
    handshake: o.handshake,
    handshakeSpan: o.handshakeSpan,
    handshakeFunction: o.handshakeFunction,
    refusalTested: o.refusalTested,
    features: o.features,
    nonblocking: o.nonblocking,
    survivesExec: o.survivesExec,
    armed: o.armed,
    escaped: o.escaped,
    process: o.process,
    duty: o.duty,
    waitedAt: o.waitedAt,
    replaced: o.replaced,
  };
}

export function copyOfDuty(d: ChildDuty): ChildDuty {
  return {
    read: d.read,
    recognised: d.recognised,
    swallowed: d.swallowed,
    byTable: d.byTable,
    entry: d.entry,
    firstUse: d.firstUse,
    droppedAt: d.droppedAt,
    batch: d.batch,
    source: d.source,
    through: d.through,
    into: d.into,
    isRequested: d.isRequested,
    given: d.given,
  };
}

export interface Replacement {
  readonly span: Span;
  /** The read of the message that brought the child. */
  readonly read: Span;
  /** The message was read through a slot of a poll array. */
  readonly inSlot: boolean;
}

export function spanKey(s: Span | undefined): string {
  return s === undefined ? '' : `${s.start}`;
}

/** Equal in everything that a step of the engine looks at. */
export function sameObject(a: Uffd | undefined, b: Uffd | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.duty !== b.duty || a.armed.length !== b.armed.length) return false;
  return a.id === b.id && objectKey(a) === objectKey(b) && a.armed.every((r, i) => isSameRange(r, b.armed[i]!));
}

function isSameRange(a: ArmedRange, b: ArmedRange): boolean {
  return a.region === b.region && a.start === b.start && a.catches === b.catches;
}

/** Nothing is claimed of it: a child that is in good hands, and that nobody waited for; one of which nothing is known. */
export function isServed(o: Uffd): boolean {
  return o.origin === 'child' ? o.duty === undefined || o.escaped : o.origin === 'outside' && isBlank(o);
}

/**
 * Nothing was done to it since it came from elsewhere, whatever features it is taken to have: a loop over a table of such
 * would have a state for each element.
 */
function isBlank({ handshake, armed, replaced, duty }: Uffd): boolean {
  return handshake === 'unknown' && armed.length === 0 && replaced === undefined && duty === undefined;
}

/** More than one was made by the program. */
export function areSeveralMade(objects: ReadonlyMap<string, Uffd>): boolean {
  let made = 0;
  for (const { origin } of objects.values()) if (origin === 'created') made++;
  return made > 1;
}

/** Userfaultfds of one state for which it is told apart whether a range is armed: each further one doubles the states. */
export const MAX_TOLD_APART = 4;

/** Beyond that number a range counts as armed where it is on every path. */
export function isCrowded(objects: ReadonlyMap<string, Uffd>): boolean {
  if (objects.size <= MAX_TOLD_APART) return false;
  let known = 0;
  for (const o of objects.values()) if (!isServed(o)) known++;
  return known > MAX_TOLD_APART;
}

/** Children of one state for which something is owed and that are told apart wherever they are kept. */
const MAX_OWED = 2;

/** Some child's descriptor is one of them, whoever has it. */
export function hasChildren(objects: ReadonlyMap<string, Uffd>): boolean {
  for (const { duty } of objects.values()) if (duty !== undefined) return true;
  return false;
}

export function hasManyOwed(objects: ReadonlyMap<string, Uffd>): boolean {
  if (objects.size <= MAX_OWED) return false;
  let owed = 0;
  for (const o of objects.values()) if (o.duty !== undefined && !o.escaped) owed++;
  return owed > MAX_OWED;
}

export function keyInCrowd(o: Uffd): string {
  return o.armed.length === 0 ? objectKey(o) : makeObjectKey(o, '');
}

/** Objects are immutable, so the key of each is made once. */
const objectKeys = new WeakMap<Uffd, string>();

export function objectKey(o: Uffd): string {
  let key = objectKeys.get(o);
  if (key === undefined) {
    key = makeObjectKey(o);
    objectKeys.set(o, key);
  }
  return key;
}

function makeObjectKey(o: Uffd, armed = o.armed.length > 0 ? 'armed' : ''): string {
  const d = o.duty;
  // What others hold too is never said to be lost: what is owed for it makes no difference.
  const owed =
    d === undefined || o.escaped
      ? ''
      : `d${spanKey(d.recognised)},${spanKey(d.swallowed)},${spanKey(d.droppedAt)},${d.batch ? 'b' : ''}${d.given === undefined ? '' : 'g'}`;
  return [
    o.handshake,
    o.handshake === 'failed' ? spanKey(o.handshakeSpan) : '',
    // Nothing that a program does shows the others.
    (o.features.must & MESSAGE_FEATURES).toString(16),
    (o.features.may & MESSAGE_FEATURES).toString(16),
    o.features.unknown ? 'u' : '',
    armed,
    o.escaped && (d !== undefined || o.handshake !== 'enabled') ? 'e' : '',
    o.replaced === undefined ? '' : `r${spanKey(o.replaced.span)}${o.replaced.inSlot}`,
    owed,
  ].join(':');
}

/** Ranges kept apart for one userfaultfd; beyond it the range is not known. */
export const MAX_RANGES = 4;

/** Of two ways to arm one region the one counts that catches less; it starts where both do. */
export function joinRanges(a: readonly ArmedRange[], b: readonly ArmedRange[]): readonly ArmedRange[] {
  const added = a.some((r) => r.region === '?') ? [] : b.filter((r) => !a.some((o) => o.region === r.region));
  const both = (r: ArmedRange) =>
    joinRange(
      r,
      b.find((o) => o.region === r.region),
    );
  if (added.length === 0 && a.every((r) => both(r) === r)) return a;
  const joined = [...a.map(both), ...added];
  return joined.length > MAX_RANGES ? [anyOf(joined)] : joined;
}

function joinRange(a: ArmedRange, b: ArmedRange | undefined): ArmedRange {
  if (b === undefined) return a;
  const least = ORDER[b.catches] < ORDER[a.catches] ? b : a;
  const start = a.start === b.start ? a.start : '?';
  return least.start === start ? least : { ...least, start };
}

/** Those that are armed on both paths. */
export function commonRanges(a: readonly ArmedRange[], b: readonly ArmedRange[]): readonly ArmedRange[] {
  if (a.length === 0) return a;
  return b.length === 0 ? [] : joinRanges(a, b);
}

const ORDER: Readonly<Record<Catches, number>> = { minor: 0, writes: 1, missing: 2 };

/** A range of which it is not known which of these it is. */
export function anyOf(ranges: readonly ArmedRange[]): ArmedRange {
  const least = ranges.reduce((a, b) => (ORDER[b.catches] < ORDER[a.catches] ? b : a));
  return { region: '?', start: '?', span: ranges[0]!.span, catches: least.catches };
}

/** Those of two paths; `a` itself where `b` adds nothing. */
export function joinFeatures(a: FeatureWord, b: FeatureWord): FeatureWord {
  if (a === b) return a;
  const joined = { must: a.must & b.must, may: a.may | b.may, unknown: a.unknown || b.unknown };
  return joined.must === a.must && joined.may === a.may && joined.unknown === a.unknown ? a : joined;
}
