import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Entry } from '../../src/engine/buckets.ts';
import { FORK_FIELD } from '../../src/engine/cells.ts';
import { Memory } from '../../src/engine/memory.ts';
import { constant, descriptor, type Value } from '../../src/engine/value.ts';

/** Variables of two functions, which lie together by function, and others. */
const BASES = ['var:f.c#f:a', 'var:f.c#f:b:0', 'heap:f.c:12@3'];
const bases = fc.constantFrom(...BASES);
/** Between two copies something has to happen. */
const mostlyNot = fc.nat(5).map((n) => n === 0);
const paths = fc.constantFrom('', '.fd', '[1].fd', FORK_FIELD);
const values: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom('u', 'v').map(descriptor),
  fc.integer({ min: 0, max: 3 }).map(constant),
);

type Model = ReadonlyMap<string, ReadonlyMap<string, Value>>;

interface Both {
  readonly memory: Memory;
  readonly model: Model;
}

/** What was taken out, and what it was. */
interface Taken {
  readonly entries: readonly Entry[];
  readonly model: Model;
}

type Step = (both: Both, taken: Taken) => { readonly model: Model; readonly taken?: Taken };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(bases, paths, values).map(
    ([base, path, value]): Step =>
      ({ memory, model }) => {
        memory.store({ base, path }, value);
        return { model: new Map(model).set(base, new Map(model.get(base)).set(path, value)) };
      },
  ),
  bases.map(
    (base): Step =>
      ({ memory, model }) => {
        memory.deleteBase(base);
        return { model: without(model, [base]) };
      },
  ),
  fc.uniqueArray(bases).map(
    (list): Step =>
      ({ memory, model }) => {
        const entries = memory.removeEach(list, ({ values: cells }) => cells.size < 2);
        const gone = list.filter((base) => (model.get(base)?.size ?? 2) < 2);
        return { model: without(model, gone), taken: { entries, model: only(model, gone) } };
      },
  ),
  fc.uniqueArray(bases).map(
    (kept): Step =>
      ({ memory, model }) => {
        const entries = memory.removeOthers(new Set(kept), ({ values: cells }) => cells.size < 2);
        const gone = [...model.keys()].filter((base) => !kept.includes(base) && model.get(base)!.size < 2);
        return { model: without(model, gone), taken: { entries, model: only(model, gone) } };
      },
  ),
  fc.constant<Step>(({ memory, model }, taken) => {
    memory.putEach(taken.entries);
    return { model: new Map([...model, ...taken.model]) };
  }),
  fc.constant<Step>(({ memory, model }) => {
    memory.descriptorsOutsideMessages();
    return { model };
  }),
);

describe('memory', () => {
  it('holds what a map of maps holds, through copies that go their own ways', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(steps, mostlyNot), { minLength: 10, maxLength: 40 }), (list) => {
        const copies: Both[] = [];
        let both: Both = { memory: new Memory(), model: new Map() };
        let taken: Taken = { entries: [], model: new Map() };
        for (const [step, isCopied] of list) {
          const { model, taken: now } = step(both, taken);
          taken = now ?? taken;
          both = { memory: both.memory, model };
          if (!isCopied) continue;
          copies.push(both);
          both = { memory: both.memory.clone(), model };
        }
        for (const { memory, model } of [...copies, both]) {
          assert.deepEqual(contentOf(memory), contentIn(model));
          assert.deepEqual(new Map(memory.descriptorsOutsideMessages()), heldIn(model));
        }
      }),
      { numRuns: 3000 },
    );
  });
});

function without(model: Model, list: readonly string[]): Model {
  return new Map([...model].filter(([base]) => !list.includes(base)));
}

function only(model: Model, list: readonly string[]): Model {
  return new Map([...model].filter(([base]) => list.includes(base)));
}

function contentOf(memory: Memory): unknown {
  return sorted(memory.baseNames().map((base) => [base, sorted([...memory.cellsOf(base).values])]));
}

function contentIn(model: Model): unknown {
  return sorted([...model].map(([base, cells]) => [base, sorted([...cells])]));
}

function sorted<T>(entries: readonly (readonly [string, T])[]): unknown {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** By the definition: descriptors that cells other than messages name, and whether more than a local does. */
function heldIn(model: Model): Map<string, 'variable' | 'kept'> {
  const held = new Map<string, 'variable' | 'kept'>();
  for (const [base, cells] of model)
    for (const [path, { references }] of cells)
      for (const r of references) {
        if (r.kind !== 'descriptor' || path === FORK_FIELD) continue;
        const isLocal = base.startsWith('var:') && base.slice('var:'.length).includes(':') && !path.includes('[');
        if (!isLocal) held.set(r.object, 'kept');
        else if (!held.has(r.object)) held.set(r.object, 'variable');
      }
  return held;
}
