/** What scripts do not reach, on the running kernel: directed.c has the cases. Its expectations are those of the documentation. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FORK_FAMILY } from '../../src/libc/fork-family.ts';
import { copiesAddressSpace } from '../../src/uffd/clone.ts';
import { obstacle } from './obstacle.ts';

const SOURCE = join(import.meta.dirname, 'directed.c');
/** Milliseconds; the program's own alarms come before. */
const PATIENCE = 15_000;

const CASES: Readonly<Record<string, readonly string[]>> = {
  signals: [
    'SIGTERM, not blocked: killed by SIGTERM',
    'its message: EAGAIN',
    'SIGTERM, blocked: still there',
    'SIGKILL: killed by SIGKILL',
    'a signal with a handler: still there',
    // The handled signal is pending, so the kernel does not look for another one to die of.
    'SIGTERM behind it: still there',
    'the message: ok',
    'after the read: killed by SIGTERM',
    'SIGSTOP and SIGCONT: still there',
    'the message: ok',
    'after the read: exit 20',
    'a second message: EAGAIN',
  ],
  rescue: ['the copy sent by SCM_RIGHTS is closed: still there', 'pidfd_getfd and read: ok', 'the fork: exit 20'],
  events: [
    'process_madvise DONTNEED: REMOVE',
    'mprotect: none',
    'mlock: none',
    'MADV_COLD: none',
    'MADV_PAGEOUT: none',
    'MADV_POPULATE_READ: none',
    'fallocate PUNCH_HOLE: none',
    'ftruncate: none',
    'mremap that grows and moves: REMAP UNMAP',
    'mremap of length 0: REMAP',
    'brk that shrinks: UNMAP',
  ],
  edge: [
    'edge-triggered, first wait: 1',
    'read with a full table: EMFILE',
    'edge-triggered, next wait: 0',
    'still ready: 1',
    'read with room: ok',
    'the fork: exit 20',
  ],
  async: ['F_SETOWN: ok', 'F_SETFL O_ASYNC: ok', 'F_GETFL has O_ASYNC: 0', 'the fork: killed by SIGKILL', 'SIGIO: 0'],
  memory: [
    'PROT_NONE: ok',
    'MAP_GROWSDOWN: ok',
    'locked: ok',
    'private mapping of a memfd, MISSING: ok',
    'private mapping of a memfd, MINOR: ok',
    'UFFDIO_UNREGISTER below all mappings: EINVAL',
    'UFFDIO_WAKE below all mappings: ok',
  ],
  fdinfo: ['fdinfo: aa:80000002:800'],
  namespace: [
    'userfaultfd in a user namespace: EPERM',
    'with UFFD_USER_MODE_ONLY: ok',
    'EVENT_FORK: EPERM',
    'again without it: ok',
  ],
  cgroup: [
    'message: 1',
    'read: ok',
    'the caller: exit 0',
    'clone3 CLONE_INTO_CGROUP with a bad descriptor: EBADF',
    'fill for the child that is not: ESRCH',
  ],
};

/** clone() by flags, and calls that the table of the library has no row for. */
const BY_FLAGS: Readonly<Record<string, bigint>> = {
  clone: 0n,
  'clone CLONE_FILES': 0x400n,
  'clone CLONE_VFORK': 0x4000n,
  'clone CLONE_VM': 0x100n,
  'clone CLONE_VM|CLONE_VFORK': 0x4100n,
  clone3: 0n,
  'clone3 CLONE_NEWUSER|CLONE_NEWPID': 0x30000000n,
  'clone3 CLONE_PIDFD|CLONE_CLEAR_SIGHAND': 0x100001000n,
  SYS_fork: 0n,
  'fork+exec': 0n,
  'vfork+exec': 0x4100n,
};

describe('directed cases on the running kernel', function () {
  this.timeout(60_000);
  let folder = '';
  let program = '';

  before(function () {
    folder = mkdtempSync(join(tmpdir(), 'uffd-lint-directed-'));
    const found = obstacle(folder);
    if (found !== undefined) {
      if (process.env.CI === 'true') assert.ok(found.proved, `nothing proves that it cannot run: ${found.reason}`);
      process.stdout.write(`    skipped: ${found.reason}\n`);
      this.skip();
    }
    program = join(folder, 'directed');
    const flags = ['-O1', '-Wall', '-Wextra', '-pthread', '-o', program, SOURCE];
    const built = spawnSync('gcc', flags, { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  /** In a group of its own, which is ended whatever the case leaves behind. */
  async function linesOf(...given: string[]): Promise<string[]> {
    const child = spawn(program, given, { cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (d: Buffer) => (output += d.toString()));
    const endGroup = () => {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // Nothing was left.
      }
    };
    const watchdog = setTimeout(endGroup, PATIENCE);
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => {
        endGroup();
        resolve(code);
      });
    });
    clearTimeout(watchdog);
    await new Promise((resolve) => (child.stdout.readableEnded ? resolve(undefined) : child.stdout.on('end', resolve)));
    assert.equal(status, 0, output);
    return output.trim().split('\n');
  }

  for (const [name, expected] of Object.entries(CASES)) {
    it(name, async () => {
      const lines = await linesOf(name);
      if (lines.includes('user namespace: not allowed here')) return;
      assert.deepEqual(lines, expected);
    });
  }

  it('sends FORK for the calls of the library that copy the address space, and for no others', async function () {
    // The table's column is that of glibc, and this is the one that is installed.
    const glibc = spawnSync('getconf', ['GNU_LIBC_VERSION'], { encoding: 'utf8' }).stdout;
    if (!/^glibc 2\.(3[4-9]|[4-9]\d)/.test(glibc)) {
      process.stdout.write(`      skipped: needs glibc 2.34 or later, not ${glibc.trim() || 'another library'}\n`);
      this.skip();
    }
    const expected = [
      ...FORK_FAMILY.filter((f) => f.copies !== 'by-flags').map((f) => [f.name, f.copies === 'always'] as const),
      ...Object.entries(BY_FLAGS).map(([name, flags]) => [name, copiesAddressSpace(flags)] as const),
    ];
    const seen = await Promise.all(expected.map(async ([name]) => (await linesOf('family', name)).at(-1)));
    assert.deepEqual(
      seen,
      expected.map(([name, copies]) => `family ${name}: ${copies ? 1 : 0}`),
    );
  });
});
