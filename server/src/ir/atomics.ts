/**
 * Atomic arithmetic, as C11 and GCC have it: what is computed is what plain loads and stores would compute. That other
 * threads may do the same meanwhile is so for plain numbers too.
 */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { type Builder, loadOf, placeAs, pointedPlace, variablePlace } from './builder.ts';
import { expression, pointee } from './expressions.ts';
import type { BinaryOperator, Expr, Place } from './ir.ts';
import { LONG } from './types.ts';

const OPERATORS: Readonly<Record<string, BinaryOperator>> = { add: '+', sub: '-', or: '|', and: '&', xor: '^' };
/** What was there comes back. */
const FETCH_FIRST =
  /^(?:(?:__)?atomic_fetch_(add|sub|or|and|xor)(?:_explicit)?|__sync_fetch_and_(add|sub|or|and|xor))$/;
/** What is there now comes back. */
const FETCH_LAST = /^(?:__atomic_(add|sub|or|and|xor)_fetch|__sync_(add|sub|or|and|xor)_and_fetch)$/;

export interface AtomicUpdate {
  readonly operator: BinaryOperator;
  readonly isFetchedFirst: boolean;
}

/** Undefined where the name is that of no such function, or has not its arguments. */
export function atomicUpdateOf(name: string, count: number): AtomicUpdate | undefined {
  if (count < 2 || !name.includes('fetch')) return undefined;
  const first = FETCH_FIRST.exec(name);
  const match = first ?? FETCH_LAST.exec(name);
  const operator = OPERATORS[match?.[1] ?? match?.[2] ?? ''];
  return operator === undefined ? undefined : { operator, isFetchedFirst: first !== null };
}

export function atomicUpdate(b: Builder, update: AtomicUpdate, args: readonly SyntaxNode[], span: Span): Expr {
  const pointer = expression(b, args[0]!);
  const by = expression(b, args[1]!);
  const target = behind(pointer, span);
  const before = variablePlace(b.temporary(target.type, span), span);
  b.emit({ kind: 'assign', target: before, value: loadOf(target, span), span });
  const value: Expr = { kind: 'binary', op: update.operator, left: loadOf(before, span), right: by, span };
  b.emit({ kind: 'assign', target, value, span });
  return loadOf(update.isFetchedFirst ? before : target, span);
}

function behind(pointer: Expr, span: Span): Place {
  const place: Place = pointer.kind === 'address' ? pointer.place : pointedPlace(pointer, pointee(pointer), span);
  // The header that says what atomic_int is was not read.
  return place.type.kind === 'unknown' ? placeAs(place, LONG) : place;
}
