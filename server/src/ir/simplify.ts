/**
 * Fewer and larger blocks: what a fixpoint pays for is the number of blocks. A block that only goes on is passed over,
 * and a block joins its only predecessor. Arms of branches and switches stay as a rule, empty or not: which statements
 * stand under a test is asked of them.
 */
import type { Expr, Instruction, Terminator, Variable } from './ir.ts';
import { visitInstruction, visitTerminator } from './visit.ts';

export interface GrowingBlock {
  readonly instructions: Instruction[];
  terminator: Terminator | undefined;
}

/** Changes the blocks in place; block 0 stays the entry, and blocks that are passed over become unreachable. */
export function simplify(blocks: readonly GrowingBlock[], keepsArms = true): void {
  for (const block of blocks) takeOnlyWay(block);
  passOver(blocks, keepsArms);
  const predecessors = countPredecessors(blocks);
  for (const id of predecessors.keys()) {
    const block = blocks[id]!;
    for (let next = onlyTarget(block); next !== undefined && next !== 0; next = onlyTarget(block)) {
      const target = blocks[next]!;
      if (target === block || predecessors.get(next) !== 1) break;
      block.instructions.push(...target.instructions);
      block.terminator = target.terminator;
      // Nobody goes there any more; what it held is not to be joined a second time.
      target.terminator = { kind: 'unreachable' };
      target.instructions.length = 0;
    }
  }
  dropCopies(blocks);
}

/** `assert(0)`: a test whose answer stands in the source is none. */
function takeOnlyWay(block: GrowingBlock): void {
  const { terminator } = block;
  if (terminator?.kind !== 'branch') return;
  const holds = truthOf(terminator.condition);
  if (holds === undefined) return;
  block.terminator = { kind: 'goto', target: holds ? terminator.whenTrue : terminator.whenFalse };
}

function truthOf(e: Expr): boolean | undefined {
  switch (e.kind) {
    case 'constant':
      return e.value !== 0n;
    case 'string':
      return true;
    case 'cast':
      return truthOf(e.operand);
    case 'unary': {
      const inner = e.op === '!' ? truthOf(e.operand) : undefined;
      return inner === undefined ? undefined : !inner;
    }
    default:
      return undefined;
  }
}

/**
 * The value of a statement expression outlives its locals in a temporary. Where that is only copied to a variable, the
 * variable takes the value itself: a test of it says nothing of a copy.
 */
function dropCopies(blocks: readonly GrowingBlock[]): void {
  const copies: { readonly instructions: Instruction[]; readonly at: number; readonly to: number }[] = [];
  for (const { instructions } of blocks) {
    for (let at = 0; at < instructions.length; at++) {
      const to = copyOf(instructions, at);
      if (to !== undefined) copies.push({ instructions, at, to });
    }
  }
  if (copies.length === 0) return;
  const uses = countTemporaries(blocks);
  for (const { instructions, at, to } of copies.reverse()) {
    const taken = instructions[at];
    const copy = instructions[to];
    if (taken?.kind !== 'assign' || copy?.kind !== 'assign' || taken.target.base.kind !== 'variable') continue;
    if (uses.get(taken.target.base.variable) !== 2) continue;
    instructions[at] = { ...copy, value: taken.value };
    instructions.splice(to, 1);
  }
}

/** Where a temporary that is assigned here is copied to a variable, with nothing in between but ends of scopes. */
function copyOf(instructions: readonly Instruction[], at: number): number | undefined {
  const taken = instructions[at]!;
  if (taken.kind !== 'assign' || taken.target.base.kind !== 'variable' || taken.target.path.length > 0)
    return undefined;
  const temporary = taken.target.base.variable;
  if (temporary.storage !== 'temporary') return undefined;
  let to = at + 1;
  for (let i = instructions[to]; i?.kind === 'end-scope'; i = instructions[++to])
    if (i.variables.some((v) => v.cleanup !== undefined)) return undefined;
  const copy = instructions[to];
  if (copy?.kind !== 'assign' || copy.target.base.kind !== 'variable' || copy.target.path.length > 0) return undefined;
  const { value } = copy;
  if (value.kind !== 'load' || value.place.path.length > 0 || value.place.base.kind !== 'variable') return undefined;
  return value.place.base.variable === temporary ? to : undefined;
}

function countTemporaries(blocks: readonly GrowingBlock[]): Map<Variable, number> {
  const uses = new Map<Variable, number>();
  const note = (variable: Variable | undefined) => {
    if (variable?.storage === 'temporary') uses.set(variable, (uses.get(variable) ?? 0) + 1);
  };
  const visitor = {
    expr: () => undefined,
    place: ({ base }: { base: { kind: string; variable?: Variable } }) => note(base.variable),
  };
  for (const { instructions, terminator } of blocks) {
    for (const i of instructions) {
      visitInstruction(i, visitor);
      if (i.kind === 'call') note(i.result);
    }
    if (terminator !== undefined) visitTerminator(terminator, visitor);
  }
  return uses;
}

function onlyTarget(block: GrowingBlock): number | undefined {
  return block.terminator?.kind === 'goto' ? block.terminator.target : undefined;
}

function passOver(blocks: readonly GrowingBlock[], keepsArms: boolean): void {
  const arms = new Set<number>([0]);
  for (const { terminator } of keepsArms ? blocks : []) {
    if (terminator !== undefined && terminator.kind !== 'goto') for (const s of successors(terminator)) arms.add(s);
  }
  const passed = (at: number) =>
    blocks[at]!.instructions.length > 0 || arms.has(at) ? undefined : onlyTarget(blocks[at]!);
  const resolve = (block: number): number => {
    let next = passed(block);
    if (next === undefined) return block;
    let at = block;
    for (const seen = new Set([at]); next !== undefined; next = passed(at)) {
      at = next;
      if (seen.has(at)) return at;
      seen.add(at);
    }
    return at;
  };
  for (const block of blocks)
    if (block.terminator !== undefined) block.terminator = withTargets(block.terminator, resolve);
}

/** Of the blocks that can be reached. */
function countPredecessors(blocks: readonly GrowingBlock[]): Map<number, number> {
  const counts = new Map<number, number>([[0, 0]]);
  const queue = [0];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const s of successors(blocks[at]!.terminator!)) {
      const count = counts.get(s);
      if (count === undefined) queue.push(s);
      counts.set(s, (count ?? 0) + 1);
    }
  }
  return counts;
}

/** Written out, so that all branches have one of two layouts: each visit of the engine asks them. */
export function branchTo(
  { kind, condition, span }: Branch,
  whenTrue: number,
  whenFalse: number,
  origin: number | undefined,
): Branch {
  return origin === undefined
    ? { kind, condition, whenTrue, whenFalse, span }
    : { kind, condition, whenTrue, whenFalse, span, origin };
}

type Branch = Terminator & { readonly kind: 'branch' };

/** The terminator with the blocks that `to` gives for those that it goes to. */
export function withTargets(t: Terminator, to: (block: number) => number): Terminator {
  switch (t.kind) {
    case 'goto': {
      const target = to(t.target);
      return target === t.target ? t : { kind: 'goto', target };
    }
    case 'branch': {
      const whenTrue = to(t.whenTrue);
      const whenFalse = to(t.whenFalse);
      return whenTrue === t.whenTrue && whenFalse === t.whenFalse ? t : branchTo(t, whenTrue, whenFalse, t.origin);
    }
    case 'switch':
      return switchTo(t, to, t.origin);
    default:
      return t;
  }
}

/** The switch with other targets. Written out, as `branchTo` is. */
export function switchTo(
  t: Terminator & { readonly kind: 'switch' },
  to: (block: number) => number,
  origin: number | undefined,
): Terminator {
  const { value, defaultSpan, span, bodySpan } = t;
  const cases = t.cases.map((c) => ({ low: c.low, high: c.high, target: to(c.target), span: c.span }));
  return { kind: 'switch', value, cases, otherwise: to(t.otherwise), defaultSpan, span, bodySpan, origin };
}

/** Targets of a terminator, each once. */
export function successors(t: Terminator): number[] {
  switch (t.kind) {
    case 'goto':
      return [t.target];
    case 'branch':
      return t.whenTrue === t.whenFalse ? [t.whenTrue] : [t.whenTrue, t.whenFalse];
    case 'switch':
      return [...new Set([...t.cases.map((c) => c.target), t.otherwise])];
    default:
      return [];
  }
}
