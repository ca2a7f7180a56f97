import assert from 'node:assert/strict';
import { type Claim, claimOf } from '../../src/ir/assertions.ts';

function say(claim: Claim | undefined): string {
  switch (claim?.kind) {
    case undefined:
      return 'unknown';
    case 'condition':
      return `${claim.isFatal ? 'ends' : 'goes on'} ${claim.isNegated ? 'not ' : ''}a`;
    case 'comparison':
      return `${claim.isFatal ? 'ends' : 'goes on'} a ${claim.op} ${claim.withZero ? '0' : 'b'}`;
    default:
      return claim!.kind;
  }
}

/** Name, number of arguments, and what is claimed. */
const NAMES: readonly (readonly [string, number, string])[] = [
  ['assert', 1, 'ends a'],
  ['assert', 2, 'unknown'],
  ['ASSERT', 1, 'ends a'],
  ['TEST_ASSERT', 3, 'ends a'],
  ['TEST_ASSERT_EQUAL_INT', 2, 'ends a == b'],
  ['ASSERT_EQ', 2, 'ends a == b'],
  ['ASSERT_EQ', 1, 'nothing'],
  ['ASSERT_NE', 2, 'ends a != b'],
  ['ASSERT_GE', 2, 'ends a >= b'],
  ['ASSERT_TRUE', 1, 'ends a'],
  ['ASSERT_FALSE', 1, 'ends not a'],
  ['ASSERT_NOT_NULL', 1, 'ends a != 0'],
  ['ASSERT_STREQ', 2, 'nothing'],
  ['ASSERT_LOCKED', 1, 'nothing'],
  ['EXPECT_LT', 2, 'goes on a < b'],
  ['EXPECTED', 1, 'unknown'],
  ['TEST_ASSERT_GREATER_OR_EQUAL', 2, 'ends a <= b'],
  ['TEST_ASSERT_LESS_THAN_INT', 2, 'ends a > b'],
  ['cr_assert_geq', 3, 'ends a >= b'],
  ['cr_expect_eq', 2, 'goes on a == b'],
  ['g_assert_cmpint', 1, 'ends a'],
  ['g_assert_no_errno', 1, 'ends a >= 0'],
  ['assert_return_code', 2, 'ends a >= 0'],
  ['assert_in_range', 3, 'nothing'],
  ['g_assert', 1, 'ends a'],
  ['g_assert_false', 1, 'ends not a'],
  ['g_assert_nonnull', 1, 'ends a != 0'],
  ['ck_assert_int_eq', 2, 'ends a == b'],
  ['assert_int_equal', 2, 'ends a == b'],
  ['assert_locked', 1, 'unknown'],
  ['my_assert', 1, 'unknown'],
  ['BUG_ON', 1, 'ends not a'],
  ['TEST_FAIL', 2, 'failure'],
  ['CHECK', 1, 'unknown'],
];

describe('assertions of headers that are not there', () => {
  for (const [name, count, expected] of NAMES)
    it(`${name} with ${count}: ${expected}`, () => assert.equal(say(claimOf(name, count)), expected));
});
