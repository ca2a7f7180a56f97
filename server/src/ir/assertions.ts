/**
 * Assertions of test frameworks and projects whose headers are not there: what is claimed stands in the name of the
 * macro and in its arguments. Where a claim does not hold the path ends, as with assert(3); an expectation (`EXPECT_EQ`)
 * only tells of it. A block behind the call is what the kernel's harness runs before that. What the program defines itself
 * is read, not guessed.
 */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { type Builder, constantExpr } from './builder.ts';
import { branchOn } from './conditions.ts';
import { expression } from './expressions.ts';
import type { Expr } from './ir.ts';
import { argumentsOf, child } from './types.ts';

type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

export type Claim =
  /** It says nothing that is followed, and keeps nothing of what it is given. */
  | { readonly kind: 'nothing' }
  /** The test has failed. */
  | { readonly kind: 'failure' }
  /** The first argument, or its contrary. */
  | { readonly kind: 'condition'; readonly isNegated: boolean; readonly isFatal: boolean }
  /** Between the first two arguments, or the first one and zero. */
  | { readonly kind: 'comparison'; readonly op: Comparison; readonly withZero: boolean; readonly isFatal: boolean };

const NOTHING: Claim = { kind: 'nothing' };
const FAILURE: Claim = { kind: 'failure' };

type Made = (isFatal: boolean) => Claim;

const holds: Made = (isFatal) => ({ kind: 'condition', isNegated: false, isFatal });
const fails: Made = (isFatal) => ({ kind: 'condition', isNegated: true, isFatal });
const toZero =
  (op: Comparison): Made =>
  (isFatal) => ({ kind: 'comparison', op, withZero: true, isFatal });
const toOther =
  (op: Comparison): Made =>
  (isFatal) => ({ kind: 'comparison', op, withZero: false, isFatal });

/** What stands behind the word that asserts, without the words that only say of what type the arguments are. */
const CLAIMS: ReadonlyMap<string, Made> = new Map([
  ...['', 'TRUE', 'THAT', 'MESSAGE', 'MSG'].map((word) => [word, holds] as const),
  ['FALSE', fails],
  ...['NULL', 'ZERO'].map((word) => [word, toZero('==')] as const),
  ...['NOT_NULL', 'NONNULL', 'NON_NULL', 'NOT_ZERO'].map((word) => [word, toZero('!=')] as const),
  ...['RETURN_CODE', 'NO_ERRNO'].map((word) => [word, toZero('>=')] as const),
  ...['EQ', 'EQUAL', 'EQUALS'].map((word) => [word, toOther('==')] as const),
  ...['NE', 'NEQ', 'NOT_EQUAL'].map((word) => [word, toOther('!=')] as const),
  // Unity's have the bound in front of what is compared with it.
  ...['LT', 'GREATER_THAN'].map((word) => [word, toOther('<')] as const),
  ...['LE', 'LEQ', 'GREATER_OR_EQUAL'].map((word) => [word, toOther('<=')] as const),
  ...['GT', 'LESS_THAN'].map((word) => [word, toOther('>')] as const),
  ...['GE', 'GEQ', 'LESS_OR_EQUAL'].map((word) => [word, toOther('>=')] as const),
  ...['IN_RANGE', 'NOT_IN_RANGE'].map((word) => [word, () => NOTHING] as const),
]);

/** `ck_assert_int_eq`, `TEST_ASSERT_EQUAL_INT`, `g_assert_cmpint`. */
const TYPES = /(?:^|_)(?:CMP)?(?:U?INT(?:8|16|32|64|PTR)?|U?LONG|S?SIZE|PTR)(?=_|$)/g;

/** Macros are in capitals; the frameworks that write theirs otherwise have a prefix of their own. */
const IN_CAPITALS = /^(?:[A-Z0-9]+_)*(ASSERT|EXPECT)(?:_([A-Z0-9_]+))?$/;
const OF_FRAMEWORK = /^(?:ck|cr|g|munit)_(assert|expect)(?:_([a-z0-9_]+))?$/;
/** assert(3), and those of cmocka. */
const WITHOUT_PREFIX = /^(assert)(?:_([a-z_]+))?$/;
/** What a name has in it that one of these describes: nearly all have nothing of it. */
const ASSERTS = /ASSERT|EXPECT|assert|expect|TEST_FAIL|BUG_ON/;
/** Names that say no more than that the test has failed, or that something must not be so. */
const FAILS = /^TEST_FAIL(?:_MESSAGE)?$/;
const MUST_NOT = /^(?:[A-Z]+_)?BUG_ON$/;

/** What a macro of this name claims of so many arguments; undefined for any other name. */
export function claimOf(name: string, count: number): Claim | undefined {
  if (!ASSERTS.test(name)) return undefined;
  if (FAILS.test(name)) return FAILURE;
  if (MUST_NOT.test(name)) return count === 1 ? fails(true) : undefined;
  const ofFramework = IN_CAPITALS.exec(name) ?? OF_FRAMEWORK.exec(name);
  const [, verb, rest = ''] = ofFramework ?? WITHOUT_PREFIX.exec(name) ?? [];
  // assert(3) takes one argument; a text to print may follow in all others.
  if (verb === undefined || (name === 'assert' && count > 1)) return undefined;
  const kind = rest === '' ? '' : rest.toUpperCase().replace(TYPES, '').replace(/^_/, '');
  const claim = CLAIMS.get(kind)?.(verb === 'assert' || verb === 'ASSERT');
  if (claim !== undefined && count >= operandsOf(claim)) return claim;
  // Whatever it claims, it keeps nothing of what it is given.
  return ofFramework === null ? undefined : NOTHING;
}

function operandsOf(claim: Claim): number {
  if (claim.kind === 'comparison') return claim.withZero ? 1 : 2;
  return claim.kind === 'condition' ? 1 : 0;
}

/** `ASSERT_GE(fd, 0) { TH_LOG("…"); }`: the mask ended the call. */
export function assertionWithBlock(
  b: Builder,
  statement: SyntaxNode,
  next: SyntaxNode | undefined,
): { readonly claim: Claim; readonly args: readonly SyntaxNode[] } | undefined {
  const [call] = statement.children;
  if (statement.type !== 'expression_statement' || call?.type !== 'call_expression') return undefined;
  if (next?.type !== 'compound_statement' || b.originalText(statement.end - 1, statement.end) === ';') return undefined;
  const callee = child(call, 'function');
  const name = callee?.type === 'identifier' ? b.text(callee) : undefined;
  if (name === undefined || b.macrosAt(call).has(name) || b.unit.functions.has(name)) return undefined;
  const args = argumentsOf(call);
  const claim = claimOf(name, args.length);
  return claim === undefined ? undefined : { claim, args };
}

/** `whenFails` lowers what is done before the path ends. */
export function assertion(
  b: Builder,
  claim: Claim,
  args: readonly SyntaxNode[],
  span: Span,
  whenFails: () => void = () => undefined,
): Expr {
  if (claim.kind === 'nothing') {
    for (const a of args) expression(b, a);
    whenFails();
    return constantExpr(0, span);
  }
  const good = b.newBlock();
  const bad = b.newBlock();
  switch (claim.kind) {
    case 'failure':
      b.goto(bad);
      break;
    case 'condition':
      if (claim.isNegated) branchOn(b, args[0]!, bad, good);
      else branchOn(b, args[0]!, good, bad);
      break;
    case 'comparison': {
      const left = expression(b, args[0]!);
      const right = claim.withZero ? constantExpr(0, span) : expression(b, args[1]!);
      const condition: Expr = { kind: 'binary', op: claim.op, left, right, span };
      b.terminate({ kind: 'branch', condition, whenTrue: good, whenFalse: bad, span });
    }
  }
  b.enter(bad);
  whenFails();
  if (claim.kind === 'failure' || claim.isFatal) {
    b.emit({ kind: 'call', callee: { kind: 'function', name: 'abort', span }, arguments: [], result: undefined, span });
    b.terminate({ kind: 'unreachable' });
  } else b.goto(good);
  b.enter(good);
  return constantExpr(0, span);
}
