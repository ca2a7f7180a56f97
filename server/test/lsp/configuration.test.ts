import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { FIXTURES, readText } from '../support/fixtures.ts';
import { Client } from './client.ts';
import { Folder, until } from './folders.ts';

const PULLS = { textDocument: { diagnostic: {} } };
const WATCHES = { ...PULLS, workspace: { didChangeWatchedFiles: { dynamicRegistration: true } } };
const CONFIGURES = {
  ...PULLS,
  workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
};

/** The feature is requested where FORKS is defined; a build without it has nothing to report. */
const PROGRAM = readText(`${FIXTURES}/rules/unhandled-fork-event/bad-selftest-default.c`)!
  .replace(
    'int main(',
    '#ifdef FORKS\n#define WANTED UFFD_FEATURE_EVENT_FORK\n#else\n#define WANTED 0\n#endif\nint main(',
  )
  .replace(/^/, '#ifdef FORKS\n#define WANTED UFFD_FEATURE_EVENT_FORK\n#else\n#define WANTED 0\n#endif\n')
  .replaceAll(/(?<!WANTED )UFFD_FEATURE_EVENT_FORK/g, 'WANTED');

describe('language server and the configuration', () => {
  let client: Client;
  let folder: Folder;
  beforeEach(() => {
    client = new Client();
    folder = new Folder();
    folder.put('a.c', PROGRAM);
  });
  afterEach(async () => {
    await client.stop();
    folder.delete('.');
  });
  const open = () => client.open(PROGRAM, 1, folder.of('a.c'));
  const messages = async () => (await client.pull(folder.of('a.c'))).items.map((d) => d.message);
  const found = async () => (await messages()).length;
  const database = (options: string) => [{ directory: folder.path, file: 'a.c', command: `cc ${options} -c a.c` }];
  const tell = (name: string) =>
    client.connection.sendNotification('workspace/didChangeWatchedFiles', {
      changes: [{ uri: folder.of(name), type: 2 }],
    });

  it('tries both ways where nothing tells', async () => {
    await client.start(PULLS, folder.opened);
    await open();
    const [message] = await messages();
    assert.match(message!, /only where defined\(FORKS\)/);
  });

  it('believes the compile database, and follows it', async () => {
    folder.put('build/compile_commands.json', database('-DFORKS'));
    await client.start(WATCHES, folder.opened);
    await open();
    const [message] = await messages();
    assert.doesNotMatch(message!, /only where/);
    folder.put('build/compile_commands.json', database('-UFORKS'));
    await tell('build/compile_commands.json');
    await until('no finding', async () => (await found()) === 0);
    folder.delete('build');
    await tell('build/compile_commands.json');
    await until('both ways', async () => (await messages()).some((m) => m.includes('only where')));
  });

  it('believes it where the folder was opened by a link', async () => {
    folder.put('real/a.c', PROGRAM);
    folder.put('real/compile_commands.json', [{ directory: `${folder.path}/real`, file: 'a.c', command: 'cc -c a.c' }]);
    symlinkSync(`${folder.path}/real`, `${folder.path}/link`);
    await client.start(PULLS, { rootUri: folder.of('link') });
    await client.open(PROGRAM, 1, folder.of('link/a.c'));
    assert.deepEqual((await client.pull(folder.of('link/a.c'))).items, []);
  });

  it('reads it again on save where the client watches nothing', async () => {
    folder.put('compile_commands.json', database('-DFORKS'));
    await client.start(PULLS, folder.opened);
    await open();
    assert.equal(await found(), 1);
    folder.put('compile_commands.json', database(''));
    await client.save(folder.of('a.c'));
    await until('no finding', async () => (await found()) === 0);
  });

  it('tells once of a broken one, and leaves it out', async () => {
    folder.put('compile_commands.json', '[{');
    await client.start(PULLS, folder.opened);
    await open();
    assert.match((await messages())[0]!, /only where/);
    await client.save(folder.of('a.c'));
    await messages();
    assert.equal(client.shown.length, 1);
    assert.match(
      client.shown[0]!,
      /compile_commands\.json: not JSON.*uffd-lint\.compileCommands.*Analysed without it/s,
    );
    folder.put('compile_commands.json', database(''));
    await client.save(folder.of('a.c'));
    await until('repaired', async () => (await found()) === 0);
  });

  it('takes its settings from the start', async () => {
    folder.put('elsewhere/compile_commands.json', database(''));
    const compileCommands = `\${workspaceFolder}/elsewhere`;
    await client.start(PULLS, { ...folder.opened, initializationOptions: { compileCommands } });
    await open();
    assert.equal(await found(), 0);
  });

  it('asks for its settings, and asks again when they change', async () => {
    const scopes = new Set<string | undefined>();
    let settings: object = { defines: ['FORKS=1'] };
    client.settings = (scope) => {
      scopes.add(scope);
      return settings;
    };
    await client.start(CONFIGURES, folder.opened);
    await open();
    assert.doesNotMatch((await messages())[0]!, /only where/);
    assert.deepEqual([...scopes], [undefined, folder.uri]);
    assert.deepEqual(client.registered, ['workspace/didChangeConfiguration']);
    settings = { defines: [], compileCommands: null };
    await client.connection.sendNotification('workspace/didChangeConfiguration', { settings: null });
    await until('both ways', async () => (await messages()).some((m) => m.includes('only where')));
  });

  it('takes settings that are sent', async () => {
    await client.start(PULLS, folder.opened);
    await open();
    assert.match((await messages())[0]!, /only where/);
    const settings = { 'uffd-lint': { defines: ['FORKS'] } };
    await client.connection.sendNotification('workspace/didChangeConfiguration', { settings });
    await until('decided', async () => (await messages()).some((m) => !m.includes('only where')));
  });

  it('looks for headers where it is told to', async () => {
    const text = PROGRAM.replace(/^/, '#include <wanted.h>\n');
    folder.put('inc/wanted.h', '#define FORKS\n');
    await client.start(PULLS, { ...folder.opened, initializationOptions: { includePaths: ['inc'] } });
    await client.open(text, 1, folder.of('a.c'));
    assert.doesNotMatch((await messages())[0]!, /only where/);
  });

  it('says what is wrong with a setting, and goes on without it', async () => {
    const initializationOptions = {
      compileCommands: 'nowhere',
      defines: ['FORKS', 'A-B=1'],
      includePaths: 'inc',
    };
    await client.start(PULLS, { ...folder.opened, initializationOptions });
    await open();
    assert.doesNotMatch((await messages())[0]!, /only where/);
    const said = client.shown.sort();
    assert.equal(said.length, 3);
    assert.match(said[0]!, /"A-B=1" in the setting uffd-lint\.defines is not used: give NAME or NAME=BODY/);
    assert.match(said[1]!, /nowhere: no compile_commands\.json: no such file.*Give uffd-lint\.compileCommands/);
    assert.match(said[2]!, /the setting uffd-lint\.includePaths is not used: give a list of strings/);
  });

  it('has settings for files that lie in no folder', async () => {
    await client.start(PULLS, { initializationOptions: { defines: ['FORKS'] } });
    await open();
    assert.doesNotMatch((await messages())[0]!, /only where/);
  });
});
