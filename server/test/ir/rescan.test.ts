import assert from 'node:assert/strict';
import { rescan } from '../../src/ir/rescan.ts';
import { parseDefine } from '../../src/syntax/preprocess.ts';
import type { MacroDefinition } from '../../src/syntax/tree.ts';

function macrosOf(...defines: string[]): ReadonlyMap<string, MacroDefinition> {
  return new Map(
    defines.map((text) => {
      const macro = parseDefine(text, 'a.c')!;
      return [macro.name, macro];
    }),
  );
}

/** Each part with what it stands for: a place, or the outermost call that it comes from. */
function told(text: string, ...defines: string[]): string[] {
  const made = rescan(text, macrosOf(...defines))!;
  return made.parts.map(({ from, to, at, call }) => {
    const piece = made.text.slice(from, to);
    if (at === undefined) return `${piece} <- ${text.slice(call!.start, call!.end)}`;
    assert.equal(text.slice(at, at + piece.length), piece, 'what has a place stands there');
    return `${piece} @${at}`;
  });
}

describe('expanding a text', () => {
  it('tells where each part comes from', () => {
    assert.deepEqual(told('x; CASE(FORK) y;', 'CASE(e) case UFFD_EVENT_##e:'), [
      'x;  @0',
      'case UFFD_EVENT_FORK: <- CASE(FORK)',
      ' y; @13',
    ]);
  });

  it('finds arguments again, through several macros', () => {
    assert.deepEqual(told('ON(A, f(1)); g()', 'ON(e, s) DO(s); break', 'DO(s) { s; }'), [
      '{  <- ON(A, f(1))',
      'f(1) @6',
      '; } <- ON(A, f(1))',
      '; break <- ON(A, f(1))',
      '; g() @11',
    ]);
  });

  it('takes a macro that names itself, and names in strings and comments, for what they are', () => {
    const made = (text: string) => rescan(text, macrosOf('read(f) log(), read(f)', 'n 1'))!.text;
    assert.equal(made('read(n) "n" /* don\'t n */ n'), 'log(), read(1) "n" /* don\'t n */ 1');
  });

  it('gives up where the text grows too long', () => {
    assert.equal(rescan('a', macrosOf('a b b b b', 'b c c c c', 'c d d d d'), { most: 40 }), undefined);
  });

  it('expands those that are asked for, and what they lead to where that is asked for too', () => {
    const macros = macrosOf('OUTER x INNER', 'INNER y', 'OTHER z');
    const only = (...names: string[]) =>
      rescan('OUTER OTHER', macros, { isWanted: (name) => names.includes(name) })!.text;
    assert.equal(only('OUTER'), 'x INNER OTHER');
    assert.equal(only('OUTER', 'INNER'), 'x y OTHER');
  });
});
