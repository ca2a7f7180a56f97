/** What the cells of a base refer to, and which descriptors they hold: found once for cells that do not change. */
import { type Cells, FORK_FIELD } from './cells.ts';
import type { Reference, Value } from './value.ts';

/** A descriptor that some cell names; `inTable`: the cell is an element of an array, or lies in one. */
export interface Held {
  readonly object: string;
  readonly inTable: boolean;
}

const NOTHING_HELD: readonly Held[] = [];

export function mayHold({ references }: Value): boolean {
  for (const r of references) if (r.kind === 'descriptor') return true;
  return false;
}

const heldByCells = new WeakMap<Cells, readonly Held[]>();

/** Of cells that nobody changes any more. */
export function heldBy(cells: Cells): readonly Held[] {
  let held = heldByCells.get(cells);
  if (held === undefined) {
    held = findHeld(cells);
    heldByCells.set(cells, held);
  }
  return held;
}

/** What cells other than that of a message hold. */
export function findHeld({ values }: Cells): readonly Held[] {
  let held: Held[] | undefined;
  for (const [path, { references }] of values) {
    if (references.length === 0 || path.endsWith(FORK_FIELD)) continue;
    for (const r of references) {
      if (r.kind !== 'descriptor') continue;
      held ??= [];
      held.push({ object: r.object, inTable: path.includes('[') });
    }
  }
  return held ?? NOTHING_HELD;
}

export const NO_REFERENCES: readonly Reference[] = [];

const referencesInCells = new WeakMap<Cells, readonly Reference[]>();

/** The same for cells that nobody changes any more. */
export function referencesIn(cells: Cells): readonly Reference[] {
  let references = referencesInCells.get(cells);
  if (references === undefined) {
    references = findReferences(cells);
    referencesInCells.set(cells, references);
  }
  return references;
}

/** What the cells refer to; some of it more than once. */
export function findReferences({ values }: Cells): readonly Reference[] {
  let found: readonly Reference[] = NO_REFERENCES;
  for (const { references } of values.values())
    if (references.length > 0) found = found.length === 0 ? references : found.concat(references);
  return found;
}

/** Descriptors that are held: by a variable of some function alone, or by more than that. */
export type Holdings = ReadonlyMap<string, 'variable' | 'kept'>;
