/**
 * Abstract values: numbers as small sets, intervals and known bits, plus what a value may refer to.
 *
 * The lattice is the product of a number lattice and the powerset of references; `any` stands for "and anything else"
 * (a pointer or descriptor of unknown origin). Join is the least upper bound; `widenNumber` jumps to infinite bounds,
 * so that every ascending chain is finite. A bit that is possible because an expression of the program put it into a
 * mask (`may`) is kept apart from a bit of an unknown word (`unknownBits`): only the first is evidence of a request.
 */
import type { Span } from '../text/span.ts';

/** Largest set of single numbers kept apart. */
export const MAX_SET = 8;

export interface AbstractNumber {
  /** Sorted; present when the possible values are few and known. */
  readonly set: readonly number[] | undefined;
  readonly low: number;
  readonly high: number;
  /** Bits surely set. */
  readonly must: bigint;
  /** Bits that some expression may have set. */
  readonly may: bigint;
  /** True when bits outside `may` can be set for reasons the program does not show. */
  readonly unknownBits: boolean;
  /** Zero is excluded although it lies between the bounds: what `if (error) return error;` returns. */
  readonly nonzero: boolean;
}

/** True when the number is surely not zero. */
function excludesZero(n: AbstractNumber): boolean {
  return !contains(n, 0);
}

/** A place in memory: a base object and a path such as `.range.start` or `[0].event`. */
export interface Location {
  readonly base: string;
  readonly path: string;
}

export type Reference =
  | { readonly kind: 'location'; readonly location: Location }
  | { readonly kind: 'descriptor'; readonly object: string }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'thread'; readonly site: string }
  /** A child process, by where it was made. `armed`: its memory may be a userfaultfd's. */
  | { readonly kind: 'process'; readonly site: string; readonly armed: boolean };

/** Where a number came from: out of a userfaultfd message, or as the result of a handshake that failed. */
export interface MessageTag {
  readonly part: 'event' | 'address' | 'thread-id' | 'refusal';
  /** The userfaultfd that the message was read from, or that was refused; none of that name where it may be of several. */
  readonly source: string;
  /** The child descriptor, when the message is a FORK message. */
  readonly child: string | undefined;
  readonly site: Span;
  /** What the program added to it: `event - FIRST` is an index of a table, and tells the event all the same. */
  readonly offset: number;
}

/** The tag with another source and child. */
export function tagged({ part, site, offset }: MessageTag, source: string, child: string | undefined): MessageTag {
  return { part, source, child, site, offset };
}

/** The tag of the number that is greater by that distance. */
export function movedTag({ part, source, child, site, offset }: MessageTag, by: number): MessageTag {
  return { part, source, child, site, offset: offset + by };
}

export interface Value {
  readonly number: AbstractNumber | undefined;
  readonly references: readonly Reference[];
  readonly any: boolean;
  readonly tag: MessageTag | undefined;
}

export function numberSet(values: readonly number[]): AbstractNumber {
  let must = -1n;
  let may = 0n;
  for (const v of values) {
    const b = Number.isSafeInteger(v) ? BigInt(v) : 0n;
    must &= b;
    may |= b;
  }
  return {
    set: values,
    low: values[0]!,
    high: values[values.length - 1]!,
    must,
    may,
    unknownBits: false,
    nonzero: false,
  };
}

export const TOP_NUMBER: AbstractNumber = {
  set: undefined,
  low: -Infinity,
  high: Infinity,
  must: 0n,
  may: 0n,
  unknownBits: true,
  nonzero: false,
};

export function interval(low: number, high: number): AbstractNumber {
  if (low === high) return numberSet([low]);
  return between(TOP_NUMBER, low, high);
}

/**
 * The number with other bounds. Written out, as all numbers and values are that come up often: V8 gives an object that is
 * spread from another one a layout of its own before the code is hot.
 */
export function between(
  { set, must, may, unknownBits, nonzero }: AbstractNumber,
  low: number,
  high: number,
): AbstractNumber {
  return { set, low, high, must, may, unknownBits, nonzero };
}

/** The number without zero. */
export function withoutZero({ set, low, high, must, may, unknownBits }: AbstractNumber): AbstractNumber {
  return { set, low, high, must, may, unknownBits, nonzero: true };
}

export function knownBits(must: bigint, may: bigint, unknownBits: boolean): AbstractNumber {
  return { set: undefined, low: unknownBits ? -Infinity : 0, high: Infinity, must, may, unknownBits, nonzero: false };
}

export const UNKNOWN: Value = { number: TOP_NUMBER, references: [], any: true, tag: undefined };

const constants = new Map<number, Value>();
export function constant(n: number): Value {
  let value = constants.get(n);
  if (value === undefined) {
    value = { number: numberSet([n]), references: [], any: false, tag: undefined };
    if (constants.size < 4096) constants.set(n, value);
  }
  return value;
}

export function numeric(number: AbstractNumber, tag?: MessageTag): Value {
  return { number, references: [], any: false, tag };
}

/** The value as something that came from elsewhere. */
export function withTag({ number, references, any }: Value, tag: MessageTag | undefined): Value {
  return { number, references, any, tag };
}

/** The value, or anything else. */
export function orAnything({ number, references, tag }: Value): Value {
  return { number, references, any: true, tag };
}

/** A pointer that may lead elsewhere. */
export function unsurePointer(location: Location): Value {
  return { number: TOP_NUMBER, references: [{ kind: 'location', location }], any: true, tag: undefined };
}

/** The value as another number, or as none. */
export function withNumber({ references, any, tag }: Value, number: AbstractNumber | undefined): Value {
  return { number, references, any, tag };
}

/** The value as no number, and with other references. */
export function referring({ any, tag }: Value, references: readonly Reference[]): Value {
  return { number: undefined, references, any, tag };
}

export function oneOf(...values: number[]): Value {
  return numeric(numberSet([...new Set(values)].sort((a, b) => a - b)));
}

export function reference(ref: Reference): Value {
  return { number: undefined, references: [ref], any: false, tag: undefined };
}

export function pointerTo(base: string, path: string): Value {
  return reference({ kind: 'location', location: { base, path } });
}

export function descriptor(object: string): Value {
  return reference({ kind: 'descriptor', object });
}

export function referenceKey(ref: Reference): string {
  switch (ref.kind) {
    case 'location':
      return `p:${ref.location.base}|${ref.location.path}`;
    case 'descriptor':
      return `d:${ref.object}`;
    case 'function':
      return `f:${ref.name}`;
    case 'thread':
      return `t:${ref.site}`;
    case 'process':
      return `c:${ref.site}${ref.armed ? '!' : ''}`;
  }
}

export function sameNumber(a: AbstractNumber | undefined, b: AbstractNumber | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  if (a.set !== undefined || b.set !== undefined) {
    return (
      a.set !== undefined &&
      b.set !== undefined &&
      a.set.length === b.set.length &&
      a.set.every((v, i) => v === b.set![i])
    );
  }
  return (
    a.low === b.low &&
    a.high === b.high &&
    a.must === b.must &&
    a.may === b.may &&
    a.unknownBits === b.unknownBits &&
    excludesZero(a) === excludesZero(b)
  );
}

export function joinNumber(a: AbstractNumber, b: AbstractNumber): AbstractNumber {
  if (sameNumber(a, b)) return a;
  if (a.set !== undefined && b.set !== undefined) {
    const union = unionOf(a.set, b.set);
    if (union.length === a.set.length) return a;
    if (union.length <= MAX_SET) return numberSet(union);
  }
  const joined: AbstractNumber = {
    set: undefined,
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
    must: a.must & b.must,
    may: a.may | b.may,
    unknownBits: a.unknownBits || b.unknownBits,
    nonzero: excludesZero(a) && excludesZero(b),
  };
  return sameNumber(a, joined) ? a : joined;
}

/** Of sorted lists without repetition, as another such list. */
function unionOf(a: readonly number[], b: readonly number[]): number[] {
  const union: number[] = [];
  let j = 0;
  for (const n of a) {
    for (; j < b.length && b[j]! < n; j++) union.push(b[j]!);
    if (b[j] === n) j++;
    union.push(n);
  }
  for (; j < b.length; j++) union.push(b[j]!);
  return union;
}

/**
 * Numbers at which widening stops once on its way up, and down, to infinity, the nearest to zero first (Blanchet et al.,
 * "A static analyzer for large safety-critical software", PLDI 2003).
 */
export interface Bounds {
  readonly up: readonly number[];
  readonly down: readonly number[];
}

export const NO_BOUNDS: Bounds = { up: [], down: [] };

/** Extrapolates what grew between two visits of a loop head. */
export function widenNumber(before: AbstractNumber, after: AbstractNumber, bounds: Bounds = NO_BOUNDS): AbstractNumber {
  const joined = joinNumber(before, after);
  if (joined === before) return before;
  // What takes steps runs through all bits; a mask that collects flags has those of the flags alone.
  const { unknownBits } = takesSteps(before, after) ? TOP_NUMBER : joined;
  // The first time alone: what grows beyond one has no bound that the program names.
  const { up, down } = before.set === undefined ? NO_BOUNDS : bounds;
  return {
    set: undefined,
    low: joined.low < before.low ? (down.find((t) => t <= joined.low) ?? leastOf(joined)) : joined.low,
    high: joined.high > before.high ? (up.find((t) => t >= joined.high) ?? Infinity) : joined.high,
    must: joined.must,
    may: joined.may,
    unknownBits,
    nonzero: excludesZero(joined),
  };
}

/** What is never seen below zero stays there: a counter that a table has several of, an index, a length. */
function leastOf({ low }: AbstractNumber): number {
  return low >= 0 ? 0 : -Infinity;
}

/**
 * Each number of the one, moved by the same distance, is one of the other: a counter, a turn later. Where none of them
 * had a bit of that distance, a mask may have got one more flag.
 */
function takesSteps({ set: before, may }: AbstractNumber, { set: after }: AbstractNumber): boolean {
  if (before === undefined || before.length !== after?.length) return false;
  const step = after[0]! - before[0]!;
  if (step === 0 || !after.every((v, i) => v - before[i]! === step)) return false;
  return step < 0 || !Number.isSafeInteger(step) || (may & BigInt(step)) !== 0n;
}

/** Lists are in the order of their keys, and stay in it. */
function joinReferences(a: readonly Reference[], b: readonly Reference[]): readonly Reference[] {
  if (a === b || b.length === 0) return a;
  // Mostly the one begins with the other.
  let same = 0;
  const shorter = Math.min(a.length, b.length);
  while (same < shorter && (a[same] === b[same] || sameReference(a[same]!, b[same]!))) same++;
  let joined: Reference[] | undefined;
  for (let i = same; i < b.length; i++) {
    const r = b[i]!;
    if (a.includes(r) || isAmong(a, r) || isAnyElement(r, a)) continue;
    joined ??= [...a];
    joined.splice(placeFor(r, joined), 0, r);
  }
  return joined ?? a;
}

function isAmong(references: readonly Reference[], r: Reference): boolean {
  for (const known of references) if (sameReference(known, r)) return true;
  return false;
}

/** Behind all that have a lesser key. */
function placeFor(r: Reference, references: readonly Reference[]): number {
  let at = references.length;
  while (at > 0 && !isBefore(references[at - 1]!, r)) at--;
  return at;
}

/** The key of `a` is less than that of `b`; mostly that is seen without making the keys. */
function isBefore(a: Reference, b: Reference): boolean {
  if (a.kind === 'location' && b.kind === 'location') {
    const left = a.location.base;
    const right = b.location.base;
    if (left === right) return a.location.path < b.location.path;
    // Of two names of which neither begins with the other.
    const isLess = left < right;
    if (isLess ? !right.startsWith(left) : !left.startsWith(right)) return isLess;
  }
  return referenceKey(a) < referenceKey(b);
}

function sameReference(a: Reference, b: Reference): boolean {
  if (a === b) return true;
  if (a.kind === 'location')
    return b.kind === 'location' && a.location.path === b.location.path && a.location.base === b.location.base;
  return a.kind === b.kind && referenceKey(a) === referenceKey(b);
}

/** An element of unknown index among them stands for this one too. */
function isAnyElement(r: Reference, references: readonly Reference[]): boolean {
  if (r.kind !== 'location') return false;
  const { base, path } = r.location;
  if (!path.endsWith(']')) return false;
  let element: string | undefined;
  for (const k of references) {
    if (k.kind !== 'location' || k.location.base !== base || !k.location.path.endsWith('[*]')) continue;
    element ??= `${path.slice(0, path.lastIndexOf('['))}[*]`;
    if (k.location.path === element) return true;
  }
  return false;
}

/** Places that differ in their last index alone become one of unknown index. */
export function anyElement(references: readonly Reference[]): readonly Reference[] {
  if (references.length < 2) return references;
  const heads = new Map<string, Reference>();
  for (const r of references) {
    const isElement = r.kind === 'location' && r.location.path.endsWith(']');
    const at = isElement ? /^(.*)\[[^[\]]*\]$/s.exec(r.location.path) : null;
    if (r.kind !== 'location' || at === null) {
      heads.set(referenceKey(r), r);
      continue;
    }
    const key = `p:${r.location.base}|${at[1]}[`;
    const either: Reference = { kind: 'location', location: { base: r.location.base, path: `${at[1]}[*]` } };
    heads.set(key, heads.has(key) ? either : r);
  }
  return heads.size === references.length ? references : [...heads.values()];
}

/** Stands for several userfaultfds, of which a message may be anyone's. */
const SEVERAL = 'several';

function joinTags(a: MessageTag | undefined, b: MessageTag | undefined): MessageTag | undefined {
  if (sameTag(a, b)) return a;
  if (a?.part !== 'event' || b?.part !== 'event' || a.child !== undefined || b.child !== undefined) return undefined;
  if (a.offset !== b.offset) return undefined;
  return a.source === SEVERAL ? a : tagged(a, SEVERAL, a.child);
}

function sameTag(a: MessageTag | undefined, b: MessageTag | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.part !== b.part || a.child !== b.child || a.offset !== b.offset)
    return false;
  // The same child through another source is the same message to whoever tests it.
  return a.child !== undefined || a.source === b.source;
}

/** Most references a value keeps apart; beyond it the value is anything. */
const MAX_REFERENCES = 12;

/** Least upper bound; returns `a` itself when `b` adds nothing, so that callers can detect growth by identity. */
export function join(a: Value, b: Value, widen?: Bounds): Value {
  if (a === b) return a;
  const number =
    a.number === undefined
      ? b.number
      : b.number === undefined
        ? a.number
        : widen !== undefined
          ? widenNumber(a.number, b.number, widen)
          : joinNumber(a.number, b.number);
  const union = joinReferences(a.references, b.references);
  const references = widen !== undefined && union !== a.references ? anyElement(union) : union;
  const any = a.any || b.any;
  const tag = joinTags(a.tag, b.tag);
  if (number === a.number && references === a.references && any === a.any && tag === a.tag) return a;
  if (references.length > MAX_REFERENCES) return { number: TOP_NUMBER, references: [], any: true, tag };
  return { number, references, any, tag };
}

/** True when `b` is below or equal to `a`. */
export function covers(a: Value, b: Value): boolean {
  return join(a, b) === a;
}

export const NO_DESCRIPTORS: readonly string[] = [];

/** The userfaultfds of which the value is a descriptor. */
export function objectsOf({ references }: Value): readonly string[] {
  if (references.length === 0) return NO_DESCRIPTORS;
  const found: string[] = [];
  for (const r of references) if (r.kind === 'descriptor') found.push(r.object);
  return found;
}

/** The single number that the value is, or undefined. */
export function asConstant(value: Value): number | undefined {
  if (value.any || value.references.length > 0) return undefined;
  const set = value.number?.set;
  return set !== undefined && set.length === 1 ? set[0] : undefined;
}

export function canBeZero(value: Value): boolean {
  // A null pointer is the number zero, whatever else the value may be.
  if (value.any && value.number === undefined) return true;
  return value.number !== undefined && contains(value.number, 0);
}

export function canBeNonZero(value: Value): boolean {
  if (value.any || value.references.length > 0) return true;
  const n = value.number;
  return n !== undefined && !(n.low === 0 && n.high === 0);
}

export function contains(n: AbstractNumber, v: number): boolean {
  if (n.set !== undefined) return n.set.includes(v);
  if (v === 0 && n.nonzero) return false;
  return n.low <= v && v <= n.high;
}

export function isEmpty(value: Value): boolean {
  return value.number === undefined && value.references.length === 0 && !value.any;
}
