/** The loops of a function's control-flow graph. */
import type { FunctionBody } from '../ir/ir.ts';
import { successors } from '../ir/simplify.ts';
import { dominates } from './dominators.ts';

export interface Loop {
  /** Blocks in order, the head first; of an outer loop the blocks of the inner ones too. */
  readonly members: readonly number[];
  readonly head: number;
  readonly outer: Loop | undefined;
}

const cache = new WeakMap<FunctionBody, readonly Loop[]>();

/** By block, the innermost loop that it lies in; the function as a whole counts as one. */
export function loopsOf(body: FunctionBody): readonly Loop[] {
  let found = cache.get(body);
  if (found === undefined) {
    found = findLoops(body);
    cache.set(body, found);
  }
  return found;
}

function findLoops(body: FunctionBody): Loop[] {
  const predecessors: number[][] = body.blocks.map(() => []);
  for (const b of body.blocks) for (const s of successors(b.terminator)) predecessors[s]!.push(b.id);
  const bodies = new Map<number, Set<number>>();
  for (const { id } of body.blocks) {
    // What leads back without being dominated is no loop of its own: it is swept with what is around it.
    const back: number[] = [];
    for (const p of predecessors[id]!) if (p >= id && dominates(body, id, p)) back.push(p);
    if (back.length > 0) bodies.set(id, membersOf(id, back, predecessors));
  }
  const whole: Loop = { members: body.blocks.map((b) => b.id), head: 0, outer: undefined };
  const innermost: Loop[] = body.blocks.map(() => whole);
  // An outer head comes before an inner one.
  for (const [head, members] of [...bodies].sort(([a], [b]) => a - b)) {
    const loop: Loop = { members: [...members].sort((a, b) => a - b), head, outer: innermost[head] };
    for (const block of members) innermost[block] = loop;
  }
  return innermost;
}

/** The head and all blocks from which control gets back to it without passing through it. */
function membersOf(head: number, back: readonly number[], predecessors: readonly (readonly number[])[]): Set<number> {
  const members = new Set([head]);
  const queue = [...back];
  for (let block = queue.pop(); block !== undefined; block = queue.pop()) {
    if (members.has(block)) continue;
    members.add(block);
    queue.push(...predecessors[block]!);
  }
  return members;
}
