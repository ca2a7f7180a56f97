/**
 * What roots do, kept: a root that runs again, in another variant, in another program that has the function too, or
 * after an edit elsewhere, is not run where it would ask the same questions and get the same answers.
 */
import { Numbering } from './canonical.ts';
import type { EngineEvent, FeatureWord } from './events.ts';
import type { Answered } from './journal.ts';
import type { SharedContents } from './shared-facts.ts';
import type { State } from './state.ts';
import type { Value } from './value.ts';

/** What one root did and was told, in one run. */
export interface RootFacts {
  readonly events: Map<string, EngineEvent>;
  /** What loads of visible memory were answered with. */
  readonly loads: Map<string, Set<Value | undefined>>;
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
export interface DriveSummary {
  readonly questions: readonly Answered[];
  /** In the order in which they ran. */
  readonly roots: readonly RootSummary[];
  /** What others can see of it. */
  readonly shared: SharedContents;
  readonly threadsAt: readonly (readonly [site: string, count: number])[];
  /** Ids of the functions that were run. */
  readonly analysed: readonly string[];
  /** File-scope variables that were named. */
  readonly touched: readonly string[];
  readonly steps: number;
  /** Bases of memory that was there before, in threads too, and that it did not look at. */
  readonly untouched: ReadonlySet<string>;
}

/** A summary, and the key that it stands under. */
export type Keyed = readonly [key: string, summary: DriveSummary];

/** Summaries of one root beside each other: variants, programs, an edit and its undoing. */
const MAX_BY_KEY = 8;

export class RootSummaries {
  private readonly byKey = new Map<string, { readonly summary: DriveSummary; used: number }[]>();
  private call = 0;
  /** Of the programs whose roots these are. */
  numbering = new Numbering();
  /** Roots that were run and kept, and those that needed not run. */
  readonly counts = { kept: 0, repeated: 0 };

  find(key: string, isGood: (summary: DriveSummary) => boolean): DriveSummary | undefined {
    const found = this.byKey.get(key)?.find(({ summary }) => isGood(summary));
    if (found === undefined) return undefined;
    found.used = this.call;
    this.counts.repeated++;
    return found.summary;
  }

  keep(key: string, summary: DriveSummary): void {
    this.counts.kept++;
    this.byKey.set(key, [{ summary, used: this.call }, ...(this.byKey.get(key) ?? [])].slice(0, MAX_BY_KEY));
  }

  /** Those that were found or kept since the present call began. */
  inUse(): Keyed[] {
    return [...this.byKey].flatMap(([key, list]) =>
      list.flatMap(({ summary, used }): Keyed[] => (used === this.call ? [[key, summary]] : [])),
    );
  }

  /** Adds what another run kept. */
  add(summaries: readonly Keyed[]): void {
    for (const [key, summary] of summaries)
      this.byKey.set(key, [...(this.byKey.get(key) ?? []), { summary, used: this.call - 1 }]);
  }

  /** Begins a call, and forgets what the last `calls` of them did not use. */
  begin(calls: number): void {
    this.call++;
    for (const [key, list] of this.byKey) {
      const kept = list.filter((e) => e.used >= this.call - calls);
      if (kept.length === 0) this.byKey.delete(key);
      else if (kept.length < list.length) this.byKey.set(key, kept);
    }
  }

  clear(): void {
    this.byKey.clear();
    this.numbering = new Numbering();
  }
}
