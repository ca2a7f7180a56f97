/** Every expression of a function or an initialiser, inner ones included. */
import type { Expr, FunctionBody, GlobalVariable, Instruction, Place, Terminator } from './ir.ts';

export interface Visitor {
  expr(e: Expr): void;
  place(p: Place): void;
}

interface Walked {
  readonly exprs: readonly Expr[];
  readonly places: readonly Place[];
}

/** Bodies are walked for many questions, and do not change. */
const walked = new WeakMap<FunctionBody, Walked>();

/** All places, then all expressions, each in the order in which they stand. */
export function visitBody(body: FunctionBody, { expr, place }: Partial<Visitor>): void {
  const { places, exprs } = walk(body);
  if (place !== undefined) for (const p of places) place(p);
  if (expr !== undefined) for (const e of exprs) expr(e);
}

/** In the order in which they stand, what lies in others included. */
export function exprsOf(body: FunctionBody): readonly Expr[] {
  return walk(body).exprs;
}

export function placesOf(body: FunctionBody): readonly Place[] {
  return walk(body).places;
}

function walk(body: FunctionBody): Walked {
  let found = walked.get(body);
  if (found === undefined) {
    const exprs: Expr[] = [];
    const places: Place[] = [];
    const all = { expr: (e: Expr) => void exprs.push(e), place: (p: Place) => void places.push(p) };
    for (const block of body.blocks) {
      for (const i of block.instructions) visitInstruction(i, all);
      visitTerminator(block.terminator, all);
    }
    found = { exprs, places };
    walked.set(body, found);
  }
  return found;
}

export function visitInitialiser(global: GlobalVariable, visitor: Visitor): void {
  for (const store of global.initialiser) {
    visitPlace(store.target, visitor);
    visitExpr(store.value, visitor);
  }
}

export function visitInstruction(i: Instruction, visitor: Visitor): void {
  switch (i.kind) {
    case 'assign':
      visitPlace(i.target, visitor);
      visitExpr(i.value, visitor);
      return;
    case 'zero':
      visitPlace(i.target, visitor);
      return;
    case 'call':
      visitExpr(i.callee, visitor);
      for (const a of i.arguments) visitExpr(a, visitor);
      return;
    case 'opaque':
      for (const o of i.operands) visitExpr(o, visitor);
      return;
    case 'declare':
    case 'end-scope':
      return;
  }
}

export function visitTerminator(t: Terminator, visitor: Visitor): void {
  switch (t.kind) {
    case 'branch':
      visitExpr(t.condition, visitor);
      return;
    case 'switch':
      visitExpr(t.value, visitor);
      for (const c of t.cases) {
        visitExpr(c.low, visitor);
        if (c.high !== c.low) visitExpr(c.high, visitor);
      }
      return;
    case 'return':
      if (t.value !== undefined) visitExpr(t.value, visitor);
      return;
    case 'goto':
    case 'unreachable':
      return;
  }
}

export function visitExpr(e: Expr, visitor: Visitor): void {
  visitor.expr(e);
  switch (e.kind) {
    case 'load':
    case 'address':
      visitPlace(e.place, visitor);
      return;
    case 'unary':
    case 'cast':
      visitExpr(e.operand, visitor);
      return;
    case 'binary':
      visitExpr(e.left, visitor);
      visitExpr(e.right, visitor);
      return;
    case 'container':
      visitExpr(e.pointer, visitor);
      return;
    case 'constant':
    case 'string':
    case 'function':
    case 'unknown':
      return;
  }
}

function visitPlace(p: Place, visitor: Visitor): void {
  visitor.place(p);
  if (p.base.kind === 'deref') visitExpr(p.base.pointer, visitor);
  for (const element of p.path) if (element.kind === 'index') visitExpr(element.index, visitor);
}
