import assert from 'node:assert/strict';
import { parseSnippet } from '../../src/ir/snippets.ts';
import { maskSnippet } from '../../src/syntax/mask.ts';
import { createParser } from '../../src/syntax/parser.ts';
import { generator } from '../support/random.ts';

const FORMS = [
  'void f(void){errexit(1, "@");;}',
  'void f(void){do { int r = errno; fprintf(stderr, "E: " "@" "@", r); exit(1); } while (0);}',
  'void f(void){print(L"@" PRIx64 "@", a[1], (long)b->c);;}',
  'void f(void){int v[]={ [1] = "@", "@" };}',
  'void f(void){a = "@" ? \'"\' : "@";}',
  'void f(void){print("@" /* "@" */, x);}',
];
const PIECES = [
  '',
  ' ',
  'x',
  'a',
  '%d',
  'a b',
  '\\n',
  '\\"',
  '\\\\',
  '\\12',
  '\\x4',
  '7',
  "'",
  '//',
  '/*',
  '*/',
  'ä',
  '"',
  '\n',
];
const ROUNDS = 2000;
const NO_MACROS = new Map();

describe('snippets', () => {
  it('have the trees that their texts have', async () => {
    const parser = await createParser();
    const random = generator();
    let wholes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const word = () => Array.from({ length: random.below(5) }, () => PIECES[random.below(PIECES.length)]).join('');
      const text = FORMS[random.below(FORMS.length)]!.replace(/@/g, word);
      const { root, text: masked } = parseSnippet(parser, text, NO_MACROS);
      if (!root.hasError) wholes++;
      assert.equal(masked, maskSnippet(text, NO_MACROS).text, `seed ${random.seed}, ${text}`);
      assert.deepEqual(root, parser.parse(masked), `seed ${random.seed}, ${text}`);
    }
    assert.ok(wholes > ROUNDS / 10 && wholes < ROUNDS);
  });
});
