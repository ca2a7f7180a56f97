import assert from 'node:assert/strict';
import fc from 'fast-check';
import { numberPlaces, offsetOfNumber, type PlaceNumbers } from '../../src/engine/place-numbers.ts';

const offsets = fc
  .uniqueArray(fc.integer({ min: 0, max: 5000 }), { minLength: 2, maxLength: 60 })
  .map((list) => list.sort((a, b) => a - b));

/** Of the places of a function, those after an edit: some in a part of it go, others come, and the rest moves. */
const edit = fc.record({
  from: fc.double({ min: 0, max: 1, noNaN: true }),
  taken: fc.nat(6),
  added: fc.nat(12),
  moved: fc.integer({ min: 0, max: 40 }),
});

interface Edit {
  readonly from: number;
  readonly taken: number;
  readonly added: number;
  readonly moved: number;
}

function edited(list: readonly number[], { from, taken, added, moved }: Edit) {
  const first = 1 + Math.floor(from * (list.length - 2));
  const last = Math.min(first + taken, list.length - 1);
  const start = list[first - 1]!;
  const room = list[last]! + moved - start;
  const between = Array.from({ length: Math.min(added, room - 1) }, (_, i) => start + 1 + i);
  return { list: [...list.slice(0, first), ...between, ...list.slice(last).map((o) => o + moved)], first, last };
}

const isAscending = (list: readonly number[]) => list.every((n, i) => i === 0 || list[i - 1]! < n);

describe('numbers of places', () => {
  it('are in the order of the places, and lead back to them, whatever was before', () => {
    fc.assert(
      fc.property(offsets, fc.array(edit, { maxLength: 12 }), (first, edits) => {
        let known: PlaceNumbers[] = [];
        let list: readonly number[] = first;
        for (const e of [undefined, ...edits]) {
          if (e !== undefined) list = edited(list, e).list;
          const places = numberPlaces(list, known);
          assert.ok(isAscending(places.numbers));
          assert.deepEqual(
            places.numbers.map((n) => offsetOfNumber(places, n)),
            list,
          );
          known = [places, ...known];
        }
      }),
    );
  });

  it('stay what they were before an edit, and behind it', () => {
    fc.assert(
      fc.property(offsets, edit, (list, e) => {
        const before = numberPlaces(list, []);
        const { list: after, first, last } = edited(list, e);
        const kept = new Set(numberPlaces(after, [before]).numbers);
        // Which of them, where a place comes to be where another one was, is not said.
        const left = before.numbers.filter((n) => kept.has(n)).length;
        assert.ok(left >= first + list.length - last, `${left} of ${list.length}`);
      }),
      { numRuns: 1000 },
    );
  });

  it('are those that the same places had', () => {
    fc.assert(
      fc.property(offsets, edit, (list, e) => {
        const first = numberPlaces(list, []);
        const second = numberPlaces(edited(list, e).list, [first]);
        assert.deepEqual(numberPlaces(list, [second, first]).numbers, first.numbers);
      }),
    );
  });

  it('give none to what is no place', () => {
    const places = numberPlaces([0, 7], []);
    assert.equal(offsetOfNumber(places, places.numbers[1]! - 1), undefined);
  });
});
