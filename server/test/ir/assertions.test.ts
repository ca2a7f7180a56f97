import assert from 'node:assert/strict';
import { type Claim, claimOf } from '../../src/ir/assertions.ts';

const say = (claim: Claim | undefined): string =>
  claim === undefined
    ? 'nothing'
    : [
        claim.isFatal ? 'ends' : 'goes on',
        claim.operands === 2
          ? `a ${claim.comparison} b`
          : claim.comparison === undefined
            ? 'a'
            : `a ${claim.comparison} 0`,
        ...(claim.isNegated ? ['not'] : []),
        ...(claim.operands === 0 ? ['always'] : []),
      ].join(' ');

/** Name, number of arguments, and what is claimed. */
const NAMES: readonly (readonly [string, number, string])[] = [
  ['assert', 1, 'ends a'],
  ['assert', 2, 'nothing'],
  ['ASSERT', 1, 'ends a'],
  ['TEST_ASSERT', 3, 'ends a'],
  ['TEST_ASSERT_EQUAL_INT', 2, 'ends a == b'],
  ['ASSERT_EQ', 2, 'ends a == b'],
  ['ASSERT_EQ', 1, 'nothing'],
  ['ASSERT_NE', 2, 'ends a != b'],
  ['ASSERT_GE', 2, 'ends a >= b'],
  ['ASSERT_TRUE', 1, 'ends a'],
  ['ASSERT_FALSE', 1, 'ends a not'],
  ['ASSERT_NOT_NULL', 1, 'ends a != 0'],
  ['ASSERT_STREQ', 2, 'nothing'],
  ['ASSERT_LOCKED', 1, 'nothing'],
  ['EXPECT_LT', 2, 'goes on a < b'],
  ['EXPECTED', 1, 'nothing'],
  ['g_assert', 1, 'ends a'],
  ['g_assert_false', 1, 'ends a not'],
  ['g_assert_nonnull', 1, 'ends a != 0'],
  ['ck_assert_int_eq', 2, 'ends a == b'],
  ['assert_int_equal', 2, 'ends a == b'],
  ['assert_locked', 1, 'nothing'],
  ['my_assert', 1, 'nothing'],
  ['BUG_ON', 1, 'ends a not'],
  ['TEST_FAIL', 2, 'ends a always'],
  ['CHECK', 1, 'nothing'],
];

describe('assertions of headers that are not there', () => {
  for (const [name, count, expected] of NAMES)
    it(`${name} with ${count}: ${expected}`, () => assert.equal(say(claimOf(name, count)), expected));
});
