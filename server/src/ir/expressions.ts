/** Lowering of expressions: effects become instructions in order, what is left is an `Expr`. */
import { nodeWith, type SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { type Builder, constantExpr, loadOf, placeAs, pointedPlace, variablePlace } from './builder.ts';
import { call } from './calls.ts';
import { withTypesKnown } from './casts.ts';
import { branchOn } from './conditions.ts';
import { initialise } from './initialisers.ts';
import {
  type BinaryOperator,
  type CType,
  ERRNO,
  type Expr,
  type PathElement,
  type Place,
  type UnaryOperator,
  type Variable,
} from './ir.ts';
import { KNOWN_CONSTANTS, OFFSETS_IN_MESSAGE } from './known-constants.ts';
import { type Expansion, expand, within } from './macros.ts';
import { statement } from './statements.ts';
import { child, INT } from './types.ts';

export function unwrap(node: SyntaxNode): SyntaxNode {
  let n = node;
  while (n.type === 'parenthesized_expression') {
    const inner = n.children.find((c) => c.named && c.type !== 'comment');
    if (inner === undefined || inner.type === 'compound_statement') return n;
    n = inner;
  }
  return n;
}

/** Lowers an expression. `used` is false where the value is dropped. */
export function expression(b: Builder, raw: SyntaxNode, used = true): Expr {
  const node = withTypesKnown(b, unwrap(raw));
  switch (node.type) {
    case 'identifier':
    case 'field_identifier':
      return identifier(b, node, used);
    case 'true':
      return constantExpr(1, b.span(node), 'true');
    case 'false':
    case 'null':
      return constantExpr(0, b.span(node), 'NULL');
    case 'number_literal':
      return numberLiteral(b.text(node), b.span(node));
    case 'char_literal':
      return constantExpr(charValue(b.text(node)), b.span(node));
    case 'string_literal':
    case 'concatenated_string':
      return { kind: 'string', value: b.text(node), span: b.span(node) };
    case 'parenthesized_expression':
      return statementExpression(b, node);
    case 'unary_expression':
      return unary(b, node, used);
    case 'pointer_expression':
      return pointer(b, node);
    case 'update_expression':
      return update(b, node);
    case 'assignment_expression':
      return assignment(b, node);
    case 'binary_expression':
      return binary(b, node);
    case 'conditional_expression':
      return conditional(b, node, used);
    case 'call_expression':
      return call(b, node, used);
    case 'field_expression':
    case 'subscript_expression':
      return loadPlace(b, place(b, node), b.span(node));
    case 'cast_expression':
      return cast(b, node);
    case 'sizeof_expression':
      return sizeOf(b, node);
    case 'offsetof_expression':
      return offsetOf(b, node);
    case 'comma_expression': {
      expression(b, child(node, 'left')!, false);
      return expression(b, child(node, 'right')!, used);
    }
    case 'compound_literal_expression':
      return loadPlace(b, compoundLiteral(b, node), b.span(node));
    case 'gnu_asm_expression':
      assembly(b, node);
      return { kind: 'unknown', span: b.span(node) };
    default:
      for (const c of node.children) if (c.named && c.type.endsWith('expression')) expression(b, c);
      return { kind: 'unknown', span: b.span(node) };
  }
}

/** A place as a value: an array is the address of its first element. */
export function loadPlace(_b: Builder, p: Place, span: Span): Expr {
  if (p.type.kind === 'array' && p.type.overlay === true)
    return { kind: 'address', place: { base: p.base, path: p.path, type: p.type.of, span: p.span }, span };
  if (p.type.kind === 'array') {
    const path: PathElement[] = [...p.path, { kind: 'index', index: constantExpr(0, span) }];
    return { kind: 'address', place: { base: p.base, path, type: p.type.of, span: p.span }, span };
  }
  return loadOf(p, span);
}

function identifier(b: Builder, node: SyntaxNode, used: boolean): Expr {
  const name = b.text(node);
  const span = b.span(node);
  const nested = b.nestedFunction(name);
  if (nested !== undefined) return { kind: 'function', name: nested, span };
  const local = b.lookup(name);
  if (local !== undefined) return loadPlace(b, variablePlace(local, span), span);
  const known = KNOWN_CONSTANTS.get(name);
  const macro = b.macrosAt(node).get(name);
  if (macro !== undefined && macro.parameters === undefined && !b.blocked(name, node)) {
    const value = expandExpression(b, name, node, undefined, used);
    if (value !== undefined && !(value.kind === 'unknown' && known !== undefined)) {
      return value.kind === 'constant' ? constantExpr(value.value, span, name) : value;
    }
  }
  const enumerator = b.unit.enumerators.get(name);
  if (enumerator !== undefined) return constantExpr(enumerator, span, name);
  const global = b.unit.globals.get(name);
  if (global !== undefined) return loadPlace(b, variablePlace(global, span), span);
  if (b.unit.functions.has(name)) return { kind: 'function', name, span };
  if (known !== undefined) return constantExpr(known, span, name);
  if (name === ERRNO.name) return loadOf(variablePlace(ERRNO, span), span);
  return { kind: 'unknown', name, span };
}

/** As nearly all numbers are written. */
const DECIMAL = /^(?:0|[1-9]\d*)$/;

export function numberLiteral(text: string, span: Span): Expr {
  if (DECIMAL.test(text)) return constantExpr(BigInt(text), span);
  // The grammar makes one literal of a sign and its digits in some places.
  const negative = text.startsWith('-');
  const digits = text
    .replace(/^[-+]\s*/, '')
    .replace(/'/g, '')
    .replace(/[uUlL]+$/, '');
  try {
    if (negative) {
      const inner = numberLiteral(digits, span);
      return inner.kind === 'constant' ? constantExpr(-inner.value, span) : inner;
    }
    if (/^0[xXbB]/.test(digits)) return constantExpr(BigInt(digits), span);
    if (/^0[0-7]+$/.test(digits)) return constantExpr(BigInt(`0o${digits.slice(1)}`), span);
    if (/^\d+$/.test(digits)) return constantExpr(BigInt(digits), span);
  } catch {
    // Not a number after all: falls through to an unknown value.
  }
  return { kind: 'unknown', span };
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11, e: 27 };

function charValue(text: string): number {
  const inner = text.replace(/^[LuU8]*'/, '').replace(/'$/, '');
  if (!inner.startsWith('\\')) return inner.codePointAt(0) ?? 0;
  const escaped = inner.slice(1);
  if (/^x[0-9a-fA-F]+$/.test(escaped)) return Number.parseInt(escaped.slice(1), 16);
  if (/^[0-7]{1,3}$/.test(escaped)) return Number.parseInt(escaped, 8);
  return ESCAPES[escaped] ?? escaped.charCodeAt(0);
}

function unary(b: Builder, node: SyntaxNode, used: boolean): Expr {
  const op = b.text(child(node, 'operator')!);
  const operand = child(node, 'argument')!;
  const span = b.span(node);
  if (op === '&&') return { kind: 'unknown', span };
  if (op === '!' && isLogical(b, operand)) return truthValue(b, node);
  const value = expression(b, operand, used);
  return fold({ kind: 'unary', op: op as UnaryOperator, operand: value, span });
}

function pointer(b: Builder, node: SyntaxNode): Expr {
  const span = b.span(node);
  const op = b.text(child(node, 'operator')!);
  const argument = unwrap(child(node, 'argument')!);
  if (op === '*') {
    const p = place(b, node);
    return loadPlace(b, p, span);
  }
  const label = argument.type === 'pointer_expression' ? child(argument, 'argument') : undefined;
  if (label?.type === 'identifier' && b.text(child(argument, 'operator')!) === '&') {
    // GNU `&&label`.
    return b.labelAddress(b.text(label), span);
  }
  if (argument.type === 'identifier') {
    const name = b.text(argument);
    const nested = b.nestedFunction(name);
    if (nested !== undefined) return { kind: 'function', name: nested, span };
    if (b.lookupAny(name) === undefined && b.unit.functions.has(name)) return { kind: 'function', name, span };
  }
  const p = place(b, argument);
  // &array and &array[0] are the same address.
  if (p.type.kind === 'array') return loadPlace(b, p, span);
  // A union over a table of records is that table.
  const table = b.unit.types.tableIn(p.type);
  return table === undefined ? { kind: 'address', place: p, span } : loadPlace(b, placeAs(p, table), span);
}

function update(b: Builder, node: SyntaxNode): Expr {
  const span = b.span(node);
  const argument = child(node, 'argument')!;
  const op = b.text(child(node, 'operator')!) === '++' ? '+' : '-';
  const target = place(b, argument);
  const prefix = node.children[0]?.field === 'operator';
  let before: Expr = loadOf(target, span);
  if (!prefix) {
    const t = b.temporary(target.type, span);
    b.emit({ kind: 'assign', target: variablePlace(t, span), value: before, span });
    before = loadOf(variablePlace(t, span), span);
  }
  b.emit({
    kind: 'assign',
    target,
    value: { kind: 'binary', op, left: before, right: constantExpr(1, span), span },
    span,
  });
  return prefix ? loadOf(target, span) : before;
}

function assignment(b: Builder, node: SyntaxNode): Expr {
  const span = b.span(node);
  const op = b.text(child(node, 'operator')!);
  const left = child(node, 'left')!;
  const right = child(node, 'right')!;
  if (op === '=') {
    const literal = unwrap(right);
    if (literal.type === 'compound_literal_expression') {
      const target = place(b, left);
      if (target.type.kind !== 'pointer') {
        initialise(b, target, child(literal, 'value')!, span);
        return loadOf(target, span);
      }
    }
    const value = expression(b, right);
    const target = place(b, left);
    b.forgetLabels(target);
    b.emit({ kind: 'assign', target, value, span });
    return value.kind === 'constant' || value.kind === 'address' ? value : loadOf(target, span);
  }
  const value = expression(b, right);
  const target = place(b, left);
  const operator = op.slice(0, -1) as BinaryOperator;
  b.emit({
    kind: 'assign',
    target,
    value: fold({ kind: 'binary', op: operator, left: loadOf(target, span), right: value, span }),
    span,
  });
  return loadOf(target, span);
}

/** What the outputs hold afterwards is not known; what the operands point to may have changed. */
function assembly(b: Builder, node: SyntaxNode): void {
  const span = b.span(node);
  const values = (field: string) =>
    (child(node, field)?.children ?? []).flatMap((c) => (c.field === 'operand' ? (child(c, 'value') ?? []) : []));
  const inputs = values('input_operands').map((n) => expression(b, n));
  const outputs = values('output_operands').map((n) => place(b, n));
  const addresses = outputs.map((place): Expr => ({ kind: 'address', place, span }));
  b.emit({ kind: 'opaque', operands: [...addresses, ...inputs], span });
  for (const target of outputs) b.emit({ kind: 'assign', target, value: { kind: 'unknown', span }, span });
}

/** True for `&&`, `||`, and what a `!` in front of them makes: lowered to branches. */
export function isLogical(b: Builder, raw: SyntaxNode): boolean {
  const node = unwrap(raw);
  if (node.type === 'binary_expression') {
    const op = b.text(child(node, 'operator')!);
    return op === '&&' || op === '||';
  }
  return (
    node.type === 'unary_expression' &&
    b.text(child(node, 'operator')!) === '!' &&
    isLogical(b, child(node, 'argument')!)
  );
}

function truthValue(b: Builder, node: SyntaxNode): Expr {
  const span = b.span(node);
  const result = b.temporary(INT, span);
  const target = variablePlace(result, span);
  const whenTrue = b.newBlock();
  const whenFalse = b.newBlock();
  const after = b.newBlock();
  branchOn(b, node, whenTrue, whenFalse);
  b.enter(whenTrue);
  b.emit({ kind: 'assign', target, value: constantExpr(1, span), span });
  b.goto(after);
  b.enter(whenFalse);
  b.emit({ kind: 'assign', target, value: constantExpr(0, span), span });
  b.goto(after);
  b.enter(after);
  return loadOf(target, span);
}

function binary(b: Builder, node: SyntaxNode): Expr {
  if (isLogical(b, node)) return truthValue(b, node);
  const op = b.text(child(node, 'operator')!) as BinaryOperator;
  const left = expression(b, child(node, 'left')!);
  const subtracted = unwrap(child(node, 'right')!);
  // `(struct space *)((char *)p - offsetof(struct space, node))`, whatever macro it stands in.
  if (op === '-' && subtracted.type === 'offsetof_expression') {
    const member = memberOf(b, subtracted)?.split('.');
    if (member !== undefined) return { kind: 'container', pointer: left, member, as: 'container', span: b.span(node) };
  }
  const right = expression(b, child(node, 'right')!);
  return fold({ kind: 'binary', op, left, right, span: b.span(node) });
}

/** Constants are computed here, so that masks and `sizeof` products are plain numbers. */
export function fold(e: Expr): Expr {
  if (e.kind === 'unary' && e.operand.kind === 'constant') {
    const v = e.operand.value;
    const value = e.op === '-' ? -v : e.op === '~' ? ~v : e.op === '!' ? (v === 0n ? 1n : 0n) : v;
    return constantExpr(value, e.span);
  }
  if (e.kind !== 'binary' || e.left.kind !== 'constant' || e.right.kind !== 'constant') return e;
  const x = e.left.value;
  const y = e.right.value;
  const bool = (v: boolean) => (v ? 1n : 0n);
  let value: bigint | undefined;
  switch (e.op) {
    case '+':
      value = x + y;
      break;
    case '-':
      value = x - y;
      break;
    case '*':
      value = x * y;
      break;
    case '/':
      value = y === 0n ? undefined : x / y;
      break;
    case '%':
      value = y === 0n ? undefined : x % y;
      break;
    case '<<':
      value = y >= 0n && y < 64n ? x << y : undefined;
      break;
    case '>>':
      value = y >= 0n && y < 64n ? x >> y : undefined;
      break;
    case '&':
      value = x & y;
      break;
    case '|':
      value = x | y;
      break;
    case '^':
      value = x ^ y;
      break;
    case '==':
      value = bool(x === y);
      break;
    case '!=':
      value = bool(x !== y);
      break;
    case '<':
      value = bool(x < y);
      break;
    case '>':
      value = bool(x > y);
      break;
    case '<=':
      value = bool(x <= y);
      break;
    case '>=':
      value = bool(x >= y);
      break;
  }
  return value === undefined ? e : constantExpr(value, e.span);
}

/** A temporary is a record where its value is one. Before anybody looks at it. */
function takeType(temporary: Variable, value: Expr): void {
  if (value.kind === 'load' && value.place.type.kind === 'record')
    (temporary as { type: CType }).type = value.place.type;
}

function conditional(b: Builder, node: SyntaxNode, used: boolean): Expr {
  const span = b.span(node);
  const consequence = child(node, 'consequence');
  const alternative = child(node, 'alternative')!;
  const whenTrue = b.newBlock();
  const whenFalse = b.newBlock();
  const after = b.newBlock();
  const chosen = b.temporary({ kind: 'unknown', name: '?:' }, span);
  let repeated: Expr | undefined;
  if (consequence === undefined) {
    repeated = expression(b, child(node, 'condition')!);
    b.terminate({ kind: 'branch', condition: repeated, whenTrue, whenFalse, span });
  } else branchOn(b, child(node, 'condition')!, whenTrue, whenFalse);
  b.enter(whenTrue);
  const yes = repeated ?? expression(b, consequence!, used);
  takeType(chosen, yes);
  const target = variablePlace(chosen, span);
  if (used) b.emit({ kind: 'assign', target, value: yes, span });
  b.goto(after);
  b.enter(whenFalse);
  const no = expression(b, alternative, used);
  if (used) b.emit({ kind: 'assign', target, value: no, span });
  b.goto(after);
  b.enter(after);
  return loadOf(target, span);
}

function cast(b: Builder, node: SyntaxNode): Expr {
  const type = b.unit.types.specifier(child(node, 'type'));
  const value = child(node, 'value')!;
  if (type.kind === 'void') {
    expression(b, value, false);
    return constantExpr(0, b.span(node));
  }
  const operand = expression(b, value);
  if (operand.kind === 'constant' && type.kind === 'integer') {
    const bits = BigInt(type.bytes * 8);
    const wrapped = type.signed
      ? BigInt.asIntN(Number(bits), operand.value)
      : BigInt.asUintN(Number(bits), operand.value);
    return constantExpr(wrapped, operand.span, operand.name);
  }
  const span = b.span(node);
  return { kind: 'cast', type, operand: alongFirst(b, type, operand, span), span };
}

/** `(struct child *)(void *)o`: the cast on the way says nothing of what it leads to. */
function withoutVoid(e: Expr): Expr {
  const isVoid = e.kind === 'cast' && e.type.kind === 'pointer' && e.type.to.kind === 'void';
  return isVoid ? withoutVoid(e.operand) : e;
}

/** A pointer to a record as one to the record that begins it, or the other way round: they are at one address. */
function alongFirst({ unit: { types } }: Builder, type: CType, pointer: Expr, span: Span): Expr {
  if (type.kind !== 'pointer' || type.to.kind !== 'record') return pointer;
  const from = pointee(withoutVoid(pointer));
  if (from.kind !== 'record') return pointer;
  const outer = types.wayToFirst(type.to, from.tag);
  const member = outer ?? types.wayToFirst(from, type.to.tag);
  if (member === undefined) return pointer;
  return { kind: 'container', pointer, member, as: outer === undefined ? 'first' : 'outer', span };
}

function sizeOf(b: Builder, node: SyntaxNode): Expr {
  const span = b.span(node);
  const type = child(node, 'type');
  let of: CType | undefined;
  if (type !== undefined) of = b.unit.types.specifier(type);
  else {
    const value = child(node, 'value');
    if (value !== undefined) of = typeOfNode(b, unwrap(value));
  }
  const size = of === undefined ? undefined : b.unit.types.sizeOf(of);
  return size === undefined ? { kind: 'unknown', name: 'sizeof', span } : constantExpr(size, span, 'sizeof');
}

/** The member in `offsetof(type, member)`: members of members are masked. */
function memberOf(b: Builder, node: SyntaxNode): string | undefined {
  const text = b.originalText(node.start, node.end) ?? b.text(node);
  return /,\s*([\w.\s]+?)\s*\)$/.exec(text)?.[1]?.replace(/\s+/g, '');
}

/** How far a message has to come to be looked at: the program compares it with what read() returned. */
function offsetOf(b: Builder, node: SyntaxNode): Expr {
  const span = b.span(node);
  const type = b.unit.types.specifier(child(node, 'type'));
  const member = memberOf(b, node);
  const offset = type.kind === 'record' && type.tag === 'uffd_msg' ? OFFSETS_IN_MESSAGE.get(member ?? '') : undefined;
  return offset === undefined ? { kind: 'unknown', name: 'offsetof', span } : constantExpr(offset, span, 'offsetof');
}

/** Type of an unevaluated expression. */
export function typeOfNode(b: Builder, node: SyntaxNode): CType | undefined {
  switch (node.type) {
    case 'identifier': {
      const v = b.lookupAny(b.text(node));
      return v !== undefined ? v.type : b.unit.types.specifier(nodeWith(node, { type: 'type_identifier' }));
    }
    case 'field_expression': {
      const of = typeOfNode(b, unwrap(child(node, 'argument')!));
      const record = of?.kind === 'pointer' ? of.to : of;
      return record === undefined ? undefined : b.unit.types.fieldType(record, b.text(child(node, 'field')!));
    }
    case 'pointer_expression': {
      const of = typeOfNode(b, unwrap(child(node, 'argument')!));
      if (b.text(child(node, 'operator')!) === '&') return { kind: 'pointer', to: of ?? { kind: 'void' } };
      return of?.kind === 'pointer' ? of.to : of?.kind === 'array' ? of.of : undefined;
    }
    case 'subscript_expression': {
      const of = typeOfNode(b, unwrap(child(node, 'argument')!));
      return of?.kind === 'pointer' ? of.to : of?.kind === 'array' ? of.of : undefined;
    }
    case 'number_literal':
      return INT;
    case 'cast_expression':
      return b.unit.types.specifier(child(node, 'type'));
    default:
      return undefined;
  }
}

/** The lvalue that an expression denotes; a value without a place gets a temporary. */
export function place(b: Builder, raw: SyntaxNode): Place {
  const node = withTypesKnown(b, unwrap(raw));
  const span = b.span(node);
  switch (node.type) {
    case 'identifier': {
      const name = b.text(node);
      const macro = b.lookup(name) === undefined ? b.macrosAt(node).get(name) : undefined;
      if (macro !== undefined && macro.parameters === undefined && !b.blocked(name, node)) {
        const e = expand(b, macro, node, undefined);
        const only = e === undefined ? undefined : singleExpression(e);
        if (e !== undefined && only !== undefined) return within(b, macro, e.view, () => place(b, only));
      }
      const variable = b.lookupAny(name);
      if (variable !== undefined) return variablePlace(variable, span);
      break;
    }
    case 'field_expression': {
      const argument = child(node, 'argument')!;
      const name = b.text(child(node, 'field')!);
      const arrow = node.children.some((c) => c.type === '->');
      if (arrow) {
        const pointerExpr = expression(b, argument);
        return extend(b, pointedPlace(pointerExpr, pointee(pointerExpr), span), name, span);
      }
      return extend(b, place(b, argument), name, span);
    }
    case 'subscript_expression': {
      const argument = child(node, 'argument')!;
      const array = unwrap(argument);
      const base = isPlaceNode(array) ? place(b, array) : undefined;
      const index = expression(b, child(node, 'index')!);
      if (base !== undefined && base.type.kind === 'array') {
        return { base: base.base, path: [...base.path, { kind: 'index', index }], type: base.type.of, span };
      }
      const pointerExpr = base === undefined ? expression(b, argument) : loadPlace(b, base, span);
      return {
        base: { kind: 'deref', pointer: pointerExpr },
        path: [{ kind: 'index', index }],
        type: pointee(pointerExpr),
        span,
      };
    }
    case 'pointer_expression':
      if (b.text(child(node, 'operator')!) === '*') {
        const pointerExpr = expression(b, child(node, 'argument')!);
        return pointedPlace(pointerExpr, pointee(pointerExpr), span);
      }
      break;
    case 'compound_literal_expression':
      return compoundLiteral(b, node);
    case 'cast_expression':
      return place(b, child(node, 'value')!);
  }
  const value = expression(b, node);
  if (value.kind === 'load') return value.place;
  const t = variablePlace(b.temporary({ kind: 'unknown', name: 'value' }, span), span);
  b.emit({ kind: 'assign', target: t, value, span });
  return t;
}

function isPlaceNode(node: SyntaxNode): boolean {
  return ['identifier', 'field_expression', 'subscript_expression', 'pointer_expression'].includes(node.type);
}

function extend(b: Builder, base: Place, field: string, span: Span): Place {
  return {
    base: base.base,
    path: [...base.path, ...b.unit.types.pathTo(base.type, field)],
    type: b.unit.types.fieldType(base.type, field),
    span,
  };
}

/** The type of what a pointer leads to, as far as it is known. */
export function pointee(e: Expr): CType {
  switch (e.kind) {
    case 'load':
      return e.place.type.kind === 'pointer' ? e.place.type.to : { kind: 'unknown', name: '*' };
    case 'address':
      return e.place.type;
    case 'cast':
      return e.type.kind === 'pointer' ? e.type.to : pointee(e.operand);
    case 'binary':
      return pointee(e.left);
    default:
      return { kind: 'unknown', name: '*' };
  }
}

function compoundLiteral(b: Builder, node: SyntaxNode): Place {
  const span = b.span(node);
  const type = b.unit.types.specifier(child(node, 'type'));
  const target = variablePlace(b.temporary(type, span), span);
  initialise(b, target, child(node, 'value')!, span);
  return target;
}

/** GNU `({ …; value; })`. */
function statementExpression(b: Builder, node: SyntaxNode): Expr {
  const body = node.children.find((c) => c.type === 'compound_statement');
  const span = b.span(node);
  if (body === undefined) return { kind: 'unknown', span };
  return statementsValue(
    b,
    body.children.filter((c) => c.named && c.type !== 'comment'),
    span,
  );
}

function statementsValue(b: Builder, statements: readonly SyntaxNode[], span: Span): Expr {
  const result = b.temporary({ kind: 'unknown', name: '({' }, span);
  b.openScope();
  const last = statements[statements.length - 1];
  let hasValue = false;
  for (const s of statements) {
    if (s === last && s.type === 'expression_statement') {
      const e = s.children.find((c) => c.named && c.type !== 'comment');
      if (e !== undefined) {
        const value = expression(b, e);
        takeType(result, value);
        b.emit({ kind: 'assign', target: variablePlace(result, span), value, span });
        hasValue = true;
      }
    } else statement(b, s);
  }
  b.closeScope(span);
  return hasValue ? loadOf(variablePlace(result, span), span) : { kind: 'unknown', span };
}

export function singleExpression(e: Expansion): SyntaxNode | undefined {
  const statements = e.statements.filter(
    (s) => !(s.type === 'expression_statement' && s.children.every((c) => c.type === ';')) && s.type !== ';',
  );
  const only = statements[0];
  if (statements.length !== 1 || only?.type !== 'expression_statement') return undefined;
  return only.children.find((c) => c.named && c.type !== 'comment');
}

/** The value of a macro's expansion, its effects emitted; undefined when it cannot be expanded as an expression. */
export function expandExpression(
  b: Builder,
  name: string,
  node: SyntaxNode,
  args: readonly SyntaxNode[] | undefined,
  used: boolean,
): Expr | undefined {
  const macro = b.macrosAt(node).get(name)!;
  if (macro.body === '') return constantExpr(0, b.span(node));
  const e = expand(b, macro, node, args);
  if (e === undefined) return undefined;
  const only = singleExpression(e);
  if (only !== undefined) {
    if (only.hasError) return undefined;
    return within(b, macro, e.view, () => expression(b, only, used));
  }
  if (e.statements.length === 0 || e.hasError) return undefined;
  return within(b, macro, e.view, () => statementsValue(b, e.statements, b.span(e.statements[0]!)));
}
