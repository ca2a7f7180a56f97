/** The tables of library functions: one row a name, a reason a row, and the rows that decide findings. */
import assert from 'node:assert/strict';
import { type LibraryKind, libraryFunction, libraryFunctions } from '../../src/libc/effects.ts';
import { FORK_FAMILY } from '../../src/libc/fork-family.ts';
import { SYSCALLS_BY_NUMBER } from '../../src/libc/syscalls.ts';

describe('library functions', () => {
  const rows = libraryFunctions();

  it('has one row a name, at least 350 of them', () => {
    const seen = new Set<string>();
    for (const row of rows) {
      assert.match(row.name, /^[A-Za-z_]\w*$/);
      assert.ok(!seen.has(row.name), `${row.name} stands twice`);
      seen.add(row.name);
    }
    assert.ok(rows.length >= 350, String(rows.length));
  });

  it('gives a reason in each row, and argument positions that can be', () => {
    for (const row of rows) {
      assert.ok(row.reason.length > 0, row.name);
      if (row.keepsArguments !== false) assert.ok(row.keepsArguments.every((i) => Number.isInteger(i) && i >= 0));
    }
  });

  it('keeps nothing but what a stream, a socket or a file takes over', () => {
    assert.deepEqual(
      rows.filter((r) => r.keepsArguments !== false).map((r) => r.name),
      ['fdopen', 'fdopendir', 'sendmsg', 'sendmmsg', 'send', 'sendto', 'write', 'writev', 'pwrite'],
    );
  });

  it('ends the path only where the library does', () => {
    const kinds: readonly LibraryKind[] = ['exit', 'thread-exit'];
    for (const r of rows) assert.equal(r.noreturn, kinds.includes(r.kind), r.name);
  });

  it('does not know what writes the program’s variables through its arguments, nor what helpers of any project may be called', () => {
    for (const name of ['sscanf', 'fread', 'recv', 'recvmsg', 'getsockopt', 'errExit', 'die'])
      assert.equal(libraryFunction(name), undefined, name);
  });
});

describe('the fork family', () => {
  it('has a row of effects for each call, of the same kind', () => {
    assert.equal(FORK_FAMILY.length, 15);
    for (const f of FORK_FAMILY) assert.equal(libraryFunction(f.name)?.kind, f.kind, f.name);
  });

  it('knows no other call that makes a process or a thread', () => {
    const kinds: readonly LibraryKind[] = ['fork', 'forkpty', 'daemon', 'vfork', 'clone', 'thread-create'];
    const names = new Set(FORK_FAMILY.map((f) => f.name));
    for (const row of libraryFunctions()) if (kinds.includes(row.kind)) assert.ok(names.has(row.name), row.name);
  });

  it('copies the address space in fork() and what is built on it, never in vfork() and what is built on that', () => {
    const which = (copies: string) => FORK_FAMILY.filter((f) => f.copies === copies).map((f) => f.name);
    assert.deepEqual(which('always'), ['fork', '_Fork', 'forkpty', 'daemon']);
    assert.deepEqual(which('by-flags'), ['clone', '__clone2']);
    assert.ok(which('never').includes('posix_spawn') && which('never').includes('system'));
    assert.deepEqual(
      FORK_FAMILY.filter((f) => f.copies === 'never' && f.muslCopies).map((f) => f.name),
      ['wordexp'],
    );
  });
});

describe('system calls by number', () => {
  it('gives a name and its number the same model', () => {
    for (const [key, row] of SYSCALLS_BY_NUMBER) {
      assert.equal(SYSCALLS_BY_NUMBER.get(row.name)?.kind, row.kind, key);
      assert.ok(row.reason.length > 0, key);
    }
    assert.equal(SYSCALLS_BY_NUMBER.get('323')?.kind, 'userfaultfd');
    assert.equal(SYSCALLS_BY_NUMBER.get('57')?.kind, 'fork');
  });
});
