import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const FIXTURE = resolve('test-fixtures/rules/unhandled-fork-event/bad-selftest-default.c');
const PROJECT = 'test-fixtures/projects/drawn-in-bad';
const NVIM = process.env.UFFD_LINT_NVIM ?? 'nvim';

interface Seen {
  readonly version: string;
  readonly arrived: boolean;
  readonly line: number;
  readonly column: number;
  readonly source: string;
  readonly encoding: string;
  readonly count: number;
  readonly moved: boolean;
  readonly columnAfterEmoji: number;
  readonly cleared: boolean;
  readonly exit: number;
}

describe('in Neovim', function () {
  this.timeout(120_000);
  const home = mkdtempSync(join(tmpdir(), 'uffd-lint-nvim-'));
  after(() => rmSync(home, { recursive: true, force: true }));
  const editor = (args: readonly string[], environment: Readonly<Record<string, string>>) =>
    spawnSync(NVIM, ['--headless', '-u', 'NONE', '-i', 'NONE', '-n', ...args], {
      encoding: 'utf8',
      timeout: 110_000,
      env: { ...process.env, XDG_STATE_HOME: home, XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home, ...environment },
    });
  const version = /^NVIM v(\d+)\.(\d+)/.exec(spawnSync(NVIM, ['--version'], { encoding: 'utf8' }).stdout ?? '');
  if (version === null) {
    it.skip('shows diagnostics (skipped: there is no nvim on the path)');
    return;
  }

  it('shows a diagnostic where it is, moves it behind an emoji and clears it', () => {
    const { stdout, stderr } = editor(['-c', 'luafile server/test/e2e/neovim.lua'], {
      UFFD_CMD: JSON.stringify([process.execPath, resolve('bin/uffd-lint.cjs'), 'lsp', '--stdio']),
      UFFD_ROOT: dirname(FIXTURE),
      UFFD_FILE: FIXTURE,
      UFFD_CODE: 'uffd/unhandled-fork-event',
    });
    const line = stdout.split('\n').find((l) => l.startsWith('{'));
    assert.ok(line, `${stdout}\n${stderr}`);
    const seen = JSON.parse(line) as Seen;
    const lines = readFileSync(FIXTURE, 'utf8').split('\n');
    const expected = lines.findIndex((l) => l.includes('// expect:'));
    const column = lines[expected]!.search(/\S/) + 1;
    assert.deepEqual(
      [seen.arrived, seen.line, seen.column, seen.source, seen.count],
      [true, expected + 1, column, 'uffd', 1],
    );
    // Neovim keeps columns in bytes, whatever the wire says.
    assert.deepEqual([seen.moved, seen.columnAfterEmoji], [true, column + Buffer.byteLength('/* 🐑 */')]);
    assert.equal(seen.cleared, true);
    assert.equal(seen.exit, 0);
  });

  it('shows what needs another file of the project, and follows that file on the disk', () => {
    const project = mkdtempSync(join(tmpdir(), 'uffd-lint-project-'));
    cpSync(PROJECT, project, { recursive: true });
    const { stdout, stderr } = editor(['-c', 'luafile server/test/e2e/project.lua'], {
      UFFD_CMD: JSON.stringify([process.execPath, resolve('bin/uffd-lint.cjs'), 'lsp', '--stdio']),
      UFFD_SETTINGS: JSON.stringify({ 'uffd-lint': { defines: ['UNUSED=1'] } }),
      UFFD_ROOT: project,
      UFFD_FILE: join(project, 'worker.c'),
      UFFD_OTHER: join(project, 'main.c'),
      UFFD_CODE: 'uffd/fork-event-never-read',
    });
    rmSync(project, { recursive: true, force: true });
    const line = stdout.split('\n').find((l) => l.startsWith('{'));
    assert.ok(line, `${stdout}\n${stderr}`);
    const expected = readFileSync(join(PROJECT, 'worker.c'), 'utf8')
      .split('\n')
      .findIndex((l) => l.includes('// expect:'));
    assert.deepEqual(JSON.parse(line), {
      arrived: true,
      codes: ['uffd/fork-event-never-read'],
      line: expected + 1,
      cleared: true,
      exit: 0,
    });
  });

  const native = Number(version[1]) > 0 || Number(version[2]) >= 11;
  (native ? it : it.skip)(
    `finds editors/nvim by itself${native ? '' : ` (skipped: ${version[0]} has no vim.lsp.enable, 0.11 has)`}`,
    () => {
      const script = [
        "vim.opt.runtimepath:prepend('editors/nvim')",
        // What `npm link` would put on the path.
        `vim.lsp.config('uffd_lint', { cmd = { [[${process.execPath}]], 'bin/uffd-lint.cjs', 'lsp', '--stdio' } })`,
        "vim.lsp.enable('uffd_lint')",
        "vim.cmd('filetype on')",
        `vim.cmd.edit([[${FIXTURE}]])`,
        'vim.wait(20000, function() return #vim.diagnostic.get(0) > 0 end, 20)',
        "io.stdout:write('found ' .. #vim.diagnostic.get(0) .. ' ' .. vim.lsp.get_clients({ bufnr = 0 })[1].name)",
        "vim.cmd('qa!')",
      ].join('\n');
      const { stdout, stderr } = editor(['-c', `lua ${script}`], {});
      assert.match(stdout + stderr, /found 1 uffd_lint/);
    },
  );
});
