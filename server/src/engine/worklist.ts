/**
 * Which block of a function is visited next: loops are brought to rest from the inside out, each in sweeps through its
 * body, before what follows them is looked at (Bourdoncle, "Efficient chaotic iteration strategies with widenings",
 * FMPA 1993). A head that every way through its body leads back to is visited once for all of them.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { type Loop, loopsOf } from './loops.ts';

export class Worklist {
  private readonly innermost: readonly Loop[];
  private readonly waiting: boolean[];
  private current: number;

  constructor(body: FunctionBody) {
    this.innermost = loopsOf(body);
    this.waiting = body.blocks.map(() => false);
    this.current = 0;
  }

  /** The block has something to be visited for. */
  add(block: number): void {
    this.waiting[block] = true;
  }

  /** The block to visit now, which does not wait any more; undefined when none does. */
  next(): number | undefined {
    if (this.waiting[this.current]) return this.take(this.current);
    let after = this.current;
    for (let loop = this.innermost[this.current]; loop !== undefined; loop = loop.outer) {
      let first: number | undefined;
      for (const block of loop.members) {
        if (!this.waiting[block]) continue;
        if (block > after) return this.take(block);
        first ??= block;
      }
      if (first !== undefined) return this.take(first);
      after = loop.head;
    }
    return undefined;
  }

  private take(block: number): number {
    this.waiting[block] = false;
    this.current = block;
    return block;
  }
}
