/** Immediate dominators of a function's blocks (Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm", 2001). */
import type { FunctionBody } from '../ir/ir.ts';
import { successors } from '../ir/simplify.ts';

const cache = new WeakMap<FunctionBody, readonly number[]>();

/** True when every path from the entry to `block` passes through `dominator`. */
export function dominates(body: FunctionBody, dominator: number, block: number): boolean {
  const immediate = immediateDominators(body);
  let at = block;
  while (at > dominator) at = immediate[at]!;
  return at === dominator;
}

function immediateDominators(body: FunctionBody): readonly number[] {
  const known = cache.get(body);
  if (known !== undefined) return known;
  const predecessors: number[][] = body.blocks.map(() => []);
  for (const b of body.blocks) for (const s of successors(b.terminator)) predecessors[s]!.push(b.id);
  const immediate: number[] = body.blocks.map(() => -1);
  immediate[0] = 0;
  // Block ids are in reverse post-order, so a dominator has the smaller id.
  const common = (a: number, b: number) => {
    let x = a;
    let y = b;
    while (x !== y) {
      while (x > y) x = immediate[x]!;
      while (y > x) y = immediate[y]!;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of body.blocks.slice(1)) {
      let next = -1;
      for (const p of predecessors[b.id]!) if (immediate[p]! >= 0) next = next < 0 ? p : common(next, p);
      if (next !== immediate[b.id]) {
        immediate[b.id] = next;
        changed = true;
      }
    }
  }
  cache.set(body, immediate);
  return immediate;
}
