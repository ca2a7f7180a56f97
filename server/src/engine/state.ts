/**
 * One abstract state: memory, the userfaultfds it knows, threads, locks, and the path that led here.
 *
 * States meet at a join point only when their typestate keys are equal (property simulation, Das, Lerner and Seigle,
 * PLDI 2002); values of joined states are joined.
 */

import type { Span } from '../text/span.ts';
import { FORK_FIELD } from './cells.ts';
import { holdsAll, union, withEntry, withoutEntry } from './collections.ts';
import type { ForkEvent, RepeatedHandshakeEvent } from './events.ts';
import type { Holdings } from './holdings.ts';
import { coversMemory, Memory } from './memory.ts';
import { olderId } from './object-names.ts';
import type { Thresholds } from './thresholds.ts';
import type { Site, StepKind, TraceStep } from './trace.ts';
import {
  type ChildDuty,
  commonRanges,
  copyOf,
  copyOfDuty,
  hasManyOwed,
  isCrowded,
  isServed,
  joinFeatures,
  joinRanges,
  keyInCrowd,
  objectKey,
  spanKey,
  type Uffd,
} from './userfaultfd.ts';
import { type Location, type Reference, referenceKey, tagged, type Value } from './value.ts';

/** A message that cannot have this event, followed only to see whether the code acts on it. */
export interface Hypothesis {
  readonly span: Span;
  /** The one that the event needs; undefined while the code did not tell yet which event it is. */
  readonly feature: string | undefined;
  readonly source: string;
  /** The code acted on the message: that was the question, and the path ends. */
  readonly answered: boolean;
  /** The code under the test: a switch body by its span, or what a branch's target dominates. */
  readonly functionId: string;
  readonly region: Span | undefined;
  readonly target: number | undefined;
}

export interface Trace {
  readonly step: TraceStep;
  readonly previous: Trace | undefined;
}

/** Of collections whose keys do not depend on who holds what. */
const keysOfObjects = new WeakMap<ReadonlyMap<string, Uffd>, string>();

const NONE: ReadonlyMap<string, never> = new Map<string, never>();
const NOBODY: ReadonlySet<string> = new Set();

/** What of a path changes at few of its steps: states share it, and it is replaced, not changed. */
export interface Situation {
  /** Processes forked by this path before, by fork site. */
  readonly processes: ReadonlySet<string>;
  /** Locks held: location key to where taken. */
  readonly locks: ReadonlyMap<string, Span>;
  /** Locks taken since the last read of a userfaultfd, and threads joined, by this path. */
  readonly waited: ReadonlyMap<string, Site>;
  /** Empty, or the fork site whose child this path is. */
  readonly process: string;
  /**
   * A handshake that the kernel always refuses, on the path that takes it for a success. It is a defect once that path
   * goes on; where success leads to an error exit, the code demands the refusal.
   */
  readonly refused: { readonly event: RepeatedHandshakeEvent; readonly functionId: string } | undefined;
  /** Memory regions that fork() does not copy. */
  readonly notCopied: ReadonlySet<string>;
  /** Bases that somebody the program does not show may look into later. */
  readonly kept: ReadonlySet<string>;
  /** A function on this path was not followed to its end: what it would have changed is as before. */
  readonly cut: boolean;
  /** A table of functions is walked: which of them ran before is not known. */
  readonly unordered: boolean;
  /** A userfaultfd got another name since a thread was started, which knows it by the one before. */
  readonly renamed: boolean;
  /** A thread whose function the program does not show was started. */
  readonly unknownThreads: boolean;
  /** A handshake was refused on each path that led here. */
  readonly wasRefused: boolean;
}

/** What a state holds beside its memory. */
type Rest = Omit<
  { [K in keyof State as State[K] extends (...of: never[]) => unknown ? never : K]: State[K] },
  'memory'
>;

const BEGINNING: Rest = {
  objects: NONE,
  threads: NONE,
  situation: {
    processes: NOBODY,
    locks: NONE,
    waited: NONE,
    process: '',
    refused: undefined,
    notCopied: NOBODY,
    kept: NOBODY,
    cut: false,
    unordered: false,
    renamed: false,
    unknownThreads: false,
    wasRefused: false,
  },
  childOf: undefined,
  hypothesis: undefined,
  mine: NOBODY,
  trace: undefined,
  returnedAt: undefined,
  turnover: 0,
};

export class State {
  memory: Memory;
  /** Replaced, not changed, as are the other collections: states share them. */
  objects: ReadonlyMap<string, Uffd>;
  /** Threads started by this path: creation site to running or joined. */
  threads: ReadonlyMap<string, 'running' | 'joined'>;
  situation: Situation;
  /** The fork whose consequence for the child is still open on this (child's) path. */
  childOf: ForkEvent | undefined;
  hypothesis: Hypothesis | undefined;
  /** Allocated memory that this path made and gave to nobody: what other threads did to its like is no business of it. */
  mine: ReadonlySet<string>;
  trace: Trace | undefined;
  /** The return statement that this path left the last function by; undefined at a closing brace. */
  returnedAt: Span | undefined;
  /** Children born and children lost on this path: tells whether a call changed which child an id names. */
  turnover: number;

  /** With this memory, and all else as in another state; where none is given nothing has happened yet. */
  constructor(memory: Memory = new Memory(), from: Rest = BEGINNING) {
    this.memory = memory;
    this.objects = from.objects;
    this.threads = from.threads;
    this.situation = from.situation;
    this.childOf = from.childOf;
    this.hypothesis = from.hypothesis;
    this.mine = from.mine;
    this.trace = from.trace;
    this.returnedAt = from.returnedAt;
    this.turnover = from.turnover;
  }

  /** Something of its situation is another from here on. */
  change(change: Partial<Situation>): void {
    this.situation = Object.assign(copyOfSituation(this.situation), change);
  }

  clone(): State {
    return new State(this.memory.clone(), this);
  }

  putObject(object: Uffd): void {
    this.objects = withEntry(this.objects, object.id, object);
  }

  removeObject(id: string): void {
    this.objects = withoutEntry(this.objects, id);
  }

  update(id: string, change: Partial<Uffd>): void {
    const object = this.objects.get(id);
    if (object !== undefined) this.putObject(Object.assign(copyOf(object), change));
  }

  updateDuty(id: string, change: Partial<ChildDuty>): void {
    const object = this.objects.get(id);
    if (object?.duty === undefined) return;
    this.putObject(Object.assign(copyOf(object), { duty: Object.assign(copyOfDuty(object.duty), change) }));
  }

  /** Whoever the call at the site started on this path has ended. */
  noteJoined(site: string): void {
    if (this.threads.has(site)) this.threads = withEntry(this.threads, site, 'joined');
  }

  step(kind: StepKind, location: Span, message: string): void {
    this.trace = { step: { kind, location, message }, previous: this.trace };
  }

  /**
   * States with equal keys may be joined. A userfaultfd that was created goes by its site, not by the calls that led
   * there, as long as the state has no other like it; `nameless` goes by nothing.
   */
  key(nameless?: string): string {
    let key = nameless === undefined ? this.knownKeyOfObjects() : this.keyOfObjects(nameless).key;
    const add = (part: string) => {
      key = key === '' ? part : `${key};${part}`;
    };
    const { locks, process, refused } = this.situation;
    if (locks.size > 0) add(`L${[...locks.keys()].sort().join()}`);
    if (process !== '') add(`P${process}`);
    if (this.childOf !== undefined) add('C');
    if (refused !== undefined) add(`R${refused.event.span.start}`);
    if (this.hypothesis !== undefined) add(`H${this.hypothesis.span.start}${this.hypothesis.feature ?? ''}`);
    return key;
  }

  /** States share their userfaultfds with those that they come from. */
  private knownKeyOfObjects(): string {
    const { objects } = this;
    if (objects.size === 0) return '';
    const known = keysOfObjects.get(objects);
    if (known !== undefined) return known;
    const { key, restsOnMemory } = this.keyOfObjects();
    if (!restsOnMemory) keysOfObjects.set(objects, key);
    return key;
  }

  /** `restsOnMemory`: who holds a child is part of it. */
  private keyOfObjects(nameless?: string): { readonly key: string; readonly restsOnMemory: boolean } {
    const parts: string[] = [];
    let taken: Holdings | undefined;
    const crowded = isCrowded(this.objects);
    const many = hasManyOwed(this.objects);
    for (const o of this.objects.values()) {
      // Of a child that is served nothing is claimed any more.
      if (isServed(o)) continue;
      if (o.duty === undefined || o.escaped) {
        const name = o.id === nameless ? '' : o.origin === 'created' ? spanKey(o.site) : o.id;
        const key = crowded ? keyInCrowd(o) : objectKey(o);
        const part = `${name}:${key}`;
        parts.push(parts.includes(part) ? `${o.id}:${key}` : part);
        continue;
      }
      // A descriptor that only its message holds is not one that was put somewhere, and who has it in a variable alone
      // can lose it yet.
      taken ??= this.heldOutsideMessages();
      const holder = taken.get(o.id);
      // Of many the ones that are kept count as served where only some of the paths have them.
      if (many && holder === 'kept') continue;
      parts.push(`${o.id}:${objectKey(o)}${holder ?? ''}`);
    }
    if (parts.length > 1) parts.sort();
    return { key: parts.join(';'), restsOnMemory: taken !== undefined };
  }

  /** Follows pointers from the given values; returns every base and every descriptor that can be reached. */
  reach(values: Iterable<Value>, bases: Iterable<string> = []): { bases: Set<string>; descriptors: Set<string> } {
    const reached = new Set(bases);
    const descriptors = new Set<string>();
    const visit = (references: readonly Reference[]) => {
      for (const r of references) {
        if (r.kind === 'descriptor') descriptors.add(r.object);
        else if (r.kind === 'location') reached.add(r.location.base);
      }
    };
    for (const { references } of values) visit(references);
    // Grows while it is walked.
    for (const base of reached) visit(this.memory.referencesIn(base));
    return { bases: reached, descriptors };
  }

  /** Descriptors that some live variable, global or reachable heap object still holds. */
  held(pinned: ReadonlySet<string>): Set<string> {
    const { descriptors } = this.reach([], this.roots(pinned));
    for (const id of pinned) descriptors.add(id);
    return descriptors;
  }

  /** Bases that can be found without a pointer, and allocated memory that others know of. */
  private roots(pinned: ReadonlySet<string>): string[] {
    const roots: string[] = [];
    for (const base of this.memory.baseNames()) if (!base.startsWith('heap:')) roots.push(base);
    for (const base of pinned) if (base.startsWith('heap:')) roots.push(base, olderId(base));
    return roots;
  }

  /** A cell of these bases names the descriptor, other than a message's own. */
  isNamedIn(bases: Iterable<string>, id: string): boolean {
    for (const base of bases)
      for (const [path, { references }] of this.memory.cellsOf(base).values)
        if (!path.endsWith(FORK_FIELD) && references.some((r) => r.kind === 'descriptor' && r.object === id))
          return true;
    return false;
  }

  /** All that can be found from variables, but for those in `ending`. */
  foundWithout(ending: ReadonlySet<string>, pinned: ReadonlySet<string>): ReadonlySet<string> {
    return this.reach(
      [],
      this.roots(pinned).filter((base) => !ending.has(base)),
    ).bases;
  }

  /** Descriptors that some cell other than a message's own names. */
  heldOutsideMessages(): Holdings {
    return this.memory.descriptorsOutsideMessages();
  }

  /** Replaces an object's id everywhere (the object made last at a site becomes an older one). */
  rename(from: string, to: string): void {
    const object = this.objects.get(from);
    if (object === undefined) return;
    this.removeObject(from);
    this.putObject(Object.assign(copyOf(object), { id: to }));
    for (const base of this.memory.baseNames()) {
      const cells = this.memory.cellsOf(base);
      for (const [path, value] of [...cells.values]) {
        const replaced = renameIn(value, from, to);
        if (replaced !== value) {
          const values = new Map(this.memory.cellsOf(base).values);
          values.set(path, replaced);
          this.memory.setCells(base, { values, defaults: this.memory.cellsOf(base).defaults });
        }
      }
    }
  }
}

function renameIn(value: Value, from: string, to: string): Value {
  const hit = value.references.some((r) => r.kind === 'descriptor' && r.object === from);
  const tag = value.tag;
  const tagHit = tag !== undefined && (tag.source === from || tag.child === from);
  if (!hit && !tagHit) return value;
  const references = value.references.map(
    (r): Reference => (r.kind === 'descriptor' && r.object === from ? { kind: 'descriptor', object: to } : r),
  );
  const unique = new Map(references.map((r) => [referenceKey(r), r]));
  const renamed = (id: string) => (id === from ? to : id);
  const { number, any } = value;
  return {
    number,
    references: [...unique.values()],
    any,
    tag: tag === undefined ? undefined : tagged(tag, renamed(tag.source), tag.child && renamed(tag.child)),
  };
}

/** What `b` calls its userfaultfds is what `a` calls those that are like them. */
function alignNames(a: State, b: State): State {
  if (a.objects === b.objects) return b;
  let aligned = b;
  for (const [id, object] of b.objects) {
    if (a.objects.has(id) || object.origin !== 'created' || object.duty !== undefined) continue;
    const key = objectKey(object);
    for (const [other, like] of a.objects) {
      if (b.objects.has(other) || like.origin !== 'created' || like.duty !== undefined) continue;
      if (like.site.start !== object.site.start || like.site.file !== object.site.file || objectKey(like) !== key)
        continue;
      if (aligned === b) aligned = b.clone();
      aligned.rename(id, other);
      break;
    }
  }
  return aligned;
}

/** True when joining `other`, a state of equal key, would not change `a`. */
export function coversState(a: State, other: State): boolean {
  const b = alignNames(a, other);
  return coversMemory(a.memory, b.memory) && !adds(a, b);
}

/** Beside memory, `b` has something that a join would take over. */
function adds(a: State, b: State): boolean {
  if (!holdsAll(b.mine, a.mine) || joinSituations(a.situation, b.situation) !== a.situation) return true;
  return joinThreads(a.threads, b.threads) !== a.threads || joinObjects(a, b) !== a.objects;
}

/** Joins two states of equal key. `state` is `a` itself when `b` adds nothing. */
export function joinStates(a: State, other: State, widen?: Thresholds): { state: State; changed: boolean } {
  const b = alignNames(a, other);
  const memory = a.memory.join(b.memory, widen);
  if (memory === a.memory && !adds(a, b)) return { state: a, changed: false };
  const s = new State(memory === a.memory ? memory.clone() : memory, a);
  // A thread that runs on one of the paths, a process forked on one of them, can read: nothing is claimed against it.
  s.threads = joinThreads(a.threads, b.threads);
  s.objects = joinObjects(a, b);
  s.situation = joinSituations(a.situation, b.situation);
  if (!holdsAll(b.mine, a.mine)) s.mine = new Set([...a.mine].filter((base) => b.mine.has(base)));
  return { state: s, changed: true };
}

/** Of situations in which states of equal key are; gives `a` itself where `b` adds nothing. */
function joinSituations(a: Situation, b: Situation): Situation {
  if (a === b) return a;
  const processes = union(a.processes, b.processes);
  const notCopied = union(a.notCopied, b.notCopied);
  const kept = union(a.kept, b.kept);
  // What was waited for on every path only.
  const isWaitedFor = (key: string) => b.waited.has(key);
  const isSame =
    processes === a.processes &&
    notCopied === a.notCopied &&
    kept === a.kept &&
    (a.cut || !b.cut) &&
    (a.unordered || !b.unordered) &&
    (a.renamed || !b.renamed) &&
    (a.unknownThreads || !b.unknownThreads) &&
    (!a.wasRefused || b.wasRefused) &&
    (a.waited === b.waited || [...a.waited.keys()].every(isWaitedFor));
  if (isSame) return a;
  return {
    processes,
    locks: a.locks,
    waited: new Map([...a.waited].filter(([key]) => isWaitedFor(key))),
    process: a.process,
    refused: a.refused,
    notCopied,
    kept,
    cut: a.cut || b.cut,
    unordered: a.unordered || b.unordered,
    renamed: a.renamed || b.renamed,
    unknownThreads: a.unknownThreads || b.unknownThreads,
    wasRefused: a.wasRefused && b.wasRefused,
  };
}

/** Written out: V8 makes a table of hashes of an object that is spread from another one before the code is hot. */
function copyOfSituation(s: Situation): Situation {
  return {
    processes: s.processes,
    locks: s.locks,
    waited: s.waited,
    process: s.process,
    refused: s.refused,
    notCopied: s.notCopied,
    kept: s.kept,
    cut: s.cut,
    unordered: s.unordered,
    renamed: s.renamed,
    unknownThreads: s.unknownThreads,
    wasRefused: s.wasRefused,
  };
}

/** Which range is armed is joined, not kept apart: it may be any of those of the two paths; so is an escape. */
function joinObjects(left: State, right: State): ReadonlyMap<string, Uffd> {
  const [a, b] = [left.objects, right.objects];
  if (a === b) return a;
  const joinArmed = isCrowded(a) || isCrowded(b) ? commonRanges : joinRanges;
  let result: Map<string, Uffd> | undefined;
  for (const [id, object] of a) {
    const other = b.get(id);
    if (object.duty !== undefined && !object.escaped && (other === undefined || isServed(other))) {
      result ??= new Map(a);
      result.set(id, Object.assign(copyOf(object), { duty: undefined }));
      continue;
    }
    if (other === undefined) {
      if (!isServed(object) || !namesClosed(right, id)) continue;
      result ??= new Map(a);
      result.delete(id);
      continue;
    }
    // Which of two elements a test looks at is not followed when the message may lie in either.
    const isEither =
      object.duty !== undefined && object.duty.recognised === undefined && object.duty.into !== other.duty?.into;
    if ((other.escaped || isEither) && !object.escaped) {
      result ??= new Map(a);
      result.set(id, Object.assign(copyOf(object), { escaped: true }));
    }
    // Of a wait on one of the paths it is said that it comes too early.
    if (other.waitedAt !== undefined && object.waitedAt === undefined) {
      result ??= new Map(a);
      result.set(id, Object.assign(copyOf(result.get(id)!), { waitedAt: other.waitedAt }));
    }
    const features = joinFeatures(object.features, other.features);
    if (features !== object.features) {
      result ??= new Map(a);
      result.set(id, Object.assign(copyOf(result.get(id)!), { features }));
    }
    if (other.armed === object.armed) continue;
    const armed = joinArmed(object.armed, other.armed);
    if (armed === object.armed) continue;
    result ??= new Map(a);
    result.set(id, Object.assign(copyOf(result.get(id)!), { armed }));
  }
  // Children that are served, or kept among many, on the other path alone.
  for (const [id, object] of b) {
    if (a.has(id) || object.origin === 'created' || namesClosed(left, id)) continue;
    result ??= new Map(a);
    result.set(id, object.duty === undefined ? object : Object.assign(copyOf(object), { duty: undefined }));
  }
  return result ?? a;
}

/** Something still has the number of a descriptor that was closed on this path: it is not the one of another path. */
function namesClosed(state: State, id: string): boolean {
  return state.heldOutsideMessages().has(id);
}

function joinThreads(
  a: ReadonlyMap<string, 'running' | 'joined'>,
  b: ReadonlyMap<string, 'running' | 'joined'>,
): ReadonlyMap<string, 'running' | 'joined'> {
  if (a === b) return a;
  let result: Map<string, 'running' | 'joined'> | undefined;
  for (const [site, status] of b) {
    const known = a.get(site);
    if (known === status || known === 'running') continue;
    result ??= new Map(a);
    result.set(site, status);
  }
  return result ?? a;
}

const locationKeys = new WeakMap<Location, string>();

export function locationKey(location: Location): string {
  let key = locationKeys.get(location);
  if (key === undefined) {
    key = `${location.base}|${location.path}`;
    locationKeys.set(location, key);
  }
  return key;
}

/** The steps of a path, oldest first. */
export function traceSteps(trace: Trace | undefined): TraceStep[] {
  const steps: TraceStep[] = [];
  for (let t = trace; t !== undefined; t = t.previous) steps.push(t.step);
  return steps.reverse();
}
