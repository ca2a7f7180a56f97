import assert from 'node:assert/strict';
import { join } from 'node:path';
import { editBetween } from '../../src/syntax/convert.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { CParser, KeptTree } from '../../src/syntax/tree.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

const TOKENS = [
  '{',
  '}',
  '(',
  ')',
  ';',
  ' ',
  'x',
  'if (',
  '"',
  '/*',
  '*/',
  '\n',
  'return;',
  'int f(void) {',
  'case 1:',
];
const EDITS = 400;

describe('parsing again', () => {
  let parser: CParser;
  before(async () => {
    parser = await createParser();
  });

  it('finds the smallest edit', () => {
    assert.deepEqual(editBetween('abc', 'abc'), { start: 3, oldEnd: 3, newEnd: 3 });
    assert.deepEqual(editBetween('abc', 'aXbc'), { start: 1, oldEnd: 1, newEnd: 2 });
    assert.deepEqual(editBetween('aaa', 'aa'), { start: 2, oldEnd: 3, newEnd: 2 });
    assert.deepEqual(editBetween('', 'x'), { start: 0, oldEnd: 0, newEnd: 1 });
  });

  it('gives the tree of the whole text, whatever the edits', async () => {
    const { seed, below } = generator();
    const texts = ['rules', 'hostile'].flatMap((folder) =>
      cFiles(join(FIXTURES, folder)).flatMap((path) => readText(path)?.slice(0, 3000) ?? []),
    );
    let kept: KeptTree | undefined;
    for (let i = 0; i < EDITS; i++) {
      if (kept === undefined || below(20) === 0) {
        kept?.release();
        kept = parser.keep(texts[below(texts.length)]!);
        // Trees are freed when the event loop turns.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const before: string = kept.text;
      const at = below(before.length + 1);
      const removed = below(2) === 0 ? 0 : below(40);
      const text: string =
        before.slice(0, at) + (below(4) === 0 ? '' : TOKENS[below(TOKENS.length)]!) + before.slice(at + removed);
      kept = kept.next(text);
      const whole = parser.parse(text);
      const say = () => `seed ${seed}, edit ${i} of\n${before}\nto\n${text}`;
      if (JSON.stringify(kept.root) !== JSON.stringify(whole)) assert.deepEqual(kept.root, whole, say());
    }
    kept?.release();
  });
});
