import assert from 'node:assert/strict';
import { Worklist } from '../../src/engine/worklist.ts';
import type { BasicBlock, FunctionBody, Terminator } from '../../src/ir/ir.ts';

const NOWHERE = { file: '', start: 0, end: 0 };

/** A body of empty blocks with these successors. */
function bodyOf(successors: readonly (readonly number[])[]): FunctionBody {
  const terminatorOf = (targets: readonly number[]): Terminator => {
    const [first, second] = targets;
    if (first === undefined) return { kind: 'return', value: undefined, explicit: false, span: NOWHERE };
    if (second === undefined) return { kind: 'goto', target: first };
    const condition = { kind: 'unknown', span: NOWHERE } as const;
    return { kind: 'branch', condition, whenTrue: first, whenFalse: second, span: NOWHERE };
  };
  const blocks = successors.map(
    (targets, id): BasicBlock => ({ id, instructions: [], terminator: terminatorOf(targets), loopHead: false }),
  );
  return {
    id: 'f',
    name: 'f',
    file: '',
    static: false,
    parameters: [],
    variadic: false,
    returnType: { kind: 'void' },
    noreturn: false,
    beforeMain: false,
    locals: [],
    blocks,
    span: NOWHERE,
    nameSpan: NOWHERE,
    quarantine: [],
  };
}

/** The order of visits when every block hands on to its successors so often. */
function visits(successors: readonly (readonly number[])[], times: number): number[] {
  const worklist = new Worklist(bodyOf(successors));
  const left = successors.map(() => times);
  const order: number[] = [];
  worklist.add(0);
  for (let block = worklist.next(); block !== undefined; block = worklist.next()) {
    order.push(block);
    if (left[block]!-- > 0) for (const s of successors[block]!) worklist.add(s);
  }
  return order;
}

describe('the order of visits', () => {
  it('takes all ways through the body of a loop before its head again', () => {
    // 0 → loop 1 → {2, 3} → 1, and 1 → 4.
    assert.deepEqual(visits([[1], [2, 4], [3, 1], [1], []], 2), [0, 1, 2, 3, 1, 2, 3, 1, 4]);
  });

  it('brings an inner loop to rest before what follows it in the outer one', () => {
    // Outer loop 1 … 4, inner loop 2 ↔ 3.
    assert.deepEqual(visits([[1], [2, 5], [3, 4], [2], [1], []], 1), [0, 1, 2, 3, 2, 4, 1, 5]);
  });

  it('visits every block of a circle without a head', () => {
    // 1 and 2 lead to each other, and both are entered from outside.
    assert.deepEqual(new Set(visits([[1, 2], [2], [1, 3], []], 1)), new Set([0, 1, 2, 3]));
  });
});
