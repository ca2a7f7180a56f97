import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { toGcc } from '../../src/report/gcc.ts';
import { toJson } from '../../src/report/json.ts';
import { width } from '../../src/report/plain.ts';
import { Positions } from '../../src/report/positions.ts';
import { toPretty } from '../../src/report/pretty.ts';
import { toStatistics } from '../../src/report/statistics.ts';
import type { Finding, NotAnalysed } from '../../src/rules/finding.ts';

const texts: Record<string, string> = {
  'src/a.c': 'int f(void) {\n\t/* 🐑 */ read(fd, &m, 32);\n}\n',
  'src/b.h': '#define X 1\n',
  'escape.c': 'int x; // \u001b[31m\u202e\n',
  'long.c': `${'a'.repeat(5000)}bad${'b'.repeat(5000)}`,
};
const positions = new Positions((file) => texts[file]);

function at(file: string, what: string) {
  const start = texts[file]!.indexOf(what);
  return { file, start, end: start + what.length };
}

function finding(more: Partial<Finding> = {}): Finding {
  return {
    ruleId: 'leaked-child-uffd',
    severity: 'error',
    message: 'The descriptor is lost.',
    location: at('src/a.c', 'read'),
    function: 'f',
    trace: [
      { kind: 'note', message: 'X is 1', location: at('src/b.h', 'X') },
      { kind: 'read', message: 'read() returns', location: at('src/a.c', 'read(fd, &m, 32)') },
    ],
    fixes: [],
    about: 'child',
    fingerprint: 'f'.repeat(64),
    ...more,
  };
}

const pretty = (findings: readonly Finding[], notAnalysed: readonly NotAnalysed[] = [], color = false) =>
  toPretty(findings, notAnalysed, positions, { color });

describe('pretty report', () => {
  it('shows line, mark, message and path', () => {
    assert.equal(
      pretty([finding({ condition: 'defined(X)' })]),
      `error: uffd/leaked-child-uffd
  --> src/a.c:2:11 in f()
1 | int f(void) {
2 |     /* 🐑 */ read(fd, &m, 32);
  |              ^^^^
3 | }
  The descriptor is lost.
  only where defined(X)
  how it gets there:
    1. src/b.h:1: X is 1
    2. src/a.c:2: read() returns
  more: uffd-lint rule leaked-child-uffd (docs/rules/leaked-child-uffd.md)

`,
    );
  });

  it('marks the right place behind tabs and wide characters', () => {
    const lines = pretty([finding()]).split('\n');
    const code = lines.findIndex((l) => l.startsWith('2 |'));
    assert.equal(width(lines[code]!.slice(0, lines[code]!.indexOf('read'))), lines[code + 1]!.indexOf('^'));
  });

  it('says the same in colours', () => {
    const colored = pretty([finding()], [], true);
    assert.notEqual(colored, pretty([finding()]));
    assert.equal(stripVTControlCharacters(colored), pretty([finding()]));
  });

  it('lists what was not analysed', () => {
    const note = { file: 'src/a.c', reason: 'too large', function: 'f', location: at('src/a.c', 'read') };
    assert.equal(pretty([], [note]), 'note: src/a.c:2: f(): too large\n');
  });

  it('does not let a source write to the terminal', () => {
    const out = pretty([finding({ location: at('escape.c', 'x'), trace: [], message: 'a\u001b]0;b' })]);
    assert.ok(!out.includes('\u001b') && !out.includes('\u202e'));
    const line = toGcc([finding({ message: 'a\u001b]0;b\nc' })], positions);
    assert.ok(!line.includes('\u001b') && line.indexOf('\n') === line.length - 1);
  });

  it('cuts a long line around the place', () => {
    const lines = pretty([finding({ location: at('long.c', 'bad'), trace: [] })]).split('\n');
    const code = lines.findIndex((l) => l.startsWith('1 |'));
    assert.ok(lines[code]!.length < 200);
    assert.equal(lines[code + 1]!.indexOf('^'), lines[code]!.indexOf('bad'));
  });

  it('does without the text of a file', () => {
    assert.match(pretty([finding({ location: { file: 'gone.c', start: 3, end: 4 }, trace: [] })]), /gone\.c:1:1/);
  });
});

describe('gcc report', () => {
  it('is one line a finding', () => {
    assert.equal(
      toGcc([finding(), finding({ severity: 'warning' }), finding({ severity: 'info' })], positions),
      ['error', 'warning', 'note']
        .map((w) => `src/a.c:2:11: ${w}: The descriptor is lost. [uffd/leaked-child-uffd]\n`)
        .join(''),
    );
    assert.match(toGcc([finding({ condition: 'defined(X)' })], positions), /is lost\. \(only where defined\(X\)\) \[/);
  });
});

describe('JSON report', () => {
  const summary = { files: 1, analysed: 1, functions: 1, durationMs: 2 };
  const json = (findings: readonly Finding[], notAnalysed: readonly NotAnalysed[] = []) =>
    JSON.parse(toJson({ version: '1.2.3', findings, notAnalysed, summary }, positions)) as unknown;
  const range = (line: number, from: number, to: number) => ({
    start: { line, column: from },
    end: { line, column: to },
  });

  it('is the object of the contract', () => {
    const edit = { location: { file: 'src/a.c', start: 0, end: 0 }, newText: 'static ' };
    assert.deepEqual(
      json(
        [finding({ condition: 'defined(X)', fixes: [{ title: 'Make it static', safe: true, edits: [edit] }] })],
        [
          { file: 'src/a.c', reason: 'too large', kind: 'budget', function: 'f', location: at('src/a.c', 'f') },
          { file: 'b.cc', reason: 'C++ is not analysed' },
        ],
      ),
      {
        schemaVersion: 1,
        tool: { name: 'uffd-lint', version: '1.2.3' },
        findings: [
          {
            ruleId: 'uffd/leaked-child-uffd',
            severity: 'error',
            message: 'The descriptor is lost.',
            file: 'src/a.c',
            range: range(2, 11, 15),
            function: 'f',
            condition: 'defined(X)',
            trace: [
              { file: 'src/b.h', range: range(1, 9, 10), kind: 'note', message: 'X is 1' },
              { file: 'src/a.c', range: range(2, 11, 27), kind: 'read', message: 'read() returns' },
            ],
            fixes: [
              {
                title: 'Make it static',
                safe: true,
                edits: [{ file: 'src/a.c', range: range(1, 1, 1), newText: 'static ' }],
              },
            ],
            fingerprint: 'f'.repeat(64),
          },
        ],
        notAnalysed: [
          { file: 'src/a.c', reason: 'too large', kind: 'budget', function: 'f', range: range(1, 5, 6) },
          { file: 'b.cc', reason: 'C++ is not analysed' },
        ],
        summary,
      },
    );
  });

  it('leaves out what does not apply', () => {
    const [f] = (json([finding({ function: undefined })]) as { findings: object[] }).findings;
    assert.ok(!('function' in f!) && !('condition' in f!));
  });
});

describe('statistics', () => {
  it('are counts and times', () => {
    const text = toStatistics(
      {
        files: 2,
        filesAnalysed: 1,
        functions: 4,
        functionsRelevant: 2,
        functionsWithParseErrors: 1,
        functionsAnalysed: 3,
        functionsQuarantined: 1,
        functionsOutOfBudget: 0,
        variants: 0,
        components: 3,
        cache: { hits: 2, misses: 1, rootsRun: 4, rootsRepeated: 5 },
        phases: { parse: 1, engine: 2 },
      },
      5,
    );
    assert.match(text, /^files 2, analysed 1\nfunctions 4, with parse errors 1 \(25\.00 %\)/);
    assert.match(text, /^components 3, from the cache 2, analysed 1 \(roots run 4, repeated 5\)$/m);
    assert.match(text, /parse 1\.0 ms, engine 2\.0 ms, in all 5\.0 ms\n$/);
  });
});
