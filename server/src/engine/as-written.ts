/**
 * What the engine asks of all of a function, though a slice of it is run. A function whose slice is as it was is taken for
 * the same (recorder.ts), so that the slice's signature says these, too.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { placesOf } from '../ir/visit.ts';
import { isForkPlace } from './cells.ts';

/** Blocks of a function that may be no more than a question about its arguments. */
const MAX_QUESTION = 3;

export function isPredicate({ blocks, parameters }: FunctionBody): boolean {
  return blocks.length <= MAX_QUESTION && parameters.length > 0;
}

const forkHandlers = new WeakMap<FunctionBody, boolean>();

/** It knows `arg.fork.ufd`. */
export function namesForkDescriptor(body: FunctionBody): boolean {
  let found = forkHandlers.get(body);
  if (found === undefined) {
    found = placesOf(body).some(isForkPlace);
    forkHandlers.set(body, found);
  }
  return found;
}
