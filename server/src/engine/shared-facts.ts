/** What the roots of a program do that others of them can see, collected without regard to order. */
import type { FeatureWord } from './events.ts';
import { type Journal, textOf } from './journal.ts';
import { areSiblings } from './object-names.ts';
import { locationKey } from './state.ts';
import { type ArmedRange, joinFeatures } from './userfaultfd.ts';
import { join, type Location, NO_DESCRIPTORS, objectsOf, type Value } from './value.ts';

/** By what it is about: what each root did. */
type ByRoot<V> = Map<string, Map<string, V>>;

/** What a part of a run changed, as it is behind that part. */
export interface SharedContents {
  readonly shared: readonly string[];
  readonly stored: readonly (readonly [key: string, byRoot: ReadonlyMap<string, Value>])[];
  readonly handshakes: readonly (readonly [object: string, byRoot: ReadonlyMap<string, FeatureWord>])[];
  readonly arms: readonly (readonly [object: string, byRoot: ReadonlyMap<string, ArmedRange>])[];
  /** Requested in that part. */
  readonly features: FeatureWord | undefined;
}

/** What was there of one thing before a part of a run changed it, and which roots did. */
interface Changed {
  readonly before: ReadonlyMap<string, unknown>;
  readonly by: Set<string>;
}

/** A part of a run that is watched. */
class Watch {
  readonly journal: Journal;
  readonly shared = new Set<string>();
  readonly changed: Readonly<Record<Kind, Map<string, Changed>>> = {
    stored: new Map(),
    handshakes: new Map(),
    arms: new Map(),
  };
  /** Requested before, and since. */
  readonly before: FeatureWord | undefined;
  requested: FeatureWord | undefined = undefined;

  constructor(journal: Journal, before: FeatureWord | undefined) {
    this.journal = journal;
    this.before = before;
  }
}

/** What all roots of a program do to memory and descriptors that others can see. It only grows. */
export class SharedFacts {
  private readonly stored: ByRoot<Value> = new Map();
  private readonly handshakes: ByRoot<FeatureWord> = new Map();
  private readonly arms: ByRoot<ArmedRange> = new Map();
  /** Bases that several roots see: those of global variables, and what is shared. */
  private readonly visible: Set<string>;
  private requested: FeatureWord | undefined = undefined;
  /** By root: the name of what it stores before it starts a thread. */
  private readonly early = new Map<string, string>();
  /** Of answers that did not change since they were put into words: each is asked for many times. */
  private readonly texts: Readonly<Record<Kind, Map<string, string>>> = {
    stored: new Map(),
    handshakes: new Map(),
    arms: new Map(),
  };
  /** Parts of the run that are watched now: each lies in the one before it. */
  private readonly watches: Watch[] = [];

  constructor(globalBases: ReadonlySet<string>) {
    this.visible = new Set(globalBases);
  }

  share(base: string): void {
    this.visible.add(base);
    for (const watch of this.watches) watch.shared.add(base);
  }

  isVisible(base: string): boolean {
    const answer = this.visible.has(base);
    if (this.watches.length > 0) this.noteVisible(base, answer);
    return answer;
  }

  private noteVisible(base: string, answer: boolean): void {
    for (const { journal, shared } of this.watches)
      if (!journal.hasAsked('visible', base) && !shared.has(base)) journal.ask(['visible', base], () => String(answer));
  }

  /** `alone`: no thread of the root runs yet; those that it starts later find what it stored in their entry state. */
  store(root: string, location: Location, value: Value, alone: boolean): void {
    if (!this.isVisible(location.base)) return;
    const key = locationKey(location);
    const by = alone ? this.beforeThreads(root) : root;
    const old = this.stored.get(key)?.get(by);
    this.change('stored', this.stored, key, by, old === undefined ? value : join(old, value), old !== undefined);
  }

  /** Some root stores the descriptor where others find it, or what leads to one of the bases, elsewhere than in these. */
  holds(object: string, bases: readonly string[]): boolean {
    for (const [key, byRoot] of this.stored) {
      if (bases.some((base) => key.startsWith(`${base}|`))) continue;
      for (const { references } of byRoot.values())
        for (const r of references)
          if (
            r.kind === 'descriptor'
              ? areSiblings(r.object, object)
              : r.kind === 'location' && bases.includes(r.location.base)
          )
            return true;
    }
    return false;
  }

  /** The root stores there itself. */
  stores(root: string, key: string): boolean {
    const stored = this.look('stored', this.stored, key);
    return stored?.has(root) === true || stored?.has(this.beforeThreads(root)) === true;
  }

  /** What the root stores there itself may be anything. */
  storesUnknown(root: string, key: string): boolean {
    const stored = this.look('stored', this.stored, key);
    return stored?.get(root)?.any === true;
  }

  handshake(root: string, object: string, features: FeatureWord, concurrent: boolean): void {
    this.request(features);
    if (concurrent) this.change('handshakes', this.handshakes, object, root, features);
  }

  /** Those that some handshake requests; undefined while none is known. */
  get features(): FeatureWord | undefined {
    for (const { journal, before } of this.watches) journal.ask(['features'], () => textOf(before));
    return this.requested;
  }

  private request(features: FeatureWord): void {
    this.requested = withFeatures(this.requested, features);
    for (const watch of this.watches) watch.requested = withFeatures(watch.requested, features);
  }

  arm(root: string, object: string, range: ArmedRange): void {
    this.change('arms', this.arms, object, root, range);
  }

  /** What other roots may store there while this one runs. `starters`: the roots that led to it, where it is a thread. */
  othersStore(root: string, key: string, starters: readonly string[]): Value | undefined {
    const all = this.look('stored', this.stored, key);
    if (all === undefined) return undefined;
    let value: Value | undefined;
    for (const [other, stored] of all) {
      if (other === root || this.isBeforeThreads(other, root, starters)) continue;
      value = value === undefined ? stored : join(value, stored);
    }
    return value;
  }

  /** Of what other roots may store there, the descriptors. */
  othersDescriptors(root: string, key: string, starters: readonly string[]): readonly string[] {
    const all = this.look('stored', this.stored, key);
    if (all === undefined) return NO_DESCRIPTORS;
    const found = new Set<string>();
    for (const [other, stored] of all) {
      if (stored.references.length === 0 || other === root || this.isBeforeThreads(other, root, starters)) continue;
      for (const object of objectsOf(stored)) found.add(object);
    }
    return found.size === 0 ? NO_DESCRIPTORS : [...found];
  }

  /** The name stands for what the root, or one that led to it, stores before it starts a thread. */
  private isBeforeThreads(name: string, root: string, starters: readonly string[]): boolean {
    if (name === this.beforeThreads(root)) return true;
    for (const starter of starters) if (name === this.beforeThreads(starter)) return true;
    return false;
  }

  /** What a root stores before it starts a thread stands under a name of its own. */
  private beforeThreads(root: string): string {
    let name = this.early.get(root);
    if (name === undefined) {
      name = `${root} before its threads`;
      this.early.set(root, name);
    }
    return name;
  }

  othersHandshake(root: string, object: string): FeatureWord | undefined {
    let word: FeatureWord | undefined;
    for (const [other, features] of this.look('handshakes', this.handshakes, object) ?? [])
      if (other !== root) word = withFeatures(word, features);
    return word;
  }

  othersArm(root: string, object: string): ArmedRange | undefined {
    for (const [other, range] of this.look('arms', this.arms, object) ?? []) if (other !== root) return range;
    return undefined;
  }

  private look<V>(kind: Kind, all: ByRoot<V>, of: string): ReadonlyMap<string, V> | undefined {
    if (this.watches.length > 0) this.noteLook(kind, of);
    return all.get(of);
  }

  private noteLook(kind: Kind, of: string): void {
    // What is told to one part is mostly told to those around it.
    let text: string | undefined;
    for (const { journal, changed } of this.watches) {
      if (journal.hasAsked(kind, of)) continue;
      const { before } = changed[kind].get(of) ?? {};
      if (before === undefined) text ??= this.textOfAll(kind, of);
      journal.ask([kind, of], () => (before === undefined ? text! : textOf(before)));
    }
  }

  /** `rests`: what is stored now rests on what the root stored there before. */
  private change<V>(kind: Kind, all: ByRoot<V>, of: string, root: string, value: V, rests = false): void {
    for (const watch of this.watches) {
      let changed = watch.changed[kind].get(of);
      if (changed === undefined) {
        changed = { before: new Map(all.get(of)), by: new Set() };
        watch.changed[kind].set(of, changed);
      }
      const { before, by } = changed;
      if (rests && !by.has(root)) watch.journal.ask([kind, of], () => textOf(before));
      by.add(root);
    }
    this.texts[kind].delete(of);
    const now = all.get(of);
    if (now === undefined) all.set(of, new Map([[root, value]]));
    else now.set(root, value);
  }

  /** Begins a part of a run of which the journal is told. */
  begin(journal: Journal): void {
    this.watches.push(new Watch(journal, this.requested));
  }

  /** Ends the part that was begun last, and gives what it changed. */
  end(): SharedContents {
    const { shared, requested, changed } = this.watches.pop()!;
    const now = <V>(kind: Kind, all: ByRoot<V>) =>
      [...changed[kind]].map(
        ([of, { by }]) => [of, new Map([...all.get(of)!].filter(([root]) => by.has(root)))] as const,
      );
    return {
      shared: [...shared],
      stored: now('stored', this.stored),
      handshakes: now('handshakes', this.handshakes),
      arms: now('arms', this.arms),
      features: requested,
    };
  }

  /** Does what a part of a run did that was told the same. */
  repeat(contents: SharedContents): void {
    const each = <V>(kind: Kind, all: ByRoot<V>, changes: readonly (readonly [string, ReadonlyMap<string, V>])[]) => {
      for (const [of, byRoot] of changes) for (const [root, value] of byRoot) this.change(kind, all, of, root, value);
    };
    for (const base of contents.shared) this.share(base);
    each('stored', this.stored, contents.stored);
    each('handshakes', this.handshakes, contents.handshakes);
    each('arms', this.arms, contents.arms);
    if (contents.features !== undefined) this.request(contents.features);
  }

  /** Asks what the journals of the parts around are to be told of, as a part that is not run would have done. */
  askAgain(kind: Kind | 'visible' | 'features', of: string): void {
    if (kind === 'visible') this.isVisible(of);
    else if (kind === 'features') void this.features;
    else this.look<unknown>(kind, this[kind], of);
  }

  /** Equal answers are equal texts. */
  answer(kind: Kind | 'visible' | 'features', of: string): string {
    if (kind === 'visible') return String(this.visible.has(of));
    return kind === 'features' ? textOf(this.requested) : this.textOfAll(kind, of);
  }

  private textOfAll(kind: Kind, of: string): string {
    const texts = this.texts[kind];
    let text = texts.get(of);
    if (text === undefined) {
      text = textOf(this[kind].get(of) ?? NOTHING);
      texts.set(of, text);
    }
    return text;
  }
}

type Kind = 'stored' | 'handshakes' | 'arms';

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

export function sameFeatures(a: FeatureWord | undefined, b: FeatureWord | undefined): boolean {
  return a === b || (a?.must === b?.must && a?.may === b?.may && a?.unknown === b?.unknown);
}

function withFeatures(a: FeatureWord | undefined, b: FeatureWord): FeatureWord {
  return a === undefined ? b : joinFeatures(a, b);
}
