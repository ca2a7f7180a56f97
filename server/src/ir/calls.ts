/** Calls: what is called, through names and macros, and the calls that mean something else than a call. */
import { nodeWith, type SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { assertion, claimOf } from './assertions.ts';
import { atomicUpdate, atomicUpdateOf } from './atomics.ts';
import { type Builder, constantExpr, loadOf, variablePlace } from './builder.ts';
import { givesArgumentBack } from './conditions.ts';
import { expandExpression, expression, unwrap } from './expressions.ts';
import { type Expr, REST } from './ir.ts';
import { safeCall, safeCallOf } from './safe-calls.ts';
import { argumentsOf, child, LONG } from './types.ts';

/** Macros of the kernel, and of those who took them over, that lead from a member to what it is a member of. */
const CONTAINERS: ReadonlySet<string> = new Set([
  'container_of',
  'list_entry',
  'list_first_entry',
  'rb_entry',
  'hlist_entry',
]);
/** Macros that make the number of a request to ioctl(2). */
const REQUEST_MAKERS: ReadonlySet<string> = new Set(['_IO', '_IOW', '_IOR', '_IOWR']);

export function call(b: Builder, node: SyntaxNode, used: boolean): Expr {
  const span = b.span(node);
  const callee = unwrap(child(node, 'function')!);
  const args = argumentsOf(node);
  const name = callee.type === 'identifier' ? calleeName(b, callee) : undefined;
  const nested = name === undefined ? undefined : b.nestedFunction(name);
  const macro = name === undefined ? undefined : b.macrosAt(node).get(name);
  // A macro with parameters knows no scopes: a variable of its name is another thing.
  const isVariable = name !== undefined && macro?.parameters === undefined && b.lookup(name) !== undefined;
  if (name !== undefined && nested === undefined && !isVariable) {
    if (args.length === 3 && CONTAINERS.has(name)) return container(b, args, span);
    if (macro?.parameters !== undefined && !b.blocked(name, node)) {
      if (args.length === 3 && macro.body.includes('offsetof')) return container(b, args, span);
      const value = expandExpression(b, name, node, args, used);
      if (value !== undefined) return value;
    }
    if (macro === undefined) {
      if (givesArgumentBack(b, name) && args.length > 0) return expression(b, args[0]!, used);
      const guessed = b.unit.functions.has(name) ? undefined : callByName(b, name, args, span);
      if (guessed !== undefined) return guessed;
      if (name === 'TEMP_FAILURE_RETRY' && args.length === 1) return retry(b, args[0]!, span);
      if (name === 'va_arg' || name === '__builtin_va_arg') {
        const rest = furtherArgument(b, span);
        if (rest !== undefined) return rest;
      }
      if (REQUEST_MAKERS.has(name)) return ioNumber(b, name, args, span);
    }
  }
  const target: Expr =
    nested === undefined && name !== undefined && b.lookupAny(name) === undefined && !isObjectMacro(b, name, callee)
      ? { kind: 'function', name, span: b.span(callee) }
      : calleeValue(b, callee);
  const values = args.map((a) => expression(b, a));
  const type = target.kind === 'function' ? b.unit.results.get(target.name) : undefined;
  const result = used ? b.temporary(type ?? { kind: 'unknown', name: 'result' }, span) : undefined;
  b.emit({ kind: 'call', callee: target, arguments: values, result, span });
  return result === undefined ? constantExpr(0, span) : loadOf(variablePlace(result, span), span);
}

/** What the name alone says, of macros whose header is not there and of the compiler's own functions. */
function callByName(b: Builder, name: string, args: readonly SyntaxNode[], span: Span): Expr | undefined {
  const claim = claimOf(name, args.length);
  if (claim !== undefined) return assertion(b, claim, args, span);
  const update = atomicUpdateOf(name, args.length);
  if (update !== undefined) return atomicUpdate(b, update, args, span);
  const safe = safeCallOf(name, args);
  return safe === undefined ? undefined : safeCall(b, safe, span);
}

/** The name that is called, through macros that only stand for another name (`#define xclose close`). */
function calleeName(b: Builder, callee: SyntaxNode): string {
  let name = b.text(callee);
  for (let i = 0; i < 8 && b.lookup(name) === undefined && !b.blocked(name, callee); i++) {
    const macro = b.macrosAt(callee).get(name);
    if (macro === undefined || macro.parameters !== undefined) break;
    const other = /^\(*\s*([A-Za-z_]\w*)\s*\)*$/.exec(macro.body)?.[1];
    if (other === undefined) break;
    name = other;
  }
  return name;
}

function isObjectMacro(b: Builder, name: string, callee: SyntaxNode): boolean {
  const macro = b.macrosAt(callee).get(name);
  return macro !== undefined && macro.parameters === undefined && macro.body !== '' && !b.blocked(name, callee);
}

function calleeValue(b: Builder, callee: SyntaxNode): Expr {
  // (*handler)(x) and handler(x) are the same call.
  if (callee.type === 'pointer_expression' && b.text(child(callee, 'operator')!) === '*')
    return expression(b, child(callee, 'argument')!);
  return expression(b, callee);
}

function container(b: Builder, args: readonly SyntaxNode[], span: Span): Expr {
  const pointerExpr = expression(b, args[0]!);
  const member = b
    .text(args[2]!)
    .split('.')
    .map((m) => m.trim());
  const type = b.unit.types.specifier(nodeWith(args[1]!, { type: 'type_identifier' }));
  return {
    kind: 'cast',
    type: { kind: 'pointer', to: type },
    operand: { kind: 'container', pointer: pointerExpr, member, as: 'container', span },
    span,
  };
}

/** glibc: repeats the expression while it is -1 with EINTR. */
function retry(b: Builder, e: SyntaxNode, span: Span): Expr {
  const target = variablePlace(b.temporary(LONG, span), span);
  const head = b.newBlock();
  const again = b.newBlock();
  const after = b.newBlock();
  b.goto(head);
  b.enter(head);
  const value = expression(b, e);
  b.emit({ kind: 'assign', target, value, span });
  b.terminate({
    kind: 'branch',
    condition: { kind: 'binary', op: '==', left: loadOf(target, span), right: constantExpr(-1, span), span },
    whenTrue: again,
    whenFalse: after,
    span,
  });
  b.enter(again);
  b.terminate({
    kind: 'branch',
    condition: { kind: 'unknown', name: 'errno', span },
    whenTrue: head,
    whenFalse: after,
    span,
  });
  b.enter(after);
  return loadOf(target, span);
}

/** asm-generic/ioctl.h: direction, size, type, number. */
function ioNumber(b: Builder, name: string, args: readonly SyntaxNode[], span: Span): Expr {
  const type = args[0] === undefined ? undefined : expression(b, args[0]);
  const number = args[1] === undefined ? undefined : expression(b, args[1]);
  const direction = name === '_IO' ? 0n : name === '_IOW' ? 1n : name === '_IOR' ? 2n : 3n;
  let size = 0n;
  if (args[2] !== undefined) {
    const text = b
      .text(args[2])
      .replace(/^struct\s+/, '')
      .trim();
    const bytes =
      b.unit.types.sizeOf(b.unit.types.specifier(nodeWith(args[2], { type: 'type_identifier' }))) ??
      b.unit.types.sizeOf({ kind: 'unknown', name: text });
    if (bytes === undefined) return { kind: 'unknown', name, span };
    size = BigInt(bytes);
  }
  if (type?.kind !== 'constant' || number?.kind !== 'constant') return { kind: 'unknown', name, span };
  return constantExpr((direction << 30n) | (size << 16n) | (type.value << 8n) | number.value, span);
}

/** Which of the further arguments va_arg() is at is not followed: it is any of them. */
function furtherArgument(b: Builder, span: Span): Expr | undefined {
  const rest = b.lookup(REST);
  if (rest?.type.kind !== 'array') return undefined;
  const whole = variablePlace(rest, span);
  return loadOf(
    {
      base: whole.base,
      path: [{ kind: 'index', index: { kind: 'unknown', span } }],
      type: rest.type.of,
      span: whole.span,
    },
    span,
  );
}
