import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const BAD = 'test-fixtures/rules/unhandled-fork-event/bad-empty-case.c';
const GOOD = 'test-fixtures/rules/unhandled-fork-event/good-selftest-case.c';

function run(args: readonly string[], input?: string | Buffer) {
  const result = spawnSync(process.execPath, ['bin/uffd-lint.cjs', ...args], {
    encoding: 'utf8',
    input,
    env: { ...process.env, NO_COLOR: '1' },
    timeout: 60_000,
    maxBuffer: 1 << 26,
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

interface Report {
  schemaVersion: number;
  tool: { name: string; version: string };
  findings: {
    ruleId: string;
    severity: string;
    file: string;
    function: string;
    message: string;
    fingerprint: string;
    range: { start: { line: number; column: number }; end: { line: number; column: number } };
    trace: { kind: string; file: string; message: string; range: unknown }[];
    fixes: unknown[];
  }[];
  notAnalysed: { file: string; reason: string; kind?: string }[];
  summary: { files: number; analysed: number; functions: number; durationMs: number };
}

function json(args: readonly string[], input?: string | Buffer): Report & { status: number | null } {
  const { status, stdout } = run(['--format', 'json', ...args], input);
  return { ...(JSON.parse(stdout) as Report), status };
}

describe('command', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'uffd-lint-cli-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('exits with 0, 1 and 2', () => {
    assert.equal(run([GOOD]).status, 0);
    assert.equal(run([BAD]).status, 1);
    assert.equal(run(['lint', BAD]).status, 1);
    assert.equal(run([]).status, 2);
    assert.equal(run(['--format', 'xml', BAD]).status, 2);
    assert.equal(run(['--fail-on', 'error', 'test-fixtures/rules/unchecked-handshake/bad-dropped.c']).status, 0);
  });

  it('finds the same with either parser', () => {
    const findings = ['native', 'wasm'].map((parser) => {
      process.env.UFFD_LINT_PARSER = parser;
      try {
        return json([BAD]).findings;
      } finally {
        delete process.env.UFFD_LINT_PARSER;
      }
    });
    assert.equal(findings[0]!.length, 1);
    assert.deepEqual(findings[1], findings[0]);
  });

  it('prints the JSON of the contract', () => {
    const report = json([BAD]);
    assert.equal(report.schemaVersion, 1);
    assert.equal(report.tool.name, 'uffd-lint');
    const f = report.findings[0]!;
    assert.equal(f.ruleId, 'uffd/unhandled-fork-event');
    assert.equal(f.file, BAD);
    assert.equal(f.function, 'uffd_poll_thread');
    assert.ok(f.range.start.line > 1 && f.range.start.column > 1 && f.range.end.line >= f.range.start.line);
    assert.match(f.fingerprint, /^[0-9a-f]{64}$/);
    assert.deepEqual(f.fixes, []);
    for (const s of f.trace)
      assert.match(s.kind, /^(create|handshake|arm|read|event|fork|close|lose|call|return|branch|note)$/);
    assert.deepEqual(Object.keys(report.summary), ['files', 'analysed', 'functions', 'durationMs']);
  });

  it('says the same twice, and whatever the order of paths', () => {
    const strip = (r: Report) => JSON.stringify([r.findings, r.notAnalysed]);
    assert.equal(
      strip(json(['test-fixtures/rules/leaked-child-uffd'])),
      strip(json(['test-fixtures/rules/leaked-child-uffd'])),
    );
  });

  it('analyses the rest when a path is missing', () => {
    const { status, stdout, stderr } = run(['--format', 'gcc', BAD, 'no-such-file.c']);
    assert.equal(status, 2);
    assert.match(stdout, /bad-empty-case\.c:\d+:\d+: error: .* \[uffd\/unhandled-fork-event\]/);
    assert.match(stderr, /no-such-file\.c: no such file/);
  });

  it('reads standard input', () => {
    assert.equal(run(['-']).status, 2);
    const report = json(
      ['-', '--stdin-filename', 'src/a.c'],
      '#include <linux/userfaultfd.h>\nint main(void) { struct uffd_msg m; int fd = syscall(SYS_userfaultfd, 0); if (fd < 0) return 1; return read(fd, &m, sizeof(m)) < 0; }\n',
    );
    assert.deepEqual(
      report.findings.map((f) => [f.file, f.ruleId]),
      [['src/a.c', 'uffd/missing-api-handshake']],
    );
  });

  it('lists what it does not analyse, with the reason', () => {
    writeFileSync(join(folder, 'a.cpp'), 'int main() {}\n');
    writeFileSync(join(folder, 'big.c'), `// UFFD\n${'int x;\n'.repeat(200)}`);
    const report = json([
      '--max-file-size',
      '500',
      join(folder, 'a.cpp'),
      join(folder, 'big.c'),
      'test-fixtures/hostile/binary.c',
      'test-fixtures/hostile/invalid-utf8.c',
    ]);
    assert.deepEqual(report.notAnalysed.map((n) => n.kind).sort(), ['encoding', 'encoding', 'language', 'size']);
    assert.deepEqual(
      report.findings.map((f) => f.ruleId),
      ['uffd/missing-api-handshake'],
    );
  });

  it('survives hostile text', () => {
    const cases: Record<string, string> = {
      'parens.c': `#include <linux/userfaultfd.h>\nint f(void) { return ${'('.repeat(5000)}1${')'.repeat(5000)}; }\n`,
      'chain.c': `int uffd(int a) {\n${Array.from({ length: 4000 }, (_, i) => `if (a == ${i}) return ${i}; else`).join('\n')} return 0;\n}\n`,
      'line.c': `char uffd[] = "${'x'.repeat(1_500_000)}";\n`,
    };
    for (const [name, text] of Object.entries(cases)) {
      const path = join(folder, name);
      writeFileSync(path, text);
      const { status, stderr } = run([path]);
      assert.equal(status, 0, `${name}: ${stderr.slice(0, 500)}`);
    }
    assert.notEqual(run(['test-fixtures/hostile']).status, 2);
    const huge = join(folder, 'huge.c');
    writeFileSync(huge, `int uffd;${' '.repeat(10_000_000)}`);
    assert.equal(json([huge]).notAnalysed[0]!.kind, 'size');
  });

  it('takes the last of -D and -U, and says which folder of -I is not there', () => {
    const path = join(folder, 'either.c');
    writeFileSync(path, `#ifdef WANTED\n${readFileSync(BAD, 'utf8')}\n#endif\n`);
    assert.equal(run(['-U', 'WANTED', '-D', 'WANTED', path]).status, 1);
    assert.equal(run(['-D', 'WANTED', '-U', 'WANTED', path]).status, 0);
    const { status, stderr } = run(['-I', join(folder, 'nowhere'), GOOD]);
    assert.equal(status, 0);
    assert.match(stderr, /nowhere: there is no such folder/);
  });

  it('says so when there is nothing to do', () => {
    const empty = mkdtempSync(join(folder, 'none-'));
    const { status, stderr } = run([empty]);
    assert.equal(status, 0);
    assert.match(stderr, /no C files/);
  });

  it('names files relative to the working directory', () => {
    mkdirSync(join(folder, 'include'), { recursive: true });
    writeFileSync(join(folder, 'include', 'shared.h'), 'static int uffd_unused;\n');
    const path = join(folder, 'absolute.c');
    writeFileSync(path, `#include "shared.h"\n${readFileSync(BAD, 'utf8')}`);
    const report = json(['-I', join(folder, 'include'), path]);
    assert.equal(report.status, 1);
    const files = report.findings.flatMap((f) => [f.file, ...f.trace.map((t) => t.file)]);
    assert.deepEqual([...new Set(files)], [relative(process.cwd(), path)]);
  });

  it('lets standard input stand for a file on the disk', () => {
    const path = join(folder, 'buffer.c');
    writeFileSync(path, readFileSync(BAD));
    assert.equal(json([path]).findings.length, 1);
    const report = json(['-', '--stdin-filename', path, path], 'int main(void) { return 0; }\n');
    assert.deepEqual([report.status, report.findings.length, report.summary.files], [0, 0, 1]);
  });

  it('holds standard input to the same limits as files', () => {
    const kinds = (args: readonly string[], input: string | Buffer) =>
      json(['-', ...args], input).notAnalysed.map((n) => [n.file, n.kind]);
    assert.deepEqual(kinds(['--stdin-filename', 'a.c', '--max-file-size', '10'], 'int uffd; // long\n'), [
      ['a.c', 'size'],
    ]);
    assert.deepEqual(kinds(['--stdin-filename', 'a.cc'], 'int x;\n'), [['a.cc', 'language']]);
    assert.deepEqual(kinds(['--stdin-filename', 'a.c'], Buffer.from([0xff, 0x0a])), [['a.c', 'encoding']]);
    assert.deepEqual(kinds(['--stdin-filename', 'a.c'], 'int x;\0'), [['a.c', 'encoding']]);
  });

  it('says in machine formats what it did not analyse, beside standard output', () => {
    const { status, stdout, stderr } = run(['--format', 'gcc', 'test-fixtures/hostile/binary.c']);
    assert.deepEqual([status, stdout], [0, '']);
    assert.match(stderr, /binary\.c: not text/);
  });

  it('helps wherever it is asked to', () => {
    for (const args of [['--help'], ['-h'], ['lint', '--help'], ['--format', 'json', '-h', BAD], ['rule', '--help']])
      assert.match(run(args).stdout, /^Usage: /, args.join(' '));
    assert.match(run(['--version']).stdout, /^uffd-lint \d+\.\d+\.\d+\n$/);
    assert.match(run(['--no-such-option']).stderr, /Run uffd-lint --help/);
    assert.equal(run(['lsp']).status, 2);
  });

  it('takes macros and folders from a compile database', () => {
    const project = mkdtempSync(join(folder, 'database-'));
    mkdirSync(join(project, 'include'));
    mkdirSync(join(project, 'build'));
    const source = readFileSync(BAD, 'utf8');
    writeFileSync(join(project, 'a.c'), `#include "on.h"\n#ifdef ON\n${source}\n#endif\n`);
    writeFileSync(join(project, 'include', 'on.h'), '#ifdef LEVEL\n#define ON\n#endif\n');
    const database = join(project, 'build', 'compile_commands.json');
    const entry = { directory: '..', file: 'a.c', command: 'cc -DLEVEL -Iinclude -c a.c' };
    writeFileSync(database, JSON.stringify([entry]));
    const here = (args: readonly string[]) => {
      const cli = join(process.cwd(), 'bin/uffd-lint.cjs');
      const { status, stdout, stderr } = spawnSync(process.execPath, [cli, '--format', 'gcc', ...args], {
        cwd: project,
        encoding: 'utf8',
      });
      return { status, lines: stdout.split('\n').length - 1, conditions: /only where/.test(stdout), stderr };
    };
    assert.deepEqual(here(['a.c']), { status: 1, lines: 1, conditions: false, stderr: '' }, 'it is found');
    assert.equal(here(['-p', 'build', '-U', 'LEVEL', 'a.c']).lines, 0);
    rmSync(database);
    assert.deepEqual(
      here(['a.c']),
      { status: 1, lines: 1, conditions: true, stderr: '' },
      'without it ON is not known',
    );

    writeFileSync(database, '[{}]');
    const broken = here(['a.c']);
    assert.deepEqual([broken.status, broken.lines], [2, 1], 'the rest is analysed');
    assert.match(broken.stderr, /^uffd-lint: build\/compile_commands\.json: entry 1 has .*Analysed without it\.\n$/);
    const asked = here(['-p', 'build', 'a.c']);
    assert.deepEqual([asked.status, asked.lines], [2, 0]);
    assert.match(asked.stderr, /^uffd-lint: build\/compile_commands\.json: entry 1 has /);
    assert.match(here(['-p', 'nowhere', 'a.c']).stderr, /nowhere: no compile_commands\.json: no such file/);
    assert.equal(here(['-U', '1', 'a.c']).status, 2);
  });

  it('shows what the engine sees', () => {
    const { status, stdout, stderr } = run(['--dump', 'states', '--function', 'main', BAD]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^# states of main, test-fixtures\/.*\.c:\d+\nB0\n {2}in main\n/);
    assert.match(run(['--dump', 'cfg', '--dot', '--function', 'main', BAD]).stdout, /\ndigraph "main" \{\n/);
    const wrong: [string[], RegExp][] = [
      [['--dump', 'ir', '--function', 'nobody'], /no function nobody/],
      [['--dump', 'ast', '--function', 'main'], /use ir, cfg or states/],
      [['--dump', 'ir'], /needs --function/],
      [['--dot'], /belong to --dump/],
    ];
    for (const [args, message] of wrong) {
      const result = run([...args, BAD]);
      assert.deepEqual([result.status, result.stdout], [2, '']);
      assert.match(result.stderr, message);
    }
  });

  it('draws in files of a folder as far as they matter', () => {
    const { findings, summary } = json(['test-fixtures/projects/drawn-in-bad']);
    assert.deepEqual(
      findings.map((f) => f.file),
      ['test-fixtures/projects/drawn-in-bad/worker.c'],
    );
    assert.deepEqual([summary.files, summary.analysed], [5, 3]);
  });

  it('colours only where that is wanted', () => {
    const colored = (environment: Readonly<Record<string, string>>) =>
      spawnSync(process.execPath, ['bin/uffd-lint.cjs', BAD], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, ...environment },
      }).stdout.includes('\u001b[');
    assert.equal(colored({}), false, 'no terminal');
    assert.equal(colored({ FORCE_COLOR: '1' }), true);
    assert.equal(colored({ FORCE_COLOR: '1', NO_COLOR: '1' }), false);
  });

  it('keeps its status when the reader goes away', async () => {
    const child = spawn(process.execPath, ['bin/uffd-lint.cjs', 'test-fixtures/rules'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    child.stderr.destroy();
    const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) =>
      child.on('exit', (code, by) => done([code, by])),
    );
    assert.deepEqual([status, signal], [1, null]);
  });

  it('waits for a reader that takes its time', async () => {
    const child = spawn(process.execPath, ['bin/uffd-lint.cjs', '--format', 'json', 'test-fixtures/rules'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    let isFirst = true;
    for await (const chunk of child.stdout) {
      // Meanwhile the pipe is full.
      if (isFirst) await new Promise((done) => setTimeout(done, 500));
      isFirst = false;
      text += String(chunk);
    }
    assert.ok(text.length > 200_000, 'more than a pipe holds');
    assert.equal((JSON.parse(text) as Report).schemaVersion, 1);
  });

  it('prints a rule page and the list of rules', () => {
    assert.match(run(['rule', 'leaked-child-uffd']).stdout, /## What it does/);
    assert.equal(run(['rule']).stdout.trim().split('\n').length, 10);
    assert.equal(run(['rule', 'nothing']).status, 2);
  });
});
