import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { addSteps, type Cursor, convert, Kinds } from '../../src/syntax/convert.ts';
import type { SyntaxNode } from '../../src/syntax/tree.ts';
import { applied, randomEdit } from '../support/edits.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

const DAMAGED = 150;

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
    const cursor = tree.walk();
    addSteps(cursor);
    assert.deepEqual(convert(cursor, { kinds: new Kinds(), isWhole: !tree.rootNode.hasError }), told(tree.walk()), say);
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
