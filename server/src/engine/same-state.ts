/** States, told apart by content. How a path got to a state, and what it is counted by, is no part of that. */

import type { Cells } from './cells.ts';
import { holdsAll } from './collections.ts';
import { brief, textOf } from './journal.ts';
import type { State } from './state.ts';

/** Of cells that nobody changes any more. */
const cellTexts = new WeakMap<Cells, string>();

/** Equal texts for equal cells. */
export function textOfCells(cells: Cells): string {
  let text = cellTexts.get(cells);
  if (text === undefined) {
    text = brief(textOf(cells));
    cellTexts.set(cells, text);
  }
  return text;
}

/** Neither may be changed any more in place: both are clones, or were cloned. */
export function isSameState(a: State, b: State): boolean {
  return isSameMemory(a, b) && isSameMemory(b, a) && textOfRest(a) === textOfRest(b);
}

/** What memory holds in `b` it holds in `a`. */
function isSameMemory({ memory: a }: State, { memory: b }: State): boolean {
  const isOther = (_: string, own: Cells | undefined, cells: Cells) =>
    own === undefined || textOfCells(own) !== textOfCells(cells);
  return !a.someDiffering(b, isOther) && holdsAll(a.summaries, b.summaries);
}

const restTexts = new WeakMap<State, string>();

function textOfRest(state: State): string {
  let text = restTexts.get(state);
  if (text === undefined) {
    const { memory: _, trace: __, turnover: ___, ...rest } = state;
    text = brief(textOf(rest));
    restTexts.set(state, text);
  }
  return text;
}
