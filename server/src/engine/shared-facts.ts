/** What the roots of a program do that others of them can see, collected without regard to order. */
import type { Span } from '../text/span.ts';
import type { FeatureWord } from './events.ts';
import { locationKey } from './state.ts';
import { join, type Location, type Value } from './value.ts';

/** What all roots of a program do to memory and descriptors that others can see. It only grows. */
export class SharedFacts {
  private readonly stored = new Map<string, Map<string, Value>>();
  private readonly handshakes = new Map<string, Map<string, FeatureWord>>();
  private readonly arms = new Map<string, Map<string, { region: string; span: Span }>>();
  private readonly shared = new Set<string>();
  private readonly globalBases: ReadonlySet<string>;
  features: FeatureWord | undefined;

  constructor(globalBases: ReadonlySet<string>) {
    this.globalBases = globalBases;
  }

  share(base: string): void {
    this.shared.add(base);
  }

  isVisible(base: string): boolean {
    return this.globalBases.has(base) || this.shared.has(base);
  }

  store(root: string, location: Location, value: Value): void {
    if (!this.isVisible(location.base)) return;
    const byRoot = nested(this.stored, locationKey(location));
    const old = byRoot.get(root);
    byRoot.set(root, old === undefined ? value : join(old, value));
  }

  /** The root stores there itself. */
  stores(root: string, key: string): boolean {
    return this.stored.get(key)?.has(root) === true;
  }

  handshake(root: string, object: string, features: FeatureWord, concurrent: boolean): void {
    this.features = this.features === undefined ? features : joinFeatures(this.features, features);
    if (concurrent) nested(this.handshakes, object).set(root, features);
  }

  arm(root: string, object: string, range: { region: string; span: Span }): void {
    nested(this.arms, object).set(root, range);
  }

  othersStore(root: string, key: string): Value | undefined {
    let value: Value | undefined;
    for (const [other, stored] of this.stored.get(key) ?? [])
      if (other !== root) value = value === undefined ? stored : join(value, stored);
    return value;
  }

  othersHandshake(root: string, object: string): FeatureWord | undefined {
    let word: FeatureWord | undefined;
    for (const [other, features] of this.handshakes.get(object) ?? []) {
      if (other !== root) word = word === undefined ? features : joinFeatures(word, features);
    }
    return word;
  }

  othersArm(root: string, object: string): { region: string; span: Span } | undefined {
    for (const [other, range] of this.arms.get(object) ?? []) if (other !== root) return range;
    return undefined;
  }
}

export function sameFeatures(a: FeatureWord | undefined, b: FeatureWord | undefined): boolean {
  return a === b || (a?.must === b?.must && a?.may === b?.may && a?.unknown === b?.unknown);
}

function joinFeatures(a: FeatureWord, b: FeatureWord): FeatureWord {
  return { must: a.must & b.must, may: a.may | b.may, unknown: a.unknown || b.unknown };
}

function nested<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}
