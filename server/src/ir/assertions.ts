/**
 * Assertions of test frameworks and projects whose headers are not there: what is claimed stands in the name of the
 * macro and in its arguments. Where a claim does not hold the path ends, as with assert(3); an expectation (`EXPECT_EQ`)
 * only tells of it. What the program defines itself is read, not guessed.
 */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { type Builder, constantExpr } from './builder.ts';
import { branchOn } from './conditions.ts';
import { expression } from './expressions.ts';
import type { Expr } from './ir.ts';

type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

export interface Claim {
  /** The path ends where the claim does not hold. */
  readonly isFatal: boolean;
  /** Between the first two arguments, or between the first one and zero; undefined where the first one is a condition. */
  readonly comparison: Comparison | undefined;
  readonly operands: 0 | 1 | 2;
  /** The condition is claimed not to hold. */
  readonly isNegated: boolean;
}

/** What stands behind the word that asserts, without the words that only say of what type the arguments are. */
const CLAIMS: ReadonlyMap<string, Omit<Claim, 'isFatal'>> = new Map([
  ...['', 'TRUE', 'THAT', 'MESSAGE', 'MSG'].map((word) => [word, condition(false)] as const),
  ['FALSE', condition(true)],
  ...['NULL', 'ZERO'].map((word) => [word, comparing('==', 1)] as const),
  ...['NOT_NULL', 'NONNULL', 'NON_NULL', 'NOT_ZERO'].map((word) => [word, comparing('!=', 1)] as const),
  ...['EQ', 'EQUAL', 'EQUALS'].map((word) => [word, comparing('==', 2)] as const),
  ...['NE', 'NEQ', 'NOT_EQUAL'].map((word) => [word, comparing('!=', 2)] as const),
  ['LT', comparing('<', 2)],
  ['LE', comparing('<=', 2)],
  ['GT', comparing('>', 2)],
  ['GE', comparing('>=', 2)],
]);

/** `ck_assert_int_eq`, `TEST_ASSERT_EQUAL_INT`. */
const TYPES = /(?:^|_)(?:INT|UINT|LONG|ULONG|SIZE|PTR)(?=_|$)/g;

/** Macros are in capitals; the frameworks that write theirs otherwise have a prefix of their own. */
const IN_CAPITALS = /^(?:[A-Z0-9]+_)*(ASSERT|EXPECT)(?:_([A-Z_]+))?$/;
const OF_FRAMEWORK = /^(?:(?:ck|cr|g)_)?(assert)(?:_([a-z_]+))?$/;
/** Names that say no more than that the test has failed, or that something must not be so. */
const FAILS = /^TEST_FAIL(?:_MESSAGE)?$/;
const MUST_NOT = /^(?:[A-Z]+_)?BUG_ON$/;

const FAILURE: Claim = { isFatal: true, comparison: undefined, operands: 0, isNegated: false };

function condition(isNegated: boolean): Omit<Claim, 'isFatal'> {
  return { comparison: undefined, operands: 1, isNegated };
}

function comparing(comparison: Comparison, operands: 1 | 2): Omit<Claim, 'isFatal'> {
  return { comparison, operands, isNegated: false };
}

/** What a macro of this name claims of so many arguments; undefined for any other name. */
export function claimOf(name: string, count: number): Claim | undefined {
  if (FAILS.test(name)) return FAILURE;
  if (MUST_NOT.test(name)) return count === 1 ? { isFatal: true, ...condition(true) } : undefined;
  const [, verb, rest = ''] = IN_CAPITALS.exec(name) ?? OF_FRAMEWORK.exec(name) ?? [];
  if (verb === undefined) return undefined;
  const claim = CLAIMS.get(rest.toUpperCase().replace(TYPES, '').replace(/^_/, ''));
  // assert(3) takes one argument; a text to print may follow in all others.
  if (claim === undefined || count < claim.operands || (name === 'assert' && count > 1)) return undefined;
  return { isFatal: verb !== 'EXPECT', ...claim };
}

export function assertion(b: Builder, claim: Claim, args: readonly SyntaxNode[], span: Span): Expr {
  const holds = b.newBlock();
  const fails = b.newBlock();
  const first = args[0];
  if (claim.operands === 0 || first === undefined) b.goto(fails);
  else if (claim.comparison === undefined) branchOn(b, first, ...inOrder(claim, holds, fails));
  else {
    const left = expression(b, first);
    const right = claim.operands === 2 ? expression(b, args[1]!) : constantExpr(0, span);
    const compared: Expr = { kind: 'binary', op: claim.comparison, left, right, span };
    b.terminate({ kind: 'branch', condition: compared, whenTrue: holds, whenFalse: fails, span });
  }
  b.enter(fails);
  if (claim.isFatal) {
    b.emit({ kind: 'call', callee: { kind: 'function', name: 'abort', span }, arguments: [], result: undefined, span });
    b.terminate({ kind: 'unreachable' });
  } else b.goto(holds);
  b.enter(holds);
  return constantExpr(0, span);
}

function inOrder({ isNegated }: Claim, holds: number, fails: number): [number, number] {
  return isNegated ? [fails, holds] : [holds, fails];
}
