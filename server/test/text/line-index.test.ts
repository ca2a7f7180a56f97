import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { LineIndex } from '../../src/text/line-index.ts';

const text = fc
  .array(fc.constantFrom('a', '\t', '\n', '\r', '\r\n', 'é', '🐑'), { maxLength: 40 })
  .map((p) => p.join(''));

describe('line index', () => {
  it('counts UTF-16 units from 1', () => {
    const index = new LineIndex('a🐑b\nc');
    assert.deepEqual(index.position(3), { line: 1, column: 4 });
    assert.deepEqual(index.position(5), { line: 2, column: 1 });
    assert.equal(index.line(1), 'a🐑b');
    assert.equal(index.lineCount, 2);
  });

  it('takes the nearest place for one outside the text', () => {
    const index = new LineIndex('ab\ncd');
    assert.deepEqual(index.position(-1), { line: 1, column: 1 });
    assert.deepEqual(index.position(99), { line: 2, column: 3 });
    assert.equal(index.offset({ line: 0, column: 5 }), 0);
    assert.equal(index.offset({ line: 1, column: 99 }), 2);
    assert.equal(index.offset({ line: 9, column: 1 }), 5);
    assert.equal(new LineIndex('').line(2), '');
  });

  it('counts lines as editors do, and leads back', () => {
    fc.assert(
      fc.property(text, fc.nat(), (content, n) => {
        const index = new LineIndex(content);
        const offset = n % (content.length + 1);
        const { line, column } = index.position(offset);
        const theirs = TextDocument.create('file:///a.c', 'c', 0, content).positionAt(offset);
        assert.equal(line, theirs.line + 1);
        // Between \r and \n an editor has no place.
        if (content[offset - 1] === '\r' && content[offset] === '\n') return;
        assert.equal(column, theirs.character + 1);
        assert.equal(index.offset({ line, column }), offset);
      }),
    );
  });
});
