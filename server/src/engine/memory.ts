/** Abstract memory: for each base object its cells, copied on write. A store through `[*]` is weak. */
import { BUCKETS, type Bucket, bucketOf, EMPTY_BUCKET, type Entry, indexIn } from './buckets.ts';
import {
  type Cells,
  coversCells,
  defaultOf,
  EMPTY,
  isBelow,
  isFoundMemory,
  isLearned,
  joinCells,
  loadAny,
  loadCell,
  matches,
  NO_DEFAULTS,
  patternLength,
  underPattern,
} from './cells.ts';
import { holdsAll } from './collections.ts';
import {
  findHeld,
  findReferences,
  type Held,
  type Holdings,
  heldBy,
  mayHold,
  NO_REFERENCES,
  referencesIn,
} from './holdings.ts';
import type { Thresholds } from './thresholds.ts';
import { constant, join, type Location, type Reference, UNKNOWN, type Value } from './value.ts';

export const ZERO: Value = constant(0);

/** A variable of a function: it has the name of that function before its own. */
export function isLocal(base: string): boolean {
  return /^var:.*:/s.test(base);
}

/** Of a variable that the lowering made for the value of a call: the statement is all that looks there. */
export function isTemporary(base: string): boolean {
  return /:\$\d+$/.test(base);
}

export class Memory {
  private buckets: Bucket[];
  /** The array of buckets itself is shared. */
  private sharedArray: boolean;
  /** Bases whose cells this memory may change in place. */
  private owned: Set<string> | undefined;
  /** Bases that stand for several objects: stores to them are weak. */
  private weak: ReadonlySet<string>;
  /** Descriptors that cells other than messages name, until the next change. */
  private taken: Holdings | undefined;

  constructor(buckets?: Bucket[], weak: ReadonlySet<string> = new Set()) {
    this.buckets = buckets ?? Array.from({ length: BUCKETS }, () => EMPTY_BUCKET);
    this.sharedArray = buckets !== undefined;
    this.owned = undefined;
    this.weak = weak;
    this.taken = undefined;
  }

  /** Constant time: both memories copy before they change. */
  clone(): Memory {
    this.owned = undefined;
    this.sharedArray = true;
    const copy = new Memory(this.buckets, this.weak);
    copy.taken = this.taken;
    return copy;
  }

  /** What a base holds, where it is there. */
  find(base: string): Cells | undefined {
    const bucket = this.buckets[bucketOf(base)]!;
    // From the end: what was made last is asked for most.
    for (let i = bucket.length - 1; i >= 0; i--) {
      const entry = bucket[i]!;
      if (entry.base === base) return entry.cells;
    }
    return undefined;
  }

  /** Puts cells at a place of a bucket; behind its end where `at` is negative. */
  private put(index: number, at: number, base: string, cells: Cells): void {
    const changed = this.buckets[index]!.slice();
    if (at < 0) changed.push({ base, cells });
    else changed[at] = { base, cells };
    this.replaceBucket(index, changed);
  }

  private replaceBucket(index: number, bucket: Bucket): void {
    if (this.sharedArray) {
      this.buckets = this.buckets.slice();
      this.sharedArray = false;
    }
    this.buckets[index] = bucket;
  }

  /** What is held outside messages is asked again where a base comes or goes that holds something. */
  private noteHeld(base: string, cells: Cells): void {
    if (this.taken !== undefined && this.heldIn(base, cells).length > 0) this.taken = undefined;
  }

  private heldIn(base: string, cells: Cells): readonly Held[] {
    return this.owned?.has(base) === true ? findHeld(cells) : heldBy(cells);
  }

  /** Removes those of the bases that are there and for which `isMeant` holds; gives them, in that order. */
  removeEach(bases: readonly string[], isMeant: (cells: Cells) => boolean = () => true): Entry[] {
    const removed: Entry[] = [];
    let index = -1;
    let changed: Entry[] | undefined;
    for (const base of bases) {
      const next = bucketOf(base);
      if (next !== index) {
        if (changed !== undefined) this.replaceBucket(index, changed);
        index = next;
        changed = undefined;
      }
      const bucket = changed ?? this.buckets[index]!;
      const at = indexIn(bucket, base);
      if (at < 0) continue;
      const entry = bucket[at]!;
      if (!isMeant(entry.cells)) continue;
      this.noteHeld(base, entry.cells);
      changed ??= bucket.slice();
      changed.splice(at, 1);
      removed.push(entry);
      this.owned?.delete(base);
      this.makeSingle(base);
    }
    if (changed !== undefined) this.replaceBucket(index, changed);
    return removed;
  }

  /** Removes all other bases for which `isMeant` holds; gives them. */
  removeOthers(kept: ReadonlySet<string>, isMeant: (cells: Cells) => boolean): Entry[] {
    const removed: Entry[] = [];
    for (let i = 0; i < BUCKETS; i++) {
      const bucket = this.buckets[i]!;
      if (bucket.length === 0) continue;
      const left: Entry[] = [];
      for (const entry of bucket) {
        const { base, cells } = entry;
        if (kept.has(base) || !isMeant(cells)) {
          left.push(entry);
          continue;
        }
        this.noteHeld(base, cells);
        removed.push(entry);
        this.owned?.delete(base);
        this.makeSingle(base);
      }
      if (left.length < bucket.length) this.replaceBucket(i, left);
    }
    return removed;
  }

  /** Puts bases in the place of what is there under their names. */
  putEach(entries: readonly Entry[]): void {
    let index = -1;
    let changed: Entry[] | undefined;
    for (const entry of entries) {
      const next = bucketOf(entry.base);
      if (next !== index) {
        if (changed !== undefined) this.replaceBucket(index, changed);
        index = next;
        changed = this.buckets[index]!.slice();
      }
      const at = indexIn(changed!, entry.base);
      if (at >= 0) this.noteHeld(entry.base, changed![at]!.cells);
      if (at < 0) changed!.push(entry);
      else changed![at] = entry;
      this.owned?.delete(entry.base);
      this.noteHeld(entry.base, entry.cells);
    }
    if (changed !== undefined) this.replaceBucket(index, changed);
  }

  /** Whether this holds for some base of `other` whose cells are not the very same here. */
  someDiffering(other: Memory, holds: (base: string, own: Cells | undefined, cells: Cells) => boolean): boolean {
    const [buckets, others] = [this.buckets, other.buckets];
    if (buckets === others) return false;
    for (let i = 0; i < BUCKETS; i++) {
      const left = buckets[i]!;
      const right = others[i]!;
      if (left === right) continue;
      for (let j = 0; j < right.length; j++) {
        const entry = right[j]!;
        // Versions of a bucket share the entries that were not changed.
        if (entry === left[j]) continue;
        const at = indexIn(left, entry.base);
        const own = at < 0 ? undefined : left[at]!.cells;
        if (own !== entry.cells && holds(entry.base, own, entry.cells)) return true;
      }
    }
    return false;
  }

  /** What may be in either; this memory itself where `other` adds nothing. */
  join(other: Memory, widen?: Thresholds): Memory {
    let result: Memory | undefined;
    const target = () => {
      result ??= this.clone();
      return result;
    };
    const [buckets, others] = [this.buckets, other.buckets];
    if (buckets !== others)
      for (let i = 0; i < BUCKETS; i++)
        if (buckets[i] !== others[i]) this.joinBuckets(buckets[i]!, others[i]!, widen, target, i);
    if (other.weak !== this.weak) for (const base of other.weak) if (!this.weak.has(base)) target().makeSummary(base);
    return result ?? this;
  }

  /** `target` gives the memory that what `right` adds is put into. */
  private joinBuckets(
    left: Bucket,
    right: Bucket,
    widen: Thresholds | undefined,
    target: () => Memory,
    index: number,
  ): void {
    let changed: Entry[] | undefined;
    for (let j = 0; j < right.length; j++) {
      const entry = right[j]!;
      if (entry === left[j]) continue;
      const { base, cells } = entry;
      const at = indexIn(left, base);
      if (at < 0) {
        if (isLearned(base, cells)) continue;
        target().noteHeld(base, cells);
        changed ??= left.slice();
        changed.push(entry);
        continue;
      }
      const own = left[at]!.cells;
      const joined = own === cells ? own : joinCells(base, own, cells, widen);
      if (joined === own) continue;
      target().noteHeld(base, own);
      target().noteHeld(base, joined);
      changed ??= left.slice();
      changed[at] = { base, cells: joined };
    }
    if (changed !== undefined) target().replaceBucket(index, changed);
  }

  get summaries(): ReadonlySet<string> {
    return this.weak;
  }

  isSummary(base: string): boolean {
    return this.weak.has(base);
  }

  makeSummary(base: string): void {
    if (!this.weak.has(base)) this.weak = new Set([...this.weak, base]);
  }

  has(base: string): boolean {
    return this.find(base) !== undefined;
  }

  /** As they are now: changes while somebody walks through them do not matter. */
  entries(): Entry[] {
    const found: Entry[] = [];
    for (const bucket of this.buckets) for (const entry of bucket) found.push(entry);
    return found;
  }

  baseNames(): string[] {
    const found: string[] = [];
    for (const bucket of this.buckets) for (const { base } of bucket) found.push(base);
    return found;
  }

  /** Descriptors that some cell other than a message's own names. */
  descriptorsOutsideMessages(): Holdings {
    if (this.taken !== undefined) return this.taken;
    const found = new Map<string, 'variable' | 'kept'>();
    for (const bucket of this.buckets) {
      for (const { base, cells } of bucket) {
        for (const { object, inTable } of this.heldIn(base, cells)) {
          if (inTable || !isLocal(base)) found.set(object, 'kept');
          else if (!found.has(object)) found.set(object, 'variable');
        }
      }
    }
    this.taken = found;
    return found;
  }

  cellsOf(base: string): Cells {
    return this.find(base) ?? EMPTY;
  }

  /** What the cells of a base refer to; some of it more than once. */
  referencesIn(base: string): readonly Reference[] {
    const cells = this.find(base);
    if (cells === undefined) return NO_REFERENCES;
    return this.owned?.has(base) === true ? findReferences(cells) : referencesIn(cells);
  }

  /** Some cell elsewhere leads to the base, other than one of those that hold a value within a statement. */
  isReferredTo(base: string): boolean {
    for (const bucket of this.buckets)
      for (const { base: holder, cells } of bucket) {
        if (holder === base || isTemporary(holder)) continue;
        for (const { references } of cells.values.values())
          if (references.some((r) => r.kind === 'location' && r.location.base === base)) return true;
      }
    return false;
  }

  setCells(base: string, cells: Cells): void {
    const index = bucketOf(base);
    const bucket = this.buckets[index]!;
    const at = indexIn(bucket, base);
    if (at >= 0) this.noteHeld(base, bucket[at]!.cells);
    this.put(index, at, base, cells);
    this.owned?.delete(base);
    this.noteHeld(base, cells);
  }

  /** For a change that does not say what it does to descriptors. */
  private writable(base: string): Cells {
    this.taken = undefined;
    const index = bucketOf(base);
    return this.own(base, index, indexIn(this.buckets[index]!, base));
  }

  /** The cells at a place of a bucket, to be changed in place; of a base that is not there where `at` is negative. */
  private own(base: string, index: number, at: number): Cells {
    const existing = at < 0 ? undefined : this.buckets[index]![at]!.cells;
    if (existing !== undefined && this.owned?.has(base) === true) return existing;
    const copy: Cells =
      existing === undefined
        ? { values: new Map(), defaults: NO_DEFAULTS }
        : { values: new Map(existing.values), defaults: existing.defaults };
    this.put(index, at, base, copy);
    this.owned ??= new Set();
    this.owned.add(base);
    return copy;
  }

  deleteBase(base: string): void {
    const index = bucketOf(base);
    const bucket = this.buckets[index]!;
    const at = indexIn(bucket, base);
    if (at < 0) return;
    this.noteHeld(base, bucket[at]!.cells);
    const changed = bucket.slice();
    changed.splice(at, 1);
    this.replaceBucket(index, changed);
    this.owned?.delete(base);
    this.makeSingle(base);
  }

  private makeSingle(base: string): void {
    if (this.weak.has(base)) this.weak = new Set([...this.weak].filter((w) => w !== base));
  }

  /** The value of a cell, or undefined when nothing is known of it (never stored, no default). */
  load(location: Location): Value | undefined {
    const cells = this.find(location.base);
    if (cells === undefined) return undefined;
    if (!location.path.includes('[*]')) return loadCell(cells, location.path);
    // Elements of allocated memory that nobody stored to are not read.
    const value = loadAny(cells, location.path, location.base.startsWith('heap:'));
    // What was found out of one number of a text says nothing of the others.
    return value !== undefined && isNumber(value) && isFoundMemory(location.base) ? undefined : value;
  }

  /** True when a store there replaces the old value for sure. */
  isStrong(location: Location): boolean {
    return !this.weak.has(location.base) && (location.path === '' || !/\[[*>]/.test(location.path));
  }

  store(location: Location, value: Value): void {
    if (this.isStrong(location)) {
      const { base, path } = location;
      const index = bucketOf(base);
      const bucket = this.buckets[index]!;
      const at = indexIn(bucket, base);
      const old = at < 0 ? undefined : bucket[at]!.cells.values.get(path);
      // What is stored again is shared still.
      if (old === value) return;
      if (mayHold(value) || (old !== undefined && mayHold(old))) this.taken = undefined;
      this.own(base, index, at).values.set(path, value);
      return;
    }
    const old = this.cellsOf(location.base).values.get(location.path);
    const joined = old === undefined ? value : join(old, value);
    if (joined !== old) this.writable(location.base).values.set(location.path, joined);
    if (!location.path.includes('[*]')) return;
    // A cell with a name of its own may be the one: what it held before counts for it alone.
    for (const [path, own] of this.cellsOf(location.base).values) {
      if (path === location.path || !matches(path, location.path)) continue;
      const either = join(own, value);
      if (either !== own) this.writable(location.base).values.set(path, either);
    }
  }

  /** Everything below the location becomes zero, or `value`. */
  fill(location: Location, value: Value | undefined): void {
    if (!this.isStrong(location)) {
      if (value !== undefined) {
        for (const [key, old] of [...this.cellsOf(location.base).values]) {
          if (isBelow(key, location.path)) this.store({ base: location.base, path: key }, join(old, value));
        }
      }
      return;
    }
    const cells = this.writable(location.base);
    for (const key of [...cells.values.keys()]) if (isBelow(key, location.path)) cells.values.delete(key);
    const defaults = new Map([...cells.defaults].filter(([key]) => !isBelow(key, location.path)));
    cells.defaults = defaults.set(location.path, value ?? UNKNOWN);
  }

  /** Nothing is known of what lies below a location that a store replaces for sure. */
  forget(location: Location): void {
    const cells = this.writable(location.base);
    for (const key of [...cells.values.keys()]) if (isBelow(key, location.path)) cells.values.delete(key);
    cells.defaults = new Map([...cells.defaults].filter(([key]) => !isBelow(key, location.path)));
  }

  /** What below the location is a plain number, or was never stored, is not known any more. */
  forgetNumbers(location: Location): void {
    const cells = this.writable(location.base);
    for (const [key, value] of cells.values) {
      if (isBelow(key, location.path) && value.references.length === 0 && value.tag === undefined)
        cells.values.set(key, UNKNOWN);
    }
    const defaults = new Map([...cells.defaults].filter(([key]) => !isBelow(key, location.path)));
    cells.defaults = defaults.set(location.path, UNKNOWN);
  }

  /** Values stored below a location, with their paths relative to it. */
  below(location: Location): [string, Value][] {
    const found: [string, Value][] = [];
    // Of a batch the message behind the first, as where a member of it is read.
    const rest = location.path.replace('[*]', '[+]');
    if (rest !== location.path) {
      for (const [key, value] of this.cellsOf(location.base).values)
        if (isBelow(key, rest)) found.push([key.slice(rest.length), value]);
      if (found.length > 0) return found;
    }
    for (const [key, value] of this.cellsOf(location.base).values) {
      if (isBelow(key, location.path)) found.push([key.slice(location.path.length), value]);
      else if (location.path.includes('[') && underPattern(key, location.path)) {
        found.push([key.slice(patternLength(key, location.path)), value]);
      }
    }
    return found;
  }

  /** Copies a record: all cells below `from` to below `to`. */
  copy(from: Location, to: Location): void {
    const cells = this.below(from);
    const fallback = defaultOf(this.cellsOf(from.base), from.path);
    this.fill(to, fallback);
    for (const [suffix, value] of cells) this.store({ base: to.base, path: to.path + suffix }, value);
  }
}

function isNumber({ references, tag }: Value): boolean {
  return references.length === 0 && tag === undefined;
}

/** True when joining `b` would not change `a`. */
export function coversMemory(a: Memory, b: Memory): boolean {
  const adds = (base: string, own: Cells | undefined, cells: Cells) =>
    own === undefined ? !isLearned(base, cells) : !coversCells(own, cells);
  return !a.someDiffering(b, adds) && holdsAll(a.summaries, b.summaries);
}
