import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { addSteps, type Cursor, convert, Kinds } from '../../src/syntax/convert.ts';
import type { SyntaxNode } from '../../src/syntax/tree.ts';
import { applied, randomEdit } from '../support/edits.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

const DAMAGED = 150;

const SPACED = 600;
const BETWEEN = [
  ...Array.from({ length: 60 }, () => ''),
  ' ',
  '\n',
  '\t ',
  '/* c */',
  ' // c\n',
  '\\\n',
  '\r\n',
  '\f',
  '\v',
  '\u00a0',
];
const ODD = [
  { path: 'names', text: 'int $a, b$, _c9, \u00e9t\u00e9; int caf\u00e9(void) { return b$ + \u00e9t\u00e9; }\n' },
  { path: 'strings', text: 'char *s = " a " "\\t b" L"c" ""; char c = \' \', d = \'\\n\', e = u\'x\';\n' },
  { path: 'numbers', text: "double d = 1e-5 + .5 - -1 + 0x1p+3 + 1.f; long n = 0b11 | 0x1Fu | 10'000LL;\n" },
  {
    path: 'directives',
    text: '#  define X 1 /* c */\n#if X // c\nint a;\n#else\nint b;\n#endif\n#include <a.h>\nint c;\n',
  },
  { path: 'nothing', text: '' },
  { path: 'blanks', text: ' \n\t\n' },
  { path: 'comment', text: '/* a */ // b' },
];

interface Tree {
  readonly rootNode: { readonly hasError: boolean };
  walk(): Cursor;
}

/** The tree as the parser tells it, with each question asked of each node. */
function told(cursor: Cursor): SyntaxNode {
  const children: SyntaxNode[] = [];
  const { nodeType: type, nodeIsNamed: named, startIndex: start, endIndex: end } = cursor;
  const field = cursor.currentFieldName ?? undefined;
  const isError = type === 'ERROR' || cursor.nodeIsMissing;
  if (cursor.gotoFirstChild()) {
    do children.push(told(cursor));
    while (cursor.gotoNextSibling());
    cursor.gotoParent();
  }
  return { type, field, named, start, end, children, isError, hasError: isError || children.some((c) => c.hasError) };
}

describe('trees as plain nodes', () => {
  const load = createRequire(import.meta.url);
  let parse: ((text: string) => Tree) | undefined;

  before(function () {
    try {
      const parser = new (load('tree-sitter') as new () => { setLanguage(l: unknown): void; parse(t: string): Tree })();
      parser.setLanguage(load('tree-sitter-c'));
      parse = (text) => parser.parse(text);
    } catch (error) {
      process.stderr.write(`skipped: the native parser does not load: ${(error as Error).message}\n`);
      this.skip();
    }
  });

  const check = (text: string, say: string) => {
    const tree = parse!(text);
    const isWhole = !tree.rootNode.hasError;
    const cursor = tree.walk();
    addSteps(cursor);
    assert.deepEqual(convert(cursor, { text, kinds: new Kinds(), isWhole }), told(tree.walk()), say);
    return isWhole;
  };
  // The binding takes no longer text as a string.
  const texts = cFiles(FIXTURES).flatMap((path) => {
    const text = readText(path);
    return text === undefined || text.length >= 1 << 15 ? [] : [{ path, text }];
  });

  it('are what the parser tells of each node', () => {
    assert.ok(texts.length > 300);
    for (const { path, text } of texts) check(text, path);
  }).timeout(120_000);

  it('are so with comments and blanks in all places', () => {
    for (const { path, text } of ODD) check(text, path);
    let whole = 0;
    const random = generator();
    for (let i = 0; i < SPACED; i++) {
      const { path, text } = texts[random.below(texts.length)]!;
      const between = () => BETWEEN[random.below(BETWEEN.length)]!;
      // Behind each of these a token ends, unless it stands in a string or a directive: the parser says what that is.
      const spaced = text.replace(/[;(){}[\],]/g, (c) => c + between());
      if (check(spaced, `seed ${random.seed}: ${path}`)) whole++;
    }
    assert.ok(whole >= SPACED / 20, `only ${whole} of ${SPACED} texts were understood`);
  }).timeout(120_000);

  it('are so where the text is damaged', () => {
    const random = generator();
    for (let i = 0; i < DAMAGED; i++) {
      const { path, text } = texts[random.below(texts.length)]!;
      const before = new Map([[path, text]]);
      const edit = randomEdit(before, random);
      check(applied(before, edit).get(path)!, `seed ${random.seed}: ${JSON.stringify(edit)}`);
    }
  }).timeout(120_000);
});
