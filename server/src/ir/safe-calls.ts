/**
 * `SAFE_IOCTL(fd, UFFDIO_API, &api)` of a header that is not there: the library function of that name, behind which the
 * program ends where it fails. The Linux Test Project has such macros, and other test suites after it.
 */
import { type LibraryKind, libraryFunction } from '../libc/effects.ts';
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { type Builder, constantExpr, loadOf, variablePlace } from './builder.ts';
import { expression } from './expressions.ts';
import type { Expr } from './ir.ts';
import { LONG } from './types.ts';

const PREFIXES = ['SAFE_', 'MUST_'];
const IN_CAPITALS = /^[A-Z0-9_]+$/;
/** SAFE_READ and SAFE_WRITE say in front of it all whether less than all bytes will do. */
const ARGUMENTS: ReadonlyMap<string, number> = new Map([
  ['read', 3],
  ['write', 3],
]);
const MEMORY: ReadonlySet<LibraryKind> = new Set(['malloc', 'realloc']);

export interface SafeCall {
  readonly name: string;
  readonly arguments: readonly SyntaxNode[];
  /** How the function says that it failed. */
  readonly failure: { readonly op: '==' | '!='; readonly value: number };
}

/** What a macro of this name calls; undefined for any other name. */
export function safeCallOf(name: string, args: readonly SyntaxNode[]): SafeCall | undefined {
  const prefix = PREFIXES.find((p) => name.startsWith(p));
  if (prefix === undefined || !IN_CAPITALS.test(name)) return undefined;
  const called = name.slice(prefix.length).toLowerCase();
  const row = libraryFunction(called);
  if (row === undefined || row.noreturn) return undefined;
  const count = ARGUMENTS.get(called) ?? args.length;
  return {
    name: called,
    arguments: args.slice(Math.max(0, args.length - count)),
    failure: failureOf(called, row.kind),
  };
}

function failureOf(name: string, kind: LibraryKind): SafeCall['failure'] {
  if (name.startsWith('pthread_')) return { op: '!=', value: 0 };
  return { op: '==', value: MEMORY.has(kind) ? 0 : -1 };
}

export function safeCall(b: Builder, { name, arguments: args, failure }: SafeCall, span: Span): Expr {
  const values = args.map((a) => expression(b, a));
  const result = b.temporary(LONG, span);
  const value = loadOf(variablePlace(result, span), span);
  const call = (callee: string, given: readonly Expr[], to: typeof result | undefined) =>
    b.emit({
      kind: 'call',
      callee: { kind: 'function', name: callee, span },
      arguments: given,
      result: to,
      span,
    });
  call(name, values, result);
  const works = b.newBlock();
  const fails = b.newBlock();
  b.terminate({
    kind: 'branch',
    condition: { kind: 'binary', op: failure.op, left: value, right: constantExpr(failure.value, span), span },
    whenTrue: fails,
    whenFalse: works,
    span,
  });
  b.enter(fails);
  call('abort', [], undefined);
  b.terminate({ kind: 'unreachable' });
  b.enter(works);
  return value;
}
