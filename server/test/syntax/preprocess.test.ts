import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type Definitions,
  endOfComment,
  endOfDirective,
  endOfLine,
  endOfString,
  findDirectives,
  judge,
  parseDefine,
} from '../../src/syntax/preprocess.ts';

function definitions(defines: readonly string[] = [], more: Partial<Definitions> = {}): Definitions {
  const macros = defines.map((d) => parseDefine(d, undefined)!);
  return {
    macros: new Map(macros.map((m) => [m.name, m])),
    undefinedNames: new Set(),
    closed: false,
    decisions: new Map(),
    ...more,
  };
}

/** `1`, `0`, or what was chosen with what decides. */
function verdict(line: string, d: Definitions = definitions()): string {
  const [, directive, rest] = /^#(\w+)\s*(.*)$/.exec(line)!;
  const { holds, unknowns } = judge(directive!, rest!, d);
  return unknowns.length === 0 ? String(Number(holds)) : `${Number(holds)} by ${unknowns.map((u) => u.key).join(', ')}`;
}

/** Where directives begin, as a walk through all characters finds it. */
function walk(text: string): number[] {
  const found: number[] = [];
  let lineStart = true;
  for (let i = 0; i < text.length; ) {
    const c = text[i]!;
    if (c === '\n') lineStart = true;
    if (/\s/.test(c)) i++;
    else if (text.startsWith('//', i)) i = endOfLine(text, i);
    else if (text.startsWith('/*', i)) i = endOfComment(text, i);
    else if (c === '#' && lineStart) {
      found.push(i);
      i = endOfDirective(text, i);
    } else {
      lineStart = false;
      i = c === '"' || c === "'" ? endOfString(text, i) : i + 1;
    }
  }
  return found;
}

describe('directives', () => {
  it('are those that a walk through all characters finds', () => {
    const part = fc.constantFrom(
      '#',
      '#if',
      '\n',
      '\n',
      ' ',
      '\t',
      '\r\n',
      '\\\n',
      '/*',
      '*/',
      '//',
      '/',
      '"',
      "'",
      'a',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 24 }), (parts) => {
        const text = parts.join('');
        assert.deepEqual(
          findDirectives(text).map((d) => d.start),
          walk(text),
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('are named, with what stands behind their name', () => {
    const text = '  # define A \\\n 1\n/* c */ #undef A // gone\nx = 1; # no\n"#" #no\n#\n';
    assert.deepEqual(
      findDirectives(text).map(({ name, rest }) => [name, rest.replace(/\s+/g, ' ')]),
      [
        ['define', 'A 1'],
        ['undef', 'A'],
        ['', ''],
      ],
    );
  });
});

describe('conditions', () => {
  const table: readonly (readonly [string, string])[] = [
    ['#if 0', '0'],
    ['#if 1 + 1 == 2 && !(3 < 2)', '1'],
    ['#if 0x10u >> 2 == 4UL', '1'],
    ['#if -1 < 0 ? 0 : 1', '0'],
    ['#if ~0 & 2', '1'],
    ['#ifdef UFFD_FEATURE_EVENT_FORK', '1'],
    ['#ifndef __NR_userfaultfd', '0'],
    ['#if defined __linux__ && !defined(_WIN32)', '1'],
    ['#ifdef DEBUG', '0 by DEBUG'],
    ['#ifndef DEBUG', '1 by DEBUG'],
    ['#ifdef HAVE_THREADS', '1 by HAVE_THREADS'],
    ['#ifndef HAVE_THREADS', '0 by HAVE_THREADS'],
    ['#if defined(A_1) && 0', '0'],
    ['#if defined(A_1) || 1', '1'],
    ['#if defined(A_1) && defined(HAVE_B)', '0 by A_1, HAVE_B'],
    ['#if USE_X', '1 by USE_X'],
    ['#if lower_case', '0'],
    ['#if LEVEL > 3', '1 by LEVEL > 3'],
    ['#if KERNEL_VERSION(5, 7, 0) >= 0x50700', '1'],
    ['#if LINUX_VERSION_CODE >= KERNEL_VERSION(4,11,0)', '1 by LINUX_VERSION_CODE >= KERNEL_VERSION(4,11,0)'],
    ['#if __has_include(<linux/userfaultfd.h>)', '1'],
    ['#if __GNUC__ >= 4', '1'],
    ['#if __STDC_VERSION__ >= 201112L', '1'],
    ['#if', '1'],
    ['#if )(', '1'],
  ];
  for (const [line, expected] of table) it(`${line} is ${expected}`, () => assert.equal(verdict(line), expected));

  it('know the macros of the program', () => {
    const d = definitions(['A', 'B 2', 'C (B + 1)', 'D defined(B) && C == 3', 'LOOP LOOP', 'TEXT "x"']);
    const known: readonly (readonly [string, string])[] = [
      ['#ifdef A', '1'],
      ['#if B == 2', '1'],
      ['#if C * 2 == 6', '1'],
      ['#if D', '1'],
      ['#if LOOP', '1'],
      ['#if TEXT', '1'],
    ];
    for (const [line, expected] of known) assert.equal(verdict(line, d), expected, line);
    d.undefinedNames.add('A');
    assert.equal(verdict('#ifdef A', d), '0');
  });

  it('are certain where the build is known', () => {
    const d = definitions(['A 1'], { closed: true });
    for (const [line, expected] of [
      ['#ifdef HAVE_X', '0'],
      ['#if USE_X', '0'],
      ['#if A && !defined(X)', '1'],
    ])
      assert.equal(verdict(line!, d), expected, line);
  });

  it('are decided where that is asked for', () => {
    const decisions = new Map([
      ['X', true],
      ['HAVE_Y', false],
      ['LEVEL > 3', false],
    ]);
    const d = definitions([], { decisions });
    for (const [line, expected] of [
      ['#ifdef X', '1 by X'],
      ['#if X && !HAVE_Y', '1 by X, HAVE_Y'],
      ['#if LEVEL  >  3', '0 by LEVEL > 3'],
    ])
      assert.equal(verdict(line!, d), expected, line);
  });
});
