/** The order in which a fixpoint visits blocks, and where it widens. */
import type { BasicBlock } from './ir.ts';
import { type GrowingBlock, simplify, successors, withTargets } from './simplify.ts';

/**
 * Simplified (in place) and in reverse post-order, unreachable blocks removed, loop heads marked. `keepsArms`: see
 * simplify().
 */
export function orderBlocks(blocks: readonly GrowingBlock[], keepsArms = true): BasicBlock[] {
  simplify(blocks, keepsArms);
  const order: number[] = [];
  const state = new Map<number, 'open' | 'done'>();
  const heads = new Set<number>();
  const stack: { block: number; next: number; successors: number[] }[] = [];
  const push = (block: number) => {
    state.set(block, 'open');
    // Visited in reverse so that the first successor comes first in the order.
    stack.push({ block, next: 0, successors: successors(blocks[block]!.terminator!).reverse() });
  };
  push(0);
  for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
    const successor = top.successors[top.next++];
    if (successor === undefined) {
      state.set(top.block, 'done');
      order.push(top.block);
      stack.pop();
      continue;
    }
    const known = state.get(successor);
    if (known === undefined) push(successor);
    else if (known === 'open') heads.add(successor);
  }
  order.reverse();
  const ids = new Map<number, number>();
  for (let i = 0; i < order.length; i++) ids.set(order[i]!, i);
  const to = (block: number) => ids.get(block)!;
  return order.map((block, id) => ({
    id,
    instructions: blocks[block]!.instructions,
    terminator: withTargets(blocks[block]!.terminator!, to),
    loopHead: heads.has(block),
  }));
}
