import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CompileDatabaseError, findDatabase, openDatabase, shellWords } from '../../src/text/compile-commands.ts';
import { shownPath } from '../../src/text/files.ts';

describe('compile database', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'uffd-lint-database-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const put = (name: string, content: unknown) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  };
  const shown = (name: string) => shownPath(join(folder, name));
  const entry = (more: object) => ({ directory: folder, file: 'src/a.c', command: 'cc -c src/a.c', ...more });

  const words: Record<string, string[]> = {
    'cc -DA -I "a b" \'c d\'': ['cc', '-DA', '-I', 'a b', 'c d'],
    'cc -DS=\\"x\\ y\\" "\\"q\\" \\n" \'\\n\'': ['cc', '-DS="x y"', '"q" \\n', '\\n'],
    '  a  ""\tb\\\\ ': ['a', '', 'b\\'],
  };
  for (const [command, expected] of Object.entries(words))
    it(`splits ${JSON.stringify(command)}`, () => assert.deepEqual(shellWords(command), expected));

  const expected = () => ({
    defines: { A: '1', B: '2 + 3', E: '' },
    undefined: ['C', 'D'],
    includePaths: [shown('include'), shown('src'), shownPath('/opt/x')],
    forcedIncludes: [shown('config.h')],
  });

  it('takes the options of a command', () => {
    const command =
      "cc -DA -D 'B=2 + 3' -DC=1 -UC -U D -DE= -Iinclude -iquote src -I/opt/x -isystem /usr/include/sys -include config.h -O2 -c src/a.c -o a.o";
    put('compile_commands.json', [entry({ command })]);
    assert.deepEqual(openDatabase(folder).configurationOf(shown('src/a.c')), expected());
  });

  it('looks through system folders of the project last', () => {
    const command =
      'cc -isystem third -idirafter last --include-directory=a --include-directory b -isystem /usr/include -Ic -c src/a.c';
    put('compile_commands.json', [entry({ command })]);
    const { includePaths } = openDatabase(folder).configurationOf(shown('src/a.c'))!;
    assert.deepEqual(includePaths, ['a', 'b', 'c', 'third', 'last'].map(shown));
  });

  it('takes the options of arguments, relative to a relative folder', () => {
    const list = ['cc', '-DA', '-D', 'B=2 + 3', '-UC', '-UD', '-DE=', '-I../include', '-iquote', '../src', '-I/opt/x'];
    put('build/compile_commands.json', [
      {
        directory: 'sub',
        file: '../../src/a.c',
        arguments: [...list.map((a) => a.replace('../', '../../')), '-include', '../../config.h'],
      },
    ]);
    const database = openDatabase(join(folder, 'build', 'compile_commands.json'));
    assert.deepEqual(database.configurationOf(shown('src/a.c')), expected());
    assert.equal(database.configurationOf(shown('src/b.c')), undefined);
  });

  it('tells targets by the folders of their objects', () => {
    put('compile_commands.json', [
      entry({ file: 'a.c', command: 'cc -o CMakeFiles/one.dir/a.c.o -c a.c' }),
      entry({ file: 'a.c', output: 'CMakeFiles/two.dir/a.c.o' }),
      entry({ file: 'b.c', output: 'lib/three.p/b.c.o' }),
      entry({ file: 'c.c', output: 'c.o' }),
    ]);
    const database = openDatabase(folder);
    assert.deepEqual(
      ['a.c', 'b.c', 'c.c'].map((f) => database.targetsOf(shown(f)).map((t) => t.split('|')[1])),
      [['CMakeFiles/one.dir', 'CMakeFiles/two.dir'], ['lib/three.p'], []],
    );
  });

  it('is looked for in the usual places', () => {
    const found = () => findDatabase(folder)?.path;
    assert.equal(found(), undefined);
    for (const name of ['cmake-build-release', 'cmake-build-debug', 'out', 'build', '.'].map((f) =>
      join(f, 'compile_commands.json'),
    )) {
      put(name, []);
      assert.equal(found(), shown(name));
    }
    assert.equal(findDatabase(join(folder, 'no')), undefined);
  });

  const broken: Record<string, [unknown, RegExp]> = {
    'is no JSON': ['[{', /not JSON: /],
    'is no array': [{}, /array of entries/],
    'has an entry that is no object': [[1], /entry 1 is no object/],
    'has an entry without a folder': [[{ file: 'a.c', command: 'cc' }], /entry 1 has no "directory"/],
    'has an entry without a file': [[{ directory: '/', command: 'cc' }], /entry 1 has no "file"/],
    'has an entry without a command': [[{ directory: '/', file: 'a.c' }], /neither "arguments" nor "command"/],
    'has arguments that are no words': [[{ directory: '/', file: 'a.c', arguments: [1] }], /"arguments" of entry 1/],
    'has an output that is no name': [
      [{ directory: '/', file: 'a.c', command: 'cc', output: 1 }],
      /"output" of entry 1/,
    ],
  };
  for (const [what, [content, message]] of Object.entries(broken)) {
    it(`says so when it ${what}`, () => {
      put('compile_commands.json', content);
      assert.throws(
        () => openDatabase(folder),
        (error: Error) =>
          error instanceof CompileDatabaseError &&
          message.test(error.message) &&
          error.message.startsWith(`${shown('compile_commands.json')}: `) &&
          /give -p another folder/.test(error.message),
      );
    });
  }

  it('says so when it is missing', () => {
    assert.throws(() => openDatabase(folder), /no compile_commands\.json: no such file.*Give -p the folder/);
    assert.throws(() => openDatabase(join(folder, 'no')), CompileDatabaseError);
  });
});
