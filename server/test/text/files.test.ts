import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { decode } from '../../src/text/decode.ts';
import { discover, shownPath } from '../../src/text/files.ts';
import { keeping, stampOf } from '../../src/text/kept.ts';
import { disk, type FileSource, overlay, snapshot, unreadable } from '../../src/text/source.ts';

describe('discovery', () => {
  let folder = '';
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'uffd-lint-text-')));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const put = (files: Readonly<Record<string, string>>) => {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
  };
  const found = (under = '.') =>
    discover([join(folder, under)])
      .files.map((file) => relative(folder, join(process.cwd(), file)))
      .sort();

  it('finds C sources and headers, and counts C++', () => {
    put({ 'a.c': '', 'b/c.h': '', 'b/d.cpp': '', 'e.txt': '', 'node_modules/f.c': '', 'g.C': '' });
    assert.deepEqual(found(), ['a.c', 'b/c.h']);
    assert.equal(discover([folder]).cppFiles, 2);
    assert.deepEqual(discover([folder]).leftOut, []);
  });

  it('takes a file that is named whatever its name, but not C++', () => {
    put({ 'a.inc': '', 'b.cc': '' });
    const { files, leftOut, cppFiles } = discover([join(folder, 'a.inc'), join(folder, 'b.cc'), folder]);
    assert.deepEqual(files, [shownPath(join(folder, 'a.inc'))]);
    assert.deepEqual(
      leftOut.map((l) => [l.path, l.kind]),
      [[shownPath(join(folder, 'b.cc')), 'language']],
    );
    assert.equal(cppFiles, 0, 'listed is not counted too');
  });

  it('names a file once, however it was given', () => {
    put({ 'a.c': '', 'b/c.c': '' });
    assert.equal(discover([folder, join(folder, 'b', '..', 'a.c'), join(folder, 'b')]).files.length, 2);
  });

  it('honours .gitignore as git does', () => {
    put({
      '.gitignore': '*.gen.c\n/build/\nvendor/*\n!vendor/keep.c\n',
      'a.c': '',
      'b.gen.c': '',
      'build/c.c': '',
      'sub/build/d.c': '',
      'vendor/e.c': '',
      'vendor/keep.c': '',
      'sub/.gitignore': '!f.gen.c\ng.c\n',
      'sub/f.gen.c': '',
      'sub/g.c': '',
      'sub/deep/.gitignore': '/h.c\n',
      'sub/deep/h.c': '',
      'sub/deep/i.c': '',
    });
    execFileSync('git', ['init', '-q'], { cwd: folder });
    const listed = execFileSync('git', ['ls-files', '-o', '--exclude-standard', '*.c'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.deepEqual(found(), listed.trim().split('\n').sort());
    assert.deepEqual(found('sub'), ['sub/build/d.c', 'sub/deep/i.c', 'sub/f.gen.c'], 'the rules above hold too');
    assert.deepEqual(found('build'), ['build/c.c'], 'a folder that is named is looked into');
  });

  it('does not walk in circles', () => {
    put({ 'a.c': '' });
    symlinkSync('.', join(folder, 'loop'));
    symlinkSync('a.c', join(folder, 'link.c'));
    symlinkSync('nowhere.c', join(folder, 'broken.c'));
    assert.deepEqual(found(), ['a.c', 'link.c']);
  });

  it('says what is missing', () => {
    put({ 'a.c': '' });
    const { files, missing } = discover([
      join(folder, 'a.c'),
      join(folder, 'a.c/b.c'),
      join(folder, 'no'),
      '/dev/null',
    ]);
    assert.equal(files.length, 1);
    assert.deepEqual(
      missing.map((m) => m.reason),
      ['no such file or directory', 'no such file or directory', 'not a regular file'],
    );
  });
});

describe('sources', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'uffd-lint-source-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('leave out what is too large, no text, or gone', () => {
    const path = join(folder, 'a.c');
    const read = (content: string | Buffer) => {
      writeFileSync(path, content);
      return disk.read(path, 10);
    };
    assert.deepEqual(read('int x;'), { path, text: 'int x;', note: undefined });
    const kinds = [
      read('int x; // longer'),
      read('a\0b'),
      disk.read(join(folder, 'gone.c'), 10),
      disk.read(folder, 10),
    ];
    assert.deepEqual(
      kinds.map((k) => 'kind' in k && k.kind),
      ['size', 'encoding', 'unreadable', 'unreadable'],
    );
  });

  it('lay unsaved buffers over a disk', () => {
    const path = join(folder, 'b.c');
    writeFileSync(path, 'old');
    const source = overlay(disk, (p) => (p === path ? 'new' : undefined));
    assert.deepEqual(source.read(path, 10), { path, text: 'new' });
    assert.equal(source.stat(join(folder, 'b.c')), 'file');
    assert.throws(() => source.stat(join(folder, 'no.c')));
  });

  it('are searched for words before they are decoded', () => {
    const path = join(folder, 'c.c');
    const search = (source: FileSource, content: string | Buffer, maxBytes = 40) => {
      writeFileSync(path, content);
      const file = source.search(path, maxBytes, ['uffd', 'UFFD']);
      return file === undefined ? 'absent' : 'text' in file ? file.text : file.kind;
    };
    for (const source of [disk, snapshot(disk), overlay(disk, () => undefined)]) {
      assert.equal(search(source, 'int x;'), 'absent');
      assert.equal(search(source, Buffer.from([0xff, 0x00])), 'absent', 'of no interest, whatever it is');
      assert.equal(search(source, 'int x; // much too long to be read, says the limit'), 'absent');
      assert.equal(search(disk, 'int uffd; // much too long to be read, says the limit'), 'size');
      assert.equal(search(disk, Buffer.from('\ufeffint x;', 'utf16le')), 'encoding', 'its bytes could not be searched');
      assert.equal(search(source, 'int uffd;'), 'int uffd;');
    }
    const open = overlay(disk, (p) => (p === path ? 'int UFFD;' : undefined));
    assert.equal(search(open, 'int x;'), 'int UFFD;');
    assert.equal(search(disk, ''), 'absent');
  });

  it('are kept for as long as the file stays what it is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'uffd-lint-kept-'));
    const path = join(folder, 'a.c');
    let reads = 0;
    const counting: FileSource = {
      ...disk,
      read(file, maxBytes) {
        reads++;
        return disk.read(file, maxBytes);
      },
    };
    const text = (source: FileSource) => {
      const file = source.read(path, 100);
      return 'text' in file ? file.text : file.reason;
    };
    const source = keeping(counting, 10);
    assert.match(text(source), /no such file/);
    writeFileSync(path, 'one');
    assert.deepEqual([text(source), text(source), reads], ['one', 'one', 2]);
    assert.equal(stampOf(path)?.bytes, 3);
    writeFileSync(path, 'three');
    assert.deepEqual([text(source), text(source), reads], ['three', 'three', 3]);
    writeFileSync(path, 'more than ten');
    assert.deepEqual([text(source), text(source), reads], ['more than ten', 'more than ten', 5], 'too long to keep');
    rmSync(folder, { recursive: true });
    assert.match(text(source), /no such file/);
    assert.equal(stampOf(path), undefined);
  });

  it('read once', () => {
    let reads = 0;
    const counting: FileSource = { ...disk, read: (path) => ({ path, text: String(++reads) }) };
    const source = snapshot(counting);
    assert.deepEqual(source.read('a.c', 1), source.read('a.c', 1));
    assert.equal(reads, 1);
  });
});

describe('decoding', () => {
  it('drops a byte order mark, as editors do', () => {
    assert.deepEqual(decode(Buffer.from('\ufeffint x;')), { kind: 'text', text: 'int x;', note: undefined });
  });

  it('tells what may not be read from what is gone', () => {
    const after = (code: string) => unreadable('a.c', Object.assign(new Error(code), { code })).denied;
    assert.deepEqual(['EACCES', 'EPERM', 'ENOENT', 'EISDIR'].map(after), [true, true, false, false]);
  });

  it('reads what is not valid UTF-8 with a note', () => {
    const decoded = decode(Buffer.from([0x61, 0xff, 0x62]));
    assert.equal(decoded.kind === 'text' && decoded.text, 'a\ufffdb');
    assert.match((decoded.kind === 'text' && decoded.note) || '', /UTF-8/);
  });

  it('says when a file has no line ends that a compiler knows', () => {
    const note = (text: string) => {
      const decoded = decode(Buffer.from(text));
      return decoded.kind === 'text' ? decoded.note : undefined;
    };
    assert.match(note('int a;\rint b;\r') ?? '', /carriage return/);
    assert.equal(note('int a;\r\nint b;\r\n'), undefined);
  });

  it('tells UTF-16 from other bytes that are no text', () => {
    const utf16 = decode(Buffer.from('\ufeffint', 'utf16le'));
    assert.match(utf16.kind === 'binary' ? utf16.reason : '', /convert/);
    assert.equal(decode(Buffer.from('a\0')).kind, 'binary');
  });
});
