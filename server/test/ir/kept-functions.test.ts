import assert from 'node:assert/strict';
import { join } from 'node:path';
import { KeptFunctions } from '../../src/ir/kept-functions.ts';
import { lowerFile } from '../../src/ir/lower.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { CParser } from '../../src/syntax/tree.ts';
import { applied, inverse, randomEdit, type Texts } from '../support/edits.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

const EDITS = 600;
/** Edits of one file before the next one. */
const SESSION = 12;

const HEADER = `struct monitor { int uffd; struct { int of; } child; };
static inline int take(struct monitor *m) { static int calls; return m->uffd + calls++; }
`;
const FILE = `#include "monitor.h"
#define CHECK(e) do { if (e) return 1; } while (0)
typedef struct { int a; } pair;
static struct monitor it;
static int one(void) { CHECK(take(&it)); return 1; }
static int two(void) { struct own { int x; } o = { 2 }; return o.x + it.uffd; }
static int three(pair *p) { static int last; struct own q; return last = p->a + q.x; }
int main(void) { pair p; return one() + two() + three(&p); }
`;

describe('functions that were lowered before', () => {
  let parser: CParser;
  before(async () => {
    parser = await createParser();
  });

  const lowered = (texts: Texts, path: string, kept?: KeptFunctions) =>
    lowerFile(
      parseFile(parser, path, texts.get(path)!, { readHeader: (name) => texts.get(name) }),
      parser,
      undefined,
      kept,
    );
  const small: Texts = new Map([
    ['monitor.h', HEADER],
    ['file.c', FILE],
  ]);

  it('are the same objects where the edit is behind them, and copies where it is before them', () => {
    const kept = new KeptFunctions();
    const first = lowered(small, 'file.c', kept);
    const same = (from: string, to: string) => {
      const { functions } = lowered(new Map([...small, ['file.c', FILE.replace(from, to)]]), 'file.c', kept);
      return first.functions.filter((f) => functions.includes(f)).map((f) => f.name);
    };
    // Half a statement is the business of its function.
    assert.deepEqual(same('three(&p);', 'three(&p)'), ['take', 'one', 'three']);
    // What declares something, and what the edit is in, is lowered each time.
    assert.deepEqual(same('one() + two()', 'two()'), ['take', 'one', 'three']);
    assert.deepEqual(same('return o.x', 'return 0'), ['take', 'one']);
    assert.deepEqual(same('static struct', '/* it */ static struct'), ['take']);
    assert.deepEqual(same('int a;', 'long a;'), ['take']);
  });

  it(`are after ${EDITS} edits what they are when they are lowered for the first time`, async () => {
    const random = generator();
    const files = cFiles(join(FIXTURES, 'rules')).map((path): Texts => new Map([[path, readText(path)!]]));
    for (let done = 0; done < EDITS; done += SESSION) {
      let texts = random.below(3) === 0 ? small : files[random.below(files.length)]!;
      const path = [...texts.keys()].find((p) => p.endsWith('.c'))!;
      const kept = new KeptFunctions();
      const undo: ReturnType<typeof inverse>[] = [];
      lowered(texts, path, kept);
      for (let i = 0; i < SESSION; i++) {
        const last = random.below(3) === 0 ? undo.pop() : undefined;
        const edit = last ?? randomEdit(texts, random);
        if (last === undefined) undo.push(inverse(texts, edit));
        texts = applied(texts, edit);
        const say = `seed ${random.seed}, ${path}: ${JSON.stringify(edit)}, giving\n${texts.get(path)}`;
        assert.deepEqual(lowered(texts, path, kept), lowered(texts, path), say);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }).timeout(120_000);
});
