/**
 * What the grammar cannot tell without types. Of a name in parentheses it takes `(n) + x * 2` for the product of a cast
 * and two, `(t) & x` for a mask and `(t)(x)` for a call; which names are types decides what these are.
 */
import { nodeWith, type SyntaxNode } from '../syntax/tree.ts';
import type { Builder } from './builder.ts';
import { child } from './types.ts';

/** How tightly operators bind (C17 6.5.3 to 6.5.12). */
const PRECEDENCE: Readonly<Record<string, number>> = {
  '|': 1,
  '^': 2,
  '&': 3,
  '==': 4,
  '!=': 4,
  '<': 5,
  '>': 5,
  '<=': 5,
  '>=': 5,
  '<<': 6,
  '>>': 6,
  '+': 7,
  '-': 7,
  '*': 8,
  '/': 8,
  '%': 8,
};
/** Operators that stand before one operand and between two. */
const EITHER: ReadonlySet<string> = new Set(['+', '-', '*', '&']);

/** The node as it reads where it is known which names are types; itself where that makes no difference. */
export function withTypesKnown(b: Builder, node: SyntaxNode): SyntaxNode {
  switch (node.type) {
    case 'cast_expression':
      return operandsOf(b, node, []) ?? node;
    case 'binary_expression':
      return regrouped(b, node) ?? maskAsCast(b, node) ?? node;
    case 'call_expression':
      return callAsCast(b, node) ?? node;
    default:
      return node;
  }
}

/** `(n) + x * 2`, of which the product was made first. */
function regrouped(b: Builder, node: SyntaxNode): SyntaxNode | undefined {
  const outermost = PRECEDENCE[operatorOf(b, node)];
  // Nothing that can be a sign binds as tightly.
  if (outermost === undefined || outermost <= PRECEDENCE['&']!) return undefined;
  const leftmost = leftmostOf(node);
  if (leftmost.type !== 'cast_expression') return undefined;
  const sign = signOf(b, leftmost);
  if (sign === undefined || outermost <= PRECEDENCE[sign]!) return undefined;
  const spine: SyntaxNode[] = [];
  for (let at = node; at !== leftmost; at = child(at, 'left')!) spine.push(at);
  return operandsOf(b, leftmost, spine);
}

/** Asked of each operation of a long sum: the way down is gone once. */
const leftmosts = new WeakMap<SyntaxNode, SyntaxNode>();

/** The leftmost operand of the operations that a node is made of. */
function leftmostOf(node: SyntaxNode): SyntaxNode {
  const passed: SyntaxNode[] = [];
  let leftmost = node;
  while (leftmost.type === 'binary_expression' && !leftmosts.has(leftmost)) {
    passed.push(leftmost);
    leftmost = child(leftmost, 'left')!;
  }
  leftmost = leftmosts.get(leftmost) ?? leftmost;
  for (const at of passed) leftmosts.set(at, leftmost);
  return leftmost;
}

/**
 * The sum, product or mask that was taken for a cast; `spine` are the operations around the cast that belong to its
 * right operand, the outermost first.
 */
function operandsOf(b: Builder, cast: SyntaxNode, spine: readonly SyntaxNode[]): SyntaxNode | undefined {
  const name = loneName(child(cast, 'type'));
  if (name === undefined || signOf(b, cast) === undefined || !isValue(b, b.text(name))) return undefined;
  const signed = child(cast, 'value')!;
  let right = child(signed, 'argument')!;
  for (const around of [...spine].reverse()) {
    const operand: SyntaxNode = nodeWith(right, { field: 'left' });
    right = nodeWith(around, {
      start: operand.start,
      children: around.children.map((c) => (c.field === 'left' ? operand : c)),
    });
  }
  const left: SyntaxNode = nodeWith(name, { type: 'identifier', field: 'left' });
  return nodeWith(cast, {
    type: 'binary_expression',
    end: right.end,
    children: [left, child(signed, 'operator')!, nodeWith(right, { field: 'right' })],
  });
}

/** `(t) & x`, where `t` is a type. */
function maskAsCast(b: Builder, node: SyntaxNode): SyntaxNode | undefined {
  const left = child(node, 'left')!;
  const operator = child(node, 'operator')!;
  const operand = child(node, 'right')!;
  const sign = b.text(operator);
  if (!EITHER.has(sign) || operand.type === 'binary_expression') return undefined;
  const name = nameInParentheses(left);
  if (name === undefined || !isType(b, b.text(name))) return undefined;
  const value = nodeWith(node, {
    type: sign === '*' || sign === '&' ? 'pointer_expression' : 'unary_expression',
    field: 'value',
    start: operator.start,
    children: [operator, nodeWith(operand, { field: 'argument' })],
  });
  return asCast(node, name, value);
}

/** `(t)(x)`, where `t` is a type. */
function callAsCast(b: Builder, node: SyntaxNode): SyntaxNode | undefined {
  const name = nameInParentheses(child(node, 'function'));
  if (name === undefined || !isType(b, b.text(name))) return undefined;
  const values = child(node, 'arguments')!.children.filter((c) => c.named && c.type !== 'comment');
  return values.length === 1 ? asCast(node, name, nodeWith(values[0]!, { field: 'value' })) : undefined;
}

function asCast(node: SyntaxNode, name: SyntaxNode, value: SyntaxNode): SyntaxNode {
  const type: SyntaxNode = nodeWith(name, { type: 'type_identifier', field: 'type' });
  return nodeWith(node, { type: 'cast_expression', children: [type, value] });
}

/** The operator before the operand of a cast, where it can stand between two. */
function signOf(b: Builder, cast: SyntaxNode): string | undefined {
  const value = child(cast, 'value');
  if (value?.type !== 'unary_expression' && value?.type !== 'pointer_expression') return undefined;
  const sign = b.text(child(value, 'operator')!);
  return EITHER.has(sign) ? sign : undefined;
}

function operatorOf(b: Builder, node: SyntaxNode): string {
  return b.text(child(node, 'operator')!);
}

/** The name that a type consists of. */
function loneName(type: SyntaxNode | undefined): SyntaxNode | undefined {
  const only = type?.children.length === 1 ? type.children[0] : undefined;
  return only?.type === 'type_identifier' ? only : undefined;
}

function nameInParentheses(node: SyntaxNode | undefined): SyntaxNode | undefined {
  if (node?.type !== 'parenthesized_expression') return undefined;
  const inner = node.children.filter((c) => c.named && c.type !== 'comment');
  return inner.length === 1 && inner[0]!.type === 'identifier' ? inner[0] : undefined;
}

/** The names that programs give to integers of a size, whose headers are not always here. */
const NAMED_LIKE_TYPES = /^(?:_*[us](?:8|16|32|64)|u(?:char|short|int|long)|\w+_t)$/;

function isType(b: Builder, name: string): boolean {
  if (b.lookup(name) !== undefined) return false;
  if (b.unit.types.isNamed(name)) return true;
  return !isDeclared(b, name) && NAMED_LIKE_TYPES.test(name);
}

function isValue(b: Builder, name: string): boolean {
  return b.lookup(name) !== undefined || (!b.unit.types.isNamed(name) && isDeclared(b, name));
}

function isDeclared({ unit }: Builder, name: string): boolean {
  const { globals, enumerators, functions, macrosByPlace } = unit;
  return globals.has(name) || enumerators.has(name) || functions.has(name) || macrosByPlace.last.has(name);
}
