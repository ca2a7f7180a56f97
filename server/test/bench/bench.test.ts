import assert from 'node:assert/strict';
import type { Part } from '../../../scripts/bench/figure.ts';
import { generate, lineCount, type Program, UNIT_LINES } from '../../../scripts/bench/generate.ts';
import { type Visit, visitsTo } from '../../../scripts/bench/keystrokes.ts';
import { parseOptions, UsageError } from '../../../scripts/bench/options.ts';
import { toJson, toMarkdown, toText } from '../../../scripts/bench/report.ts';
import { median, percentile, ratio } from '../../../scripts/bench/statistics.ts';
import { chosenPrograms, expectedFindings } from '../../../scripts/bench/uffd-programs.ts';
import { createParser } from '../../src/syntax/parser.ts';

describe('statistics of the benchmarks', () => {
  it('take the middle', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([10, 1, 5, 6]), 5.5);
    assert.ok(Number.isNaN(median([])));
  });

  it('take the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.equal(percentile(hundred, 50), 50);
    assert.equal(percentile(hundred, 95), 95);
    assert.equal(percentile(hundred, 0), 1);
    assert.equal(percentile([7], 95), 7);
    assert.ok(Number.isNaN(percentile([], 50)));
  });

  it('compare within a round', () => {
    // The second round was slow for both.
    assert.equal(ratio([2, 20, 2], [1, 10, 1]), 2);
  });
});

describe('options of the benchmarks', () => {
  it('run everything as text when nothing is said', () => {
    assert.deepEqual(parseOptions([]), { only: [1, 2, 3, 4, 5], rounds: 5, seed: 1, long: false, format: 'text' });
  });

  it('are what was given', () => {
    const options = parseOptions(['--only', '3,1', '--runs', '2', '--seed', '7', '--long', '--markdown']);
    assert.deepEqual(options, { only: [1, 3], rounds: 2, seed: 7, long: true, format: 'markdown' });
  });

  for (const args of [
    ['--only', '6'],
    ['--only', ''],
    ['--runs', '0'],
    ['--runs', '1e3'],
    ['--json', '--markdown'],
    ['x'],
  ])
    it(`refuse ${args.join(' ')}`, () => {
      assert.throws(() => parseOptions(args), UsageError);
    });
});

describe('generated trees', () => {
  const programs = chosenPrograms();
  const tree = (units: number, seed = 1) => [...generate(units, programs, seed)];
  const linesOf = (files: Program) => files.reduce((sum, { text }) => sum + lineCount(text), 0);

  it('depend on their arguments alone', () => {
    assert.deepEqual(tree(3), tree(3));
    assert.notDeepEqual(tree(3), tree(3, 2));
  });

  it('begin as smaller ones do', () => {
    const small = tree(2).filter(({ path }) => path.startsWith('unit'));
    assert.deepEqual(
      tree(4)
        .filter(({ path }) => /^unit000[01]/.test(path))
        .map(({ path }) => path),
      small.map(({ path }) => path),
    );
  });

  it('hold about a thousand lines a unit, and the same at every size', () => {
    const perUnit = [10, 50].map((units) => linesOf(tree(units)) / units);
    for (const lines of perUnit) assert.ok(Math.abs(lines - UNIT_LINES) < UNIT_LINES / 10, `${lines}`);
    assert.ok(Math.abs(perUnit[0]! - perUnit[1]!) < UNIT_LINES / 20, `${perUnit}`);
  });

  it('hold one main() a unit, which calls the plain functions of its unit', () => {
    for (let unit = 0; unit < programs.length; unit++) {
      const folder = `unit${String(unit).padStart(4, '0')}`;
      const files = tree(programs.length).filter(({ path }) => path.startsWith(`${folder}/`));
      assert.equal(files.filter(({ text }) => text.includes(`\t${folder}_prepare(8, `)).length, 1, folder);
      assert.equal(files.filter(({ text }) => text.includes(`long ${folder}_prepare(long n`)).length, 2, folder);
    }
  });

  it('define each plain function once, and declare it', () => {
    const text = tree(3)
      .map((file) => file.text)
      .join('');
    const names = (end: string) =>
      [...text.matchAll(new RegExp(`^long (\\w+)\\(long n, const char \\*s\\)${end}`, 'gm'))].map((m) => m[1]!);
    const defined = names('\\n\\{');
    assert.equal(new Set(defined).size, defined.length);
    assert.deepEqual(names(';').sort(), defined.sort());
  });

  it('hold plain C that the parser understands', async () => {
    const parser = await createParser();
    for (const { path, text } of tree(12).filter((file) => /plain|shared/.test(file.path)))
      assert.equal(parser.parse(text).hasError, false, path);
  });

  it('know what the fixtures in them ask for', () => {
    const one = expectedFindings(programs, programs.length);
    assert.ok(one > 0);
    assert.equal(expectedFindings(programs, 10 * programs.length), 10 * one);
  });
});

describe('keystrokes', () => {
  const text = [
    '/* A comment */',
    '#define X \\',
    '\tcall();',
    'int f(void)',
    '{',
    '\tcall(1);',
    '\tcall(2);',
    '\t/*',
    '\t * more of it',
    '\t */',
    '}',
    '',
  ].join('\n');

  it('make a new text each, at places of their own', () => {
    for (const where of ['functions', 'comments'] as const) {
      const keys = visitsTo(text, where, 2).flat();
      assert.equal(keys.length, 20);
      const texts = keys.map((_, i) => typed(text, keys.slice(0, i + 1)));
      assert.equal(new Set([text, ...texts]).size, 21);
    }
  });

  it('stand where they are said to stand', () => {
    const [statement] = visitsTo(text, 'functions', 1);
    assert.ok(typed(text, statement!.slice(0, 5)).includes('call(1); n++;\n'));
    assert.ok(typed(text, statement!).includes('call(1);; \n'));
    const comments = visitsTo(text, 'comments', 2).map((visit) => typed(text, visit.slice(0, 5)));
    assert.ok(comments[0]!.includes('/* A comment word */'));
    assert.ok(comments[1]!.includes('* more of it word\n'));
  });

  it('are refused where there is no place for them', () => {
    assert.throws(() => visitsTo('int x;\n', 'comments', 1), /no place/);
  });

  function typed(before: string, visit: Visit): string {
    const lines = before.split('\n');
    for (const { line, character, insert } of visit) {
      const content = lines[line]!;
      assert.ok(character <= content.length);
      lines[line] =
        content.slice(0, character) + (insert ?? '') + content.slice(character + (insert === undefined ? 1 : 0));
    }
    return lines.join('\n');
  }
});

describe('report of the benchmarks', () => {
  const part: Part = {
    number: 3,
    title: 'Tree',
    figures: [
      { what: 'a', value: 1.2345, unit: 'times', atMost: 2, from: '12 ms over 10 ms' },
      { what: 'b|c', value: 1234.5, unit: 'MiB', atMost: 200 },
      { what: 'd', value: undefined, unit: 'ms', atMost: 5 },
      { what: 'e', value: 12.34, unit: 'ms' },
    ],
    notes: ['x is skipped: not installed'],
  };
  const machine = { cores: 2, memoryGiB: 4, kernel: 'Linux 6.1', node: '20.0.0' };
  const report = { date: '2025-01-31', machine, rounds: 5, parts: [part] };

  it('says which goals are met', () => {
    const text = toText(report);
    assert.match(text, /^ {2}a +1\.23 × {2}met \(at most 2\.00 ×\) +12 ms over 10 ms$/m);
    assert.match(text, /^ {2}b\|c +1,235 MiB {2}missed \(at most 200 MiB\)$/m);
    assert.match(text, /^ {2}d +– {2}missed \(at most 5\.0 ms\)$/m);
    assert.match(text, /^ {2}e +12\.3 ms$/m);
    assert.match(text, /note: x is skipped/);
  });

  it('makes a table of it', () => {
    const lines = toMarkdown(report).split('\n');
    assert.equal(lines[0], 'Measured 2025-01-31: 2 cores, 4 GiB of memory, Linux 6.1, Node 20.0.0; 5 rounds.');
    assert.ok(lines.includes('| 3 | b\\|c | 1,235 MiB | missed (at most 200 MiB) | |'), lines.join('\n'));
    assert.ok(lines.includes('- 3: x is skipped: not installed'));
  });

  it('keeps numbers for programs', () => {
    const { parts } = JSON.parse(toJson(report)) as { parts: { figures: { value?: number; met?: boolean }[] }[] };
    assert.deepEqual(
      parts[0]!.figures.map(({ value, met }) => [value, met]),
      [
        [1.2345, true],
        [1234.5, false],
        [undefined, false],
        [12.34, undefined],
      ],
    );
  });
});
