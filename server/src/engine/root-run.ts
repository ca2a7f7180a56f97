/** One run of one root: what happens in it, and what it is told of the others. */
import type { FunctionBody } from '../ir/ir.ts';
import type { Facts } from './context.ts';
import type { EngineEvent, FeatureWord } from './events.ts';
import type { RootFacts } from './root-summaries.ts';
import { type SharedFacts, sameFeatures } from './shared-facts.ts';
import type { Stores } from './slice/threads.ts';
import { locationKey, type State } from './state.ts';
import type { ArmedRange } from './userfaultfd.ts';
import { covers, join, type Location, NO_DESCRIPTORS, numeric, TOP_NUMBER, UNKNOWN, type Value } from './value.ts';

const ANY_NUMBER = numeric(TOP_NUMBER);

/** `main`, a function that nobody calls, or a thread in a state in which it is started. */
export interface Root {
  readonly name: string;
  readonly body: FunctionBody;
  readonly threadSite: string | undefined;
  readonly entry: State;
  /** Before any root ran. */
  readonly initial: State;
  readonly inherited: ReadonlySet<string>;
  readonly key: string;
  /** Of a thread, the roots that led to its start. */
  readonly starters: readonly string[];
}

/** The roots beside one: those that it starts, and what they store. */
export interface Others {
  /** What threads may store there, where it is a number. */
  storesByThreads(location: Location): Stores | undefined;
  /** Functions beside those that the root can come to call have to do with what lies there. */
  isUsedOutside(root: string, location: Location): boolean;
  /** What is run of a function in this state, and what is run of it where its slice does not do. */
  bodyFor(state: State, body: FunctionBody): FunctionBody;
  wholeOf(slice: FunctionBody): FunctionBody | undefined;
  startThread(starter: RootRun, name: string, file: string, site: string, argument: Value, state: State): boolean;
  readonly hasPending: boolean;
  runPending(): Generator<void, void, void>;
}

/** One run of one root: what happened in it, and which answers about the other roots it rests on. */
export class RootRun implements Facts {
  readonly started: Root[] = [];
  private readonly others: Others;
  private readonly shared: SharedFacts;
  readonly root: Root;
  readonly known: RootFacts;
  /** The same of parts of the run that are under way: each lies in the one before it. */
  private readonly parts: RootFacts[] = [];

  constructor(others: Others, shared: SharedFacts, root: Root, known: RootFacts = noFacts()) {
    this.others = others;
    this.shared = shared;
    this.root = root;
    this.known = known;
  }

  get programFeatures(): FeatureWord | undefined {
    const answer = this.shared.features;
    this.note((facts) => {
      facts.features = { answer };
    });
    return answer;
  }

  emit(event: EngineEvent): void {
    const key = `${event.kind}|${event.span.file}:${event.span.start}|${event.object}|${'root' in event ? event.root : ''}|${variant(event)}`;
    this.note(({ events }) => {
      if (!events.has(key)) events.set(key, event);
    });
    if (event.kind === 'handshake') this.shared.handshake(event.root, event.object, event.features, event.concurrent);
    else if (event.kind === 'arm' && event.concurrent)
      this.shared.arm(event.root, event.object, {
        region: event.region,
        start: event.start,
        span: event.span,
        catches: event.catches,
      });
  }

  noteStore(root: string, location: Location, value: Value, alone: boolean): void {
    this.shared.store(root, location, value, alone);
  }

  stores(root: string, location: Location): boolean {
    return this.shared.stores(root, locationKey(location));
  }

  /**
   * Numbers of all roots are joined. A descriptor or pointer that another root stored is seen where this one stores
   * nothing: where it does, its own value is the likely one.
   */
  withOthers(root: string, location: Location, own: Value | undefined): Value | undefined {
    if (!this.shared.isVisible(location.base)) return own;
    const key = locationKey(location);
    const others = this.shared.othersStore(root, key, this.root.starters);
    if (own !== undefined && this.shared.stores(root, key) && !this.isBetterKnownTo(others, root, key)) {
      const stores = this.others.storesByThreads(location);
      if (stores === undefined || own.number === undefined) return own;
      const isKnown =
        stores === 'constants' ||
        (stores === 'one computes' && this.root.threadSite !== undefined && others === undefined);
      if (!isKnown) return join(own, ANY_NUMBER);
    }
    const answer = own === undefined ? others : others === undefined ? own : join(own, others);
    this.noteAnswer(key, answer);
    return answer;
  }

  /** Another root stored a descriptor there, and this one something of which it does not know what it is. */
  private isBetterKnownTo(others: Value | undefined, root: string, key: string): boolean {
    return others !== undefined && others.references.length > 0 && this.shared.storesUnknown(root, key);
  }

  bodyFor(state: State, body: FunctionBody): FunctionBody {
    return this.others.bodyFor(state, body);
  }

  wholeOf(slice: FunctionBody): FunctionBody | undefined {
    return this.others.wholeOf(slice);
  }

  isUsedByOthers(location: Location): boolean {
    return this.others.isUsedOutside(this.root.body.id, location);
  }

  private noteAnswer(key: string, answer: Value | undefined): void {
    this.note(({ loads }) => {
      const given = loads.get(key);
      if (given === undefined) loads.set(key, new Set([answer]));
      else given.add(answer);
    });
  }

  /** What others store there beside descriptors makes no difference to whoever asks this. */
  descriptorsOfOthers(root: string, location: Location, own: Value | undefined): readonly string[] {
    if (!this.shared.isVisible(location.base)) return NO_DESCRIPTORS;
    const key = locationKey(location);
    if (own !== undefined && this.shared.stores(root, key)) {
      const others = this.shared.othersStore(root, key, this.root.starters);
      if (!this.isBetterKnownTo(others, root, key)) return NO_DESCRIPTORS;
    }
    const answer = this.shared.othersDescriptors(root, key, this.root.starters);
    this.noteReplaced(key, answer);
    return answer;
  }

  /** Answers only grow: the first is the least. */
  private noteReplaced(key: string, answer: readonly string[]): void {
    this.note(({ replaced }) => {
      if (!replaced.has(key)) replaced.set(key, answer);
    });
  }

  isVisible(base: string): boolean {
    return this.shared.isVisible(base);
  }

  othersHandshake(root: string, object: string): FeatureWord | undefined {
    const answer = this.shared.othersHandshake(root, object);
    this.note(({ handshakes }) => handshakes.set(object, answer));
    return answer;
  }

  othersArm(root: string, object: string): ArmedRange | undefined {
    const answer = this.shared.othersArm(root, object);
    this.note(({ arms }) => arms.set(object, answer !== undefined));
    return answer;
  }

  private note(what: (facts: RootFacts) => void): void {
    what(this.known);
    for (const part of this.parts) what(part);
  }

  /** Begins a part of the run: what happens in it is noted apart, too. */
  begin(): void {
    this.parts.push(noFacts());
  }

  /** Ends the part that was begun last. */
  end(): RootFacts {
    return this.parts.pop()!;
  }

  /** What happened in a part happens here. */
  repeat({ events, loads, replaced, handshakes, arms, features }: RootFacts): void {
    for (const event of events.values()) this.emit(event);
    for (const [key, answers] of loads) for (const answer of answers) this.noteAnswer(key, answer);
    for (const [key, answer] of replaced) this.noteReplaced(key, answer);
    this.note((facts) => {
      for (const [object, answer] of handshakes) facts.handshakes.set(object, answer);
      for (const [object, answer] of arms) facts.arms.set(object, answer);
      if (features !== undefined) facts.features = features;
    });
  }

  startThread(name: string, file: string, site: string, argument: Value, state: State): boolean {
    return this.others.startThread(this, name, file, site, argument, state);
  }

  get hasStarted(): boolean {
    return this.others.hasPending;
  }

  runStarted(): Generator<void, void, void> {
    return this.others.runPending();
  }

  /** True when other roots have done more since this one asked. */
  isStale(): boolean {
    const { name } = this.root;
    const { starters } = this.root;
    const { loads, replaced, handshakes, arms, features } = this.known;
    for (const [key, answers] of loads) {
      const now = this.shared.othersStore(name, key, starters);
      if (now === undefined) continue;
      for (const answer of answers) if (!covers(answer ?? UNKNOWN, now)) return true;
    }
    for (const [key, answer] of replaced)
      if (!this.shared.othersDescriptors(name, key, starters).every((id) => answer.includes(id))) return true;
    for (const [object, answer] of handshakes)
      if (!sameFeatures(answer, this.shared.othersHandshake(name, object))) return true;
    for (const [object, answer] of arms) if (!answer && this.shared.othersArm(name, object) !== undefined) return true;
    return features !== undefined && !sameFeatures(features.answer, this.shared.features);
  }
}

function noFacts(): RootFacts {
  return {
    events: new Map(),
    loads: new Map(),
    replaced: new Map(),
    handshakes: new Map(),
    arms: new Map(),
    features: undefined,
  };
}

function variant(event: EngineEvent): string {
  switch (event.kind) {
    case 'read':
      return `${event.process}|${[...event.waited.keys()].sort().join()}`;
    case 'fork-armed':
      return `${[...event.threads].sort().join()}|${[...event.processes].sort().join()}|${[...event.locks.keys()].sort().join()}|${event.features.may}|${event.unknownReaders}`;
    case 'escape':
      return event.process;
    case 'lost-child':
      return event.how;
    case 'read-in-turn':
      return event.first;
    case 'handshake':
      return String(event.features.may);
    case 'requested-feature':
    case 'unrequested-feature':
      return event.feature ?? '';
    case 'thread-again':
      return event.objects.join();
    default:
      return '';
  }
}
