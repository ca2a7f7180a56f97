/**
 * What roots do, kept: a root that runs again, in another variant, in another program that has the function too, or
 * after an edit elsewhere, is not run where it would ask the same questions and get the same answers.
 */
import { Numbering } from './canonical.ts';
import type { EngineEvent, FeatureWord } from './events.ts';
import { KeptByKey } from './kept-by-key.ts';
import type { Outcome } from './recorder.ts';
import type { CallRecord } from './repeat-calls.ts';
import type { State } from './state.ts';
import type { Value } from './value.ts';

/** What one root did and was told, in one run. */
export interface RootFacts {
  readonly events: Map<string, EngineEvent>;
  /** What loads of visible memory were answered with. */
  readonly loads: Map<string, Set<Value | undefined>>;
  /** Descriptors that others were said to have put where the root stored something, when it asked first. */
  readonly replaced: Map<string, readonly string[]>;
  readonly handshakes: Map<string, FeatureWord | undefined>;
  readonly arms: Map<string, boolean>;
  features: { readonly answer: FeatureWord | undefined } | undefined;
}

export interface RootSummary {
  readonly name: string;
  /** Of its function. */
  readonly id: string;
  readonly threadSite: string | undefined;
  readonly key: string;
  readonly starters: readonly string[];
  readonly entry: State;
  readonly facts: RootFacts;
  /** Keys of the threads that it started. */
  readonly started: readonly string[];
}

/** A root that nothing started, with the threads that came of it. */
export interface DriveSummary extends Outcome {
  /** In the order in which they ran. */
  readonly roots: readonly RootSummary[];
  /** Bases of memory that was there before, in threads too, and that it did not look at. */
  readonly untouched: ReadonlySet<string>;
}

/** A summary, and the key that it stands under. */
export type Keyed = readonly [key: string, summary: DriveSummary];

/** Summaries of one root beside each other: variants, programs, an edit and its undoing. */
const MAX_OF_ROOT = 8;
/** Of one call in the states in which a loop makes it, and of an edit and its undoing. */
const MAX_OF_CALL = 8;
/** Calls of the analyser after which a call that was never of use, and one that was, is forgotten. */
const KEPT_UNPROVEN = 3;
const KEPT_PROVEN = 8;

export class RootSummaries {
  private readonly roots = new KeptByKey<DriveSummary>(MAX_OF_ROOT);
  /** What calls inside of roots do, where that is kept too. */
  readonly calls: KeptByKey<CallRecord> | undefined;
  /** Of the programs whose roots these are. */
  numbering = new Numbering();
  /** Roots that were run and kept, and those that needed not run; and of calls the same. */
  readonly counts = { kept: 0, repeated: 0, callsKept: 0, callsRepeated: 0 };

  constructor({ calls = false }: { readonly calls?: boolean } = {}) {
    if (calls) this.calls = new KeptByKey(MAX_OF_CALL);
  }

  find(key: string, isGood: (summary: DriveSummary) => boolean): DriveSummary | undefined {
    const found = this.roots.find(key, isGood);
    if (found !== undefined) this.counts.repeated++;
    return found;
  }

  keep(key: string, summary: DriveSummary): void {
    this.counts.kept++;
    this.roots.keep(key, summary);
  }

  /** Those that were found or kept since the present call began. */
  inUse(): Keyed[] {
    return this.roots.inUse();
  }

  /** Adds what another run kept. */
  add(summaries: readonly Keyed[]): void {
    this.roots.add(summaries);
  }

  /** Begins a call, and forgets what the last `calls` of them did not use. */
  begin(calls: number): void {
    this.roots.begin(calls);
    this.calls?.begin(KEPT_PROVEN, KEPT_UNPROVEN);
  }

  clear(): void {
    this.roots.clear();
    this.calls?.clear();
    this.numbering = new Numbering();
  }
}
