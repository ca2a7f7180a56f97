/**
 * Loops over a batch of messages that count what is left: `for (; left >= sizeof *m; m++, left -= sizeof *m)`, or
 * `for (; end - m >= 1; m++)`. That the count and the pointer go together is not followed, so the loop's own end says
 * nothing of the messages behind the first.
 */
import type { Expr, FunctionBody, Instruction, Variable } from '../ir/ir.ts';
import { successors } from '../ir/simplify.ts';
import { visitExpr } from '../ir/visit.ts';
import { variableBase } from './context.ts';
import { dominates } from './dominators.ts';
import { isTemporary } from './memory.ts';
import type { State } from './state.ts';

const cache = new WeakMap<FunctionBody, Map<number, boolean>>();

/** Of a batch nothing more is owed where the block's test ends such a loop by going on to the target. */
export function endBatch(state: State, body: FunctionBody, block: number, target: number): void {
  for (const { id, duty } of state.objects.values()) {
    if (duty?.batch !== true || duty.recognised !== undefined || !endsCountdown(body, block, target)) continue;
    state.update(id, { duty: undefined });
  }
}

function endsCountdown(body: FunctionBody, block: number, target: number): boolean {
  const key = block * body.blocks.length + target;
  let known = cache.get(body);
  if (known === undefined) {
    known = new Map();
    cache.set(body, known);
  }
  let answer = known.get(key);
  if (answer === undefined) {
    answer = findCountdown(body, block, target);
    known.set(key, answer);
  }
  return answer;
}

function findCountdown(body: FunctionBody, head: number, target: number): boolean {
  const { terminator, loopHead } = body.blocks[head]!;
  if (!loopHead || terminator.kind !== 'branch' || comesBack(body, head, target)) return false;
  const tested = variablesIn(terminator.condition);
  const taken = takenIn(terminator.condition);
  const counts = (i: Instruction) => changes(i, '-', tested) || changes(i, '+', taken);
  return body.blocks.some((b) => comesBack(body, head, b.id) && b.instructions.some(counts));
}

/** The block lies in the loop: control comes from it to the head by blocks that only the head leads to. */
function comesBack(body: FunctionBody, head: number, block: number): boolean {
  const found = new Set([block]);
  for (const at of found) {
    if (!dominates(body, head, at)) continue;
    for (const next of successors(body.blocks[at]!.terminator)) {
      if (next === head) return true;
      found.add(next);
    }
  }
  return false;
}

/** It takes from one of the variables, or adds to it; `n--` goes by a variable that the lowering made. */
function changes(i: Instruction, op: '+' | '-', variables: ReadonlySet<Variable>): boolean {
  if (i.kind !== 'assign' || i.target.base.kind !== 'variable' || i.target.path.length > 0) return false;
  const { variable } = i.target.base;
  if (!variables.has(variable) || i.value.kind !== 'binary' || i.value.op !== op) return false;
  return [...variablesIn(i.value.left)].some((v) => v === variable || isTemporary(variableBase(v)));
}

/** Variables that a condition subtracts. */
function takenIn(condition: Expr): Set<Variable> {
  const found = new Set<Variable>();
  visitExpr(condition, {
    expr: (e) => {
      if (e.kind === 'binary' && e.op === '-') for (const v of variablesIn(e.right)) found.add(v);
    },
    place: () => {},
  });
  return found;
}

function variablesIn(e: Expr): Set<Variable> {
  const found = new Set<Variable>();
  visitExpr(e, {
    expr: () => {},
    place: ({ base }) => {
      if (base.kind === 'variable') found.add(base.variable);
    },
  });
  return found;
}
