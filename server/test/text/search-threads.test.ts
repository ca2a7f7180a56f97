import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MENTION_WORDS } from '../../src/analysis/analyse.ts';
import { discover } from '../../src/text/files.ts';
import { findSilent } from '../../src/text/search-threads.ts';
import { disk } from '../../src/text/source.ts';

const MANY = 1 << 24;

describe('a search in two threads', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'uffd-search-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('finds silent what a search file by file finds silent', async function () {
    this.timeout(20_000);
    const { files } = discover(['test-fixtures', 'server/test']);
    const silent = await findSilent(files, MENTION_WORDS, 0);
    const expected = files.filter((path) => disk.search(path, MANY, MENTION_WORDS) === undefined);
    assert.deepEqual([...silent].sort(), expected.sort());
    assert.ok(silent.size > 0 && silent.size < files.length);
  });

  it('leaves what is unusual to others', async () => {
    const put = (name: string, bytes: string | Uint8Array) => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    const large = put('large.c', `${' '.repeat(3 << 20)}int userfaultfd;\n`);
    const largeAndSilent = put('silent.c', ' '.repeat(3 << 20));
    const wide = put('wide.c', Buffer.from('\ufeffint a;\n', 'utf16le'));
    const empty = put('empty.c', '');
    const fifo = join(folder, 'fifo.c');
    execFileSync('mkfifo', [fifo]);
    mkdirSync(join(folder, 'folder.c'));
    const unusual = [wide, fifo, join(folder, 'folder.c'), join(folder, 'missing.c')];
    const silent = await findSilent([large, largeAndSilent, empty, ...unusual], ['userfaultfd'], 0);
    assert.deepEqual([...silent], [largeAndSilent, empty]);
  });

  it('is not begun for few files', async () => {
    assert.deepEqual(await findSilent(['README.md'], ['a word that no file has']), new Set());
  });
});
