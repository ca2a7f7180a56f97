/**
 * Results in memory, by key, each with the questions that it rests on: it is good while they have the same answers.
 */
import { ask, type Inputs, type Trace } from './inputs.ts';

export interface Remembered<V> {
  readonly trace: Trace;
  readonly value: V;
}

/** Results of one key beside each other: an edit and its undoing find both. */
const MAX_BY_KEY = 4;

export class Memo<V> {
  private readonly entries = new Map<string, (Remembered<V> & { used: number })[]>();
  private call = 0;

  find(key: string, inputs: Inputs): Remembered<V> | undefined {
    const list = this.entries.get(key) ?? [];
    const found = list.find(({ trace }) => trace.every(({ question, answer }) => ask(inputs, question) === answer));
    if (found !== undefined) found.used = this.call;
    return found;
  }

  keep(key: string, trace: Trace, value: V): Remembered<V> {
    const entry = { trace, value, used: this.call };
    const list = this.entries.get(key) ?? [];
    this.entries.set(key, [entry, ...list].slice(0, MAX_BY_KEY));
    return entry;
  }

  /** Forgets what stands under the keys that match. */
  forget(matches: (key: string) => boolean): void {
    for (const key of [...this.entries.keys()]) if (matches(key)) this.entries.delete(key);
  }

  /** Begins a call, and forgets what the last `calls` of them did not use. */
  begin(calls: number): void {
    this.call++;
    for (const [key, list] of this.entries) {
      const kept = list.filter((e) => e.used >= this.call - calls);
      if (kept.length === 0) this.entries.delete(key);
      else if (kept.length < list.length) this.entries.set(key, kept);
    }
  }
}
