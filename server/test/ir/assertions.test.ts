import assert from 'node:assert/strict';
import { type Claim, claimOf } from '../../src/ir/assertions.ts';

const say = (claim: Claim | undefined): string =>
  claim === undefined
    ? 'nothing'
    : [
        claim.isFatal ? 'ends' : 'goes on',
        ...(claim.operands === 0 ? [] : [said(claim)]),
        ...(claim.isNegated ? ['not'] : []),
      ].join(' ');

const said = ({ operands, comparison }: Claim): string =>
  operands === 2 ? `a ${comparison} b` : comparison === undefined ? 'a' : `a ${comparison} 0`;

/** Name, number of arguments, and what is claimed. */
const NAMES: readonly (readonly [string, number, string])[] = [
  ['assert', 1, 'ends a'],
  ['assert', 2, 'nothing'],
  ['ASSERT', 1, 'ends a'],
  ['TEST_ASSERT', 3, 'ends a'],
  ['TEST_ASSERT_EQUAL_INT', 2, 'ends a == b'],
  ['ASSERT_EQ', 2, 'ends a == b'],
  ['ASSERT_EQ', 1, 'goes on'],
  ['ASSERT_NE', 2, 'ends a != b'],
  ['ASSERT_GE', 2, 'ends a >= b'],
  ['ASSERT_TRUE', 1, 'ends a'],
  ['ASSERT_FALSE', 1, 'ends a not'],
  ['ASSERT_NOT_NULL', 1, 'ends a != 0'],
  ['ASSERT_STREQ', 2, 'goes on'],
  ['ASSERT_LOCKED', 1, 'goes on'],
  ['EXPECT_LT', 2, 'goes on a < b'],
  ['EXPECTED', 1, 'nothing'],
  ['TEST_ASSERT_GREATER_OR_EQUAL', 2, 'ends a <= b'],
  ['TEST_ASSERT_LESS_THAN_INT', 2, 'ends a > b'],
  ['cr_assert_geq', 3, 'ends a >= b'],
  ['cr_expect_eq', 2, 'goes on a == b'],
  ['g_assert_cmpint', 1, 'ends a'],
  ['g_assert_no_errno', 1, 'ends a >= 0'],
  ['assert_return_code', 2, 'ends a >= 0'],
  ['assert_in_range', 3, 'ends'],
  ['g_assert', 1, 'ends a'],
  ['g_assert_false', 1, 'ends a not'],
  ['g_assert_nonnull', 1, 'ends a != 0'],
  ['ck_assert_int_eq', 2, 'ends a == b'],
  ['assert_int_equal', 2, 'ends a == b'],
  ['assert_locked', 1, 'nothing'],
  ['my_assert', 1, 'nothing'],
  ['BUG_ON', 1, 'ends a not'],
  ['TEST_FAIL', 2, 'ends'],
  ['CHECK', 1, 'nothing'],
];

describe('assertions of headers that are not there', () => {
  for (const [name, count, expected] of NAMES)
    it(`${name} with ${count}: ${expected}`, () => assert.equal(say(claimOf(name, count)), expected));
});
