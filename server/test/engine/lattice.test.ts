import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AbstractNumber,
  constant,
  covers,
  descriptor,
  interval,
  join,
  joinNumber,
  knownBits,
  numberSet,
  numeric,
  pointerTo,
  sameNumber,
  UNKNOWN,
  type Value,
  widenNumber,
} from '../../src/engine/value.ts';

const numbers: fc.Arbitrary<AbstractNumber> = fc.oneof(
  fc
    .uniqueArray(fc.integer({ min: -40, max: 300 }), { minLength: 1, maxLength: 8 })
    .map((v) => numberSet(v.sort((a, b) => a - b))),
  fc.tuple(fc.integer({ min: -50, max: 50 }), fc.nat(100)).map(([low, size]) => interval(low, low + size)),
  fc
    .tuple(fc.bigInt(0n, 255n), fc.bigInt(0n, 255n), fc.boolean())
    .map(([must, may, unknown]) => knownBits(must, must | may, unknown)),
);
const values: fc.Arbitrary<Value> = fc.oneof(
  numbers.map((n) => numeric(n)),
  fc.constantFrom('a', 'b', 'c').map((base) => pointerTo(base, '')),
  fc.constantFrom('u', 'v').map(descriptor),
  fc.constant(UNKNOWN),
  fc.integer().map(constant),
);

describe('lattice of values', () => {
  it('join is idempotent and says so by identity', () => {
    fc.assert(fc.property(values, (a) => assert.equal(join(a, a), a)));
  });
  it('join is an upper bound of both sides', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const j = join(a, b);
        assert.ok(covers(j, a));
        assert.ok(covers(j, b));
      }),
    );
  });
  it('join of numbers is commutative', () => {
    fc.assert(fc.property(numbers, numbers, (a, b) => assert.ok(sameNumber(joinNumber(a, b), joinNumber(b, a)))));
  });
  it('widening covers the join and every ascending chain ends', () => {
    fc.assert(
      fc.property(numbers, fc.array(numbers, { minLength: 30, maxLength: 30 }), (start, chain) => {
        let current = start;
        let changes = 0;
        for (const next of chain) {
          const widened = widenNumber(current, next);
          assert.ok(sameNumber(joinNumber(widened, next), widened));
          if (widened !== current) changes++;
          current = widened;
        }
        // Two bounds and the bits that can appear or vanish one by one.
        assert.ok(changes <= 2 + 2 * 10);
      }),
    );
  });
});
