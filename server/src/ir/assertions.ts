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

export interface Claim {
  /** The path ends where the claim does not hold. */
  readonly isFatal: boolean;
  /** Between the first two arguments, or between the first one and zero; undefined where the first one is a condition. */
  readonly comparison: Comparison | undefined;
  readonly operands: 0 | 1 | 2;
  /** The condition is claimed not to hold. */
  readonly isNegated: boolean;
}

const NOTHING = { comparison: undefined, operands: 0, isNegated: false } as const;

/** What stands behind the word that asserts, without the words that only say of what type the arguments are. */
const CLAIMS: ReadonlyMap<string, Omit<Claim, 'isFatal'>> = new Map([
  ...['', 'TRUE', 'THAT', 'MESSAGE', 'MSG'].map((word) => [word, condition(false)] as const),
  ['FALSE', condition(true)],
  ...['NULL', 'ZERO'].map((word) => [word, comparing('==', 1)] as const),
  ...['NOT_NULL', 'NONNULL', 'NON_NULL', 'NOT_ZERO'].map((word) => [word, comparing('!=', 1)] as const),
  ...['RETURN_CODE', 'NO_ERRNO'].map((word) => [word, comparing('>=', 1)] as const),
  ...['EQ', 'EQUAL', 'EQUALS'].map((word) => [word, comparing('==', 2)] as const),
  ...['NE', 'NEQ', 'NOT_EQUAL'].map((word) => [word, comparing('!=', 2)] as const),
  // Unity's have the bound in front of what is compared with it.
  ...['LT', 'GREATER_THAN'].map((word) => [word, comparing('<', 2)] as const),
  ...['LE', 'LEQ', 'GREATER_OR_EQUAL'].map((word) => [word, comparing('<=', 2)] as const),
  ...['GT', 'LESS_THAN'].map((word) => [word, comparing('>', 2)] as const),
  ...['GE', 'GEQ', 'LESS_OR_EQUAL'].map((word) => [word, comparing('>=', 2)] as const),
  ...['IN_RANGE', 'NOT_IN_RANGE'].map((word) => [word, NOTHING] as const),
]);

/** `ck_assert_int_eq`, `TEST_ASSERT_EQUAL_INT`, `g_assert_cmpint`. */
const TYPES = /(?:^|_)(?:CMP)?(?:U?INT(?:8|16|32|64|PTR)?|U?LONG|S?SIZE|PTR)(?=_|$)/g;

/** Macros are in capitals; the frameworks that write theirs otherwise have a prefix of their own. */
const IN_CAPITALS = /^(?:[A-Z0-9]+_)*(ASSERT|EXPECT)(?:_([A-Z0-9_]+))?$/;
const OF_FRAMEWORK = /^(?:ck|cr|g|munit)_(assert|expect)(?:_([a-z0-9_]+))?$/;
/** assert(3), and those of cmocka. */
const WITHOUT_PREFIX = /^(assert)(?:_([a-z_]+))?$/;
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
  const ofFramework = IN_CAPITALS.exec(name) ?? OF_FRAMEWORK.exec(name);
  const [, verb, rest = ''] = ofFramework ?? WITHOUT_PREFIX.exec(name) ?? [];
  // assert(3) takes one argument; a text to print may follow in all others.
  if (verb === undefined || (name === 'assert' && count > 1)) return undefined;
  const claim = CLAIMS.get(rest.toUpperCase().replace(TYPES, '').replace(/^_/, ''));
  if (claim !== undefined && count >= claim.operands) return { isFatal: /^assert$/i.test(verb), ...claim };
  // Whatever it claims, it keeps nothing of what it is given.
  return ofFramework === null ? undefined : { isFatal: false, ...NOTHING };
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
  if (claim.operands === 0 && !claim.isFatal) {
    for (const a of args) expression(b, a);
    return constantExpr(0, span);
  }
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
  whenFails();
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
