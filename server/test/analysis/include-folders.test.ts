import assert from 'node:assert/strict';
import { IncludeFolders } from '../../src/analysis/include-folders.ts';
import { scanNames } from '../../src/syntax/names.ts';

function foldersIn(texts: Readonly<Record<string, string>>, configured: readonly string[] = []): IncludeFolders {
  return new IncludeFolders({
    paths: Object.keys(texts),
    read: (path) => texts[path],
    scan: scanNames,
    configured: () => configured,
  });
}

describe('folders of headers that nobody names', () => {
  it('are those in which the name of an include is found', () => {
    const folders = foldersIn({ 'app/src/a.c': '/* uffd */\n#include "x/u.h"\n', 'app/include/x/u.h': '' });
    assert.deepEqual(folders.of('app/src/a.c'), ['app/include']);
  });

  it('are found for what headers include too', () => {
    const folders = foldersIn({
      'src/a.c': '/* uffd */\n#include <x/u.h>\n',
      'include/x/u.h': '#include "deep.h"\n',
      'lib/deep.h': '',
    });
    assert.deepEqual(folders.ownOf('src/a.c'), ['include']);
    assert.deepEqual(folders.of('src/a.c'), ['include', 'lib']);
  });

  it('are the nearest, and none where two are equally near', () => {
    const texts = { 'a/src/a.c': '/* uffd */\n#include "u.h"\n', 'a/inc/u.h': '', 'b/inc/u.h': '' };
    assert.deepEqual(foldersIn(texts).of('a/src/a.c'), ['a/inc']);
    assert.deepEqual(foldersIn({ ...texts, 'a/other/u.h': '' }).of('a/src/a.c'), []);
  });

  it('are not looked for where the header is found, is of the system, or goes upwards', () => {
    const more = { 'c/u.h': '', 'c/sys/ioctl.h': '' };
    assert.deepEqual(foldersIn({ 'a/a.c': '/* uffd */\n#include "u.h"\n', 'a/u.h': '', ...more }).of('a/a.c'), []);
    assert.deepEqual(foldersIn({ 'a/a.c': '/* uffd */\n#include "u.h"\n', ...more }, ['c']).of('a/a.c'), []);
    assert.deepEqual(
      foldersIn({ 'a/a.c': '/* uffd */\n#include <sys/ioctl.h>\n#include "../u.h"\n', ...more }).of('a/a.c'),
      [],
    );
  });

  it('are not looked for by a file that has nothing to say of userfaultfd', () => {
    assert.deepEqual(foldersIn({ 'src/a.c': '#include "u.h"\n', 'include/u.h': '' }).of('src/a.c'), []);
  });

  it('may be the top of the tree', () => {
    assert.deepEqual(foldersIn({ 'a/a.c': '/* uffd */\n#include "config.h"\n', 'config.h': '' }).of('a/a.c'), ['.']);
  });
});
