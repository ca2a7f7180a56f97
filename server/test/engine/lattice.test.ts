import assert from 'node:assert/strict';
import fc from 'fast-check';
import { coversMemory, Memory } from '../../src/engine/memory.ts';
import {
  type AbstractNumber,
  constant,
  contains,
  covers,
  descriptor,
  interval,
  join,
  joinNumber,
  knownBits,
  numberSet,
  numeric,
  pointerTo,
  referenceKey,
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

describe('lattice of memories', () => {
  // Cells that have a name of their own: what was never stored in an array is not taken for an element's value.
  const places = fc.record({
    base: fc.constantFrom('x', 'y', 'heap:z'),
    path: fc.constantFrom('', '.fd', '[0].fd', '[1].fd', '[0]'),
  });
  const memories = fc
    .record({
      zeroed: fc.subarray(['x', 'y', 'heap:z']),
      stores: fc.array(fc.tuple(places, values), { maxLength: 8 }),
    })
    .map(({ zeroed, stores }) => {
      const memory = new Memory();
      for (const base of zeroed) memory.fill({ base, path: '' }, constant(0));
      for (const [place, value] of stores) memory.store(place, value);
      return memory;
    });
  const show = (m: Memory, base: string) => {
    const brief = (v: Value) =>
      `${v.number?.set ?? (v.number === undefined ? '' : '?')}${v.any ? '*' : ''}${v.references.map((r) => r.kind[0])}`;
    const { values: cells, defaults } = m.cellsOf(base);
    return `{${[...cells].map(([k, v]) => `${k}=${brief(v)}`)} | ${[...defaults].map(([k, v]) => `${k}=${brief(v)}`)}}`;
  };
  /** What `b` may be, `a` may be; evidence for bits is no part of that, and what is not known is anything. */
  const allows = (a: Value | undefined, b: Value): boolean => {
    if (a === undefined || a.any) return true;
    const keys = new Set(a.references.map(referenceKey));
    if (b.any || !b.references.every((r) => keys.has(referenceKey(r)))) return false;
    const [n, m] = [a.number, b.number];
    if (m === undefined) return true;
    if (n === undefined) return false;
    return m.set === undefined
      ? n.set === undefined && n.low <= m.low && m.high <= n.high
      : m.set.every((v) => contains(n, v));
  };

  it('join is idempotent and says so by identity', () => {
    fc.assert(
      fc.property(memories, (a) => {
        assert.equal(a.join(a.clone()), a);
      }),
    );
  });

  it('join is an upper bound of both sides for what both know', () => {
    fc.assert(
      fc.property(memories, memories, places, (a, b, place) => {
        const [left, right] = [a.load(place), b.load(place)];
        if (left === undefined || right === undefined) return;
        const joined = a.join(b).load(place);
        for (const own of [left, right])
          assert.ok(
            allows(joined, own),
            `${place.base}${place.path}: ${show(a, place.base)} with ${show(b, place.base)}`,
          );
      }),
      { numRuns: 2000 },
    );
  });

  it('is covered where a join would change nothing', () => {
    fc.assert(
      fc.property(memories, memories, (a, b) => {
        assert.equal(coversMemory(a, b), a.join(b) === a);
      }),
      { numRuns: 2000 },
    );
  });

  it('a clone is not changed through the other', () => {
    fc.assert(
      fc.property(memories, places, values, (a, place, value) => {
        const copy = a.clone();
        const before = copy.load(place);
        a.store(place, value);
        assert.deepEqual(copy.load(place), before);
      }),
    );
  });
});
