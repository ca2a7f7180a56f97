/**
 * What one run of a root keeps between its calls: the call strings of functions, what calls were found to do, who dealt
 * with a child. A part of the run that is watched can tell afterwards what it was told by these, and what it changed.
 */
import type { CallSummary } from './context.ts';
import { type LocalSummary, textOfLocal } from './footprint.ts';
import { isSameState } from './same-state.ts';
import type { Activation } from './summaries.ts';

interface Entries {
  /** The call strings by which calls of a function are told apart, by the function's id. */
  readonly strings: readonly string[];
  /** What calls were found to do, by context and typestate. */
  readonly summaries: readonly CallSummary[];
  /** The same for calls that touch only their footprint, by what else they depend on. */
  readonly locals: readonly LocalSummary[];
  /** Set for functions that closed or kept a child that they were given, by id. */
  readonly keeper: true;
}

type Kind = keyof Entries;
type Entry = Entries[Kind] | undefined;

/** An entry, by its table and key. */
export interface TableEntry {
  readonly kind: Kind;
  readonly key: string;
  readonly entry: Entry;
}

class Watch {
  /** By table and key: entries as they were when the part first asked for them or changed them. */
  readonly before = new Map<string, TableEntry>();
  readonly changed = new Set<string>();
}

export class Tables {
  /** Calls whose functions are being run, by context and typestate. */
  readonly active = new Map<string, Activation>();
  private readonly tables: { readonly [K in Kind]: Map<string, Entries[K]> } = {
    strings: new Map(),
    summaries: new Map(),
    locals: new Map(),
    keeper: new Map(),
  };
  /** Each part lies in the one before it. */
  private readonly watches: Watch[] = [];

  get<K extends Kind>(kind: K, key: string): Entries[K] | undefined {
    const entry = this.tables[kind].get(key);
    if (this.watches.length > 0) this.noteBefore(kind, key, entry);
    return entry;
  }

  /** `undefined` removes the entry. */
  set<K extends Kind>(kind: K, key: string, entry: Entries[K] | undefined): void {
    this.put(kind, key, entry);
  }

  private put(kind: Kind, key: string, entry: Entry): void {
    const table: Map<string, Entries[Kind]> = this.tables[kind];
    if (this.watches.length > 0) {
      this.noteBefore(kind, key, table.get(key));
      for (const { changed } of this.watches) changed.add(`${kind} ${key}`);
    }
    if (entry === undefined) table.delete(key);
    else table.set(key, entry);
  }

  private noteBefore(kind: Kind, key: string, entry: Entry): void {
    const name = `${kind} ${key}`;
    for (const { before } of this.watches) if (!before.has(name)) before.set(name, { kind, key, entry });
  }

  /** Begins a part that is watched. */
  begin(): void {
    this.watches.push(new Watch());
  }

  /** Ends the part that was begun last: what it was told, and what it left. */
  end(): { readonly told: readonly TableEntry[]; readonly left: readonly TableEntry[] } {
    const { before, changed } = this.watches.pop()!;
    const left = [...changed].map((name): TableEntry => {
      const { kind, key } = before.get(name)!;
      return { kind, key, entry: this.tables[kind].get(key) };
    });
    return { told: [...before.values()], left };
  }

  /** A part that was told this would be told the same now. */
  wouldTell({ kind, key, entry }: TableEntry): boolean {
    const now: Entry = this.tables[kind].get(key);
    return now === entry || (now !== undefined && entry !== undefined && isSame(kind, now, entry));
  }

  /** Does what a part did that was told the same. */
  repeat(told: readonly TableEntry[], left: readonly TableEntry[]): void {
    for (const { kind, key } of told) this.get(kind, key);
    for (const { kind, key, entry } of left) this.put(kind, key, entry);
  }
}

/** Whoever is told the one does what it does when it is told the other. */
function isSame(kind: Kind, a: Entries[Kind], b: Entries[Kind]): boolean {
  const all = <T>(left: readonly T[], right: readonly T[], same: (x: T, y: T) => boolean) =>
    left.length === right.length && left.every((x, i) => x === right[i] || same(x, right[i]!));
  switch (kind) {
    case 'strings':
      return all(a as Entries['strings'], b as Entries['strings'], () => false);
    case 'summaries':
      return all(a as Entries['summaries'], b as Entries['summaries'], isSameSummary);
    case 'locals':
      return all(a as Entries['locals'], b as Entries['locals'], (x, y) => textOfLocal(x) === textOfLocal(y));
    default:
      return a === b;
  }

  function isSameSummary(x: CallSummary, y: CallSummary): boolean {
    return (
      x.restsOn === y.restsOn &&
      x.footprint.bound === y.footprint.bound &&
      all([...x.footprint.globals], [...y.footprint.globals], () => false) &&
      isSameState(x.entry, y.entry) &&
      all(x.exits, y.exits, isSameState)
    );
  }
}
