/** Macros that a file defines more than once: what such a name means depends on where it is used. */
import type { MacroDefinition, Redefinition } from './tree.ts';

/** True where the one definition says something else than the other. */
export function differs(a: MacroDefinition, b: MacroDefinition): boolean {
  return a.body !== b.body || a.parameters?.join() !== b.parameters?.join();
}

export class MacrosByPlace {
  readonly last: ReadonlyMap<string, MacroDefinition>;
  private readonly redefinitions: readonly Redefinition[];
  /** By the number of redefinitions in front of a place. */
  private readonly tables = new Map<number, ReadonlyMap<string, MacroDefinition>>();

  /** `last`: the macros at the end of the file; `redefinitions` in the order of their places in it. */
  constructor(last: ReadonlyMap<string, MacroDefinition>, redefinitions: readonly Redefinition[]) {
    this.last = last;
    this.redefinitions = redefinitions;
  }

  /** Some name is defined again: what the macros are depends on the place. */
  get vary(): boolean {
    return this.redefinitions.length > 0;
  }

  /** The macros where a text at this offset of the file uses them. One that is defined later alone counts all the same. */
  at(offset: number): ReadonlyMap<string, MacroDefinition> {
    if (!this.vary) return this.last;
    const count = countBefore(this.redefinitions, offset);
    let table = this.tables.get(count);
    if (table === undefined) {
      const made = new Map(this.last);
      for (const { name, before } of [...this.redefinitions].reverse()) made.set(name, before);
      for (const { name, after } of this.redefinitions.slice(0, count)) made.set(name, after);
      table = made;
      this.tables.set(count, table);
    }
    return table;
  }
}

/** Redefinitions in front of an offset: equal numbers in one list, equal macros. */
export function countBefore(redefinitions: readonly Redefinition[], offset: number): number {
  let count = 0;
  while (count < redefinitions.length && redefinitions[count]!.at <= offset) count++;
  return count;
}
