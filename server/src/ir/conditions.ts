/** Conditions: short circuits become branches, each with the span of its own part. */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Builder } from './builder.ts';
import { expression, unwrap } from './expressions.ts';
import { expand, within } from './macros.ts';
import { argumentsOf, child } from './types.ts';

/** What gives its argument back; projects have names of their own for hints. */
const SAME = /^(?:__builtin_expect|__builtin_constant_p|READ_ONCE|ACCESS_ONCE)$|(?:^|_)(?:un)?likely_*$/i;

/** True for a macro of an unknown header, or a builtin, that gives its first argument back; a function may do anything. */
export function givesArgumentBack(b: Builder, name: string): boolean {
  return SAME.test(name) && !b.unit.functions.has(name);
}

export function branchOn(b: Builder, raw: SyntaxNode, whenTrue: number, whenFalse: number): void {
  const node = unwrap(raw);
  if (node.type === 'binary_expression') {
    const op = b.text(child(node, 'operator')!);
    if (op === '&&' || op === '||') {
      const second = b.newBlock();
      if (op === '&&') branchOn(b, child(node, 'left')!, second, whenFalse);
      else branchOn(b, child(node, 'left')!, whenTrue, second);
      b.enter(second);
      branchOn(b, child(node, 'right')!, whenTrue, whenFalse);
      return;
    }
  }
  if (node.type === 'unary_expression' && b.text(child(node, 'operator')!) === '!') {
    branchOn(b, child(node, 'argument')!, whenFalse, whenTrue);
    return;
  }
  if (node.type === 'comma_expression') {
    expression(b, child(node, 'left')!, false);
    branchOn(b, child(node, 'right')!, whenTrue, whenFalse);
    return;
  }
  if (node.type === 'call_expression' && branchOnMacro(b, node, whenTrue, whenFalse)) return;
  const condition = expression(b, node);
  b.terminate({ kind: 'branch', condition, whenTrue, whenFalse, span: b.span(node) });
}

/** A macro whose expansion is one condition keeps its short circuits. */
function branchOnMacro(b: Builder, node: SyntaxNode, whenTrue: number, whenFalse: number): boolean {
  const callee = unwrap(child(node, 'function')!);
  if (callee.type !== 'identifier') return false;
  const name = b.text(callee);
  const args = argumentsOf(node);
  const macro = b.macrosAt(node).get(name);
  if (macro === undefined) {
    if (givesArgumentBack(b, name) && args[0] !== undefined) {
      branchOn(b, args[0], whenTrue, whenFalse);
      return true;
    }
    return false;
  }
  if (macro.parameters === undefined || b.blocked(name, node) || /offsetof/.test(macro.body)) return false;
  const e = expand(b, macro, node, args);
  const only = e?.statements.length === 1 || e?.statements[1]?.type === ';' ? e.statements[0] : undefined;
  const inner =
    only?.type === 'expression_statement' ? only.children.find((c) => c.named && c.type !== 'comment') : undefined;
  if (e === undefined || inner === undefined || inner.hasError) return false;
  within(b, macro, e.view, () => branchOn(b, inner, whenTrue, whenFalse));
  return true;
}
