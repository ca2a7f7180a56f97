import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { lint } from '../../src/cli/lint.ts';
import { parseLintOptions } from '../../src/cli/options.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { Client } from './client.ts';
import { Folder, until } from './folders.ts';

const PROJECTS = join(FIXTURES, 'projects');
/** It asks for diagnostics, and cannot be told to ask again. */
const PULLS = { textDocument: { diagnostic: {} }, workspace: { workspaceFolders: true } };
/** It asks again when it is told to, shows progress and watches files. */
const MODERN = {
  textDocument: { diagnostic: {} },
  workspace: {
    workspaceFolders: true,
    diagnostics: { refreshSupport: true },
    didChangeWatchedFiles: { dynamicRegistration: true },
  },
  window: { workDoneProgress: true },
};

/** Findings of the command on a folder: file, line, rule and message. */
async function commandOn(folder: string): Promise<string[]> {
  let json = '';
  await lint(parse(['--format', 'json', folder]), '0', {
    stdout: (text) => {
      json += text;
    },
    stderr: () => {},
    stdin: () => Promise.reject(new Error('nothing to read')),
    color: false,
  });
  const { findings } = JSON.parse(json) as {
    findings: { file: string; ruleId: string; message: string; range: { start: { line: number } } }[];
  };
  return findings.map((f) => `${resolve(f.file)}:${f.range.start.line}: ${f.ruleId} ${f.message}`);
}

function parse(args: readonly string[]) {
  const options = parseLintOptions(args);
  assert.ok(typeof options === 'object');
  return options;
}

describe('language server in a workspace', () => {
  let client: Client;
  let folder: Folder;
  beforeEach(() => {
    client = new Client();
    folder = new Folder();
  });
  afterEach(async () => {
    await client.stop();
    folder.delete('.');
  });
  const openFromDisk = (name: string) => client.open(folder.text(name), 1, folder.of(name));
  const codes = async (name: string) => (await client.pull(folder.of(name))).items.map((d) => d.code);
  const tell = (name: string, type: 1 | 2 | 3) =>
    client.connection.sendNotification('workspace/didChangeWatchedFiles', {
      changes: [{ uri: folder.of(name), type }],
    });

  it('finds in each file what the command finds in its folder', async () => {
    const folders = readdirSync(PROJECTS).map((name) => join(PROJECTS, name));
    const workspaceFolders = folders.map((f) => ({ uri: pathToFileURL(resolve(f)).href, name: f }));
    await client.start(PULLS, { workspaceFolders });
    let found = 0;
    for (const path of folders) {
      const seen: string[] = [];
      for (const file of cFiles(path)) {
        const uri = pathToFileURL(resolve(file)).href;
        await client.open(readText(file)!, 1, uri);
        for (const d of (await client.pull(uri)).items)
          seen.push(
            `${fileURLToPath(uri)}:${d.range.start.line + 1}: ${d.code} ${d.message.replace(/ \([^()]*line \d+: .*\)$/, '')}`,
          );
        await client.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
      }
      assert.deepEqual(seen.sort(), (await commandOn(path)).sort(), path);
      found += seen.length;
    }
    assert.ok(found > 8, 'there was something to find');
  }).timeout(180_000);

  it('shows nothing that another file could refute before it has seen all', async () => {
    folder.copy(join(PROJECTS, 'extern-good'));
    let release: () => void = () => {};
    client.mayScan = new Promise((done) => {
      release = done;
    });
    await client.start(MODERN, folder.opened);
    // The file that is not open starts the reader.
    for (const name of ['heap.c', 'jobs.c', 'main.c']) await openFromDisk(name);
    assert.deepEqual(await codes('jobs.c'), []);
    release();
    await until('told to ask again', () => client.refreshes > 0);
    assert.deepEqual(await codes('jobs.c'), []);
    folder.put('server.c', 'void heap_serve_in_background(void)\n{\n}\n');
    await tell('server.c', 2);
    await until('the refuting file changed', async () =>
      (await codes('jobs.c')).includes('uffd/fork-event-never-read'),
    );
  });

  it('shows what needs another file when it has seen all', async () => {
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    let release: () => void = () => {};
    client.mayScan = new Promise((done) => {
      release = done;
    });
    await client.start(MODERN, folder.opened);
    await openFromDisk('worker.c');
    assert.deepEqual(await codes('worker.c'), []);
    release();
    await until('told to ask again', () => client.refreshes > 0);
    const { items } = await client.pull(folder.of('worker.c'));
    assert.deepEqual(
      items.map((d) => d.code),
      ['uffd/fork-event-never-read'],
    );
    assert.match(items[0]!.message, /\(util\.c, line \d+: UFFDIO_API/);
    assert.ok(items[0]!.relatedInformation.some((r) => r.location.uri === folder.of('main.c')));
    assert.deepEqual(client.progress, ['begin', 'end']);
    assert.ok(client.registered.includes('workspace/didChangeWatchedFiles'));
  });

  it('shows at once what one whole file holds', async () => {
    const fixture = `${FIXTURES}/rules/unhandled-fork-event/bad-selftest-default.c`;
    folder.put('a.c', readText(fixture)!);
    client.mayScan = new Promise(() => {});
    await client.start(MODERN, folder.opened);
    await openFromDisk('a.c');
    assert.deepEqual(await codes('a.c'), ['uffd/unhandled-fork-event']);
  });

  it('pushes again when the scan has come to its end', async () => {
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    await client.start({}, folder.opened);
    await openFromDisk('worker.c');
    await until('pushed', async () => (await client.next()).diagnostics.length === 1);
  });

  it('takes what is open for what is on the disk', async () => {
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    await client.start(PULLS, folder.opened);
    await openFromDisk('worker.c');
    assert.equal((await codes('worker.c')).length, 1);
    const main = folder.text('main.c');
    await client.open(main.replace('xioctl(uffd, UFFDIO_REGISTER, &reg);', ''), 1, folder.of('main.c'));
    assert.deepEqual(await codes('worker.c'), []);
    await client.connection.sendNotification('textDocument/didClose', { textDocument: { uri: folder.of('main.c') } });
    assert.equal((await codes('worker.c')).length, 1);
  });

  it('notices that a file is deleted or made', async () => {
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    await client.start(MODERN, folder.opened);
    await openFromDisk('worker.c');
    await until('a finding', async () => (await codes('worker.c')).length === 1);
    const main = folder.text('main.c');
    folder.delete('main.c');
    await tell('main.c', 3);
    await until('no finding', async () => (await codes('worker.c')).length === 0);
    folder.put('sub/main.c', main.replace('"util.h"', '"../util.h"'));
    await tell('sub/main.c', 1);
    await until('a finding again', async () => (await codes('worker.c')).length === 1);
  });

  it('looks at the disk when a file is saved where the client does not watch it', async () => {
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    await client.start(PULLS, folder.opened);
    await openFromDisk('worker.c');
    assert.equal((await codes('worker.c')).length, 1);
    folder.delete('main.c');
    await client.save(folder.of('worker.c'));
    await until('no finding', async () => (await codes('worker.c')).length === 0);
  });

  it('follows the folders of the client', async () => {
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    await client.start(PULLS, { workspaceFolders: [] });
    await openFromDisk('worker.c');
    assert.deepEqual(await codes('worker.c'), []);
    const change = (added: boolean) =>
      client.connection.sendNotification('workspace/didChangeWorkspaceFolders', {
        event: {
          added: added ? [{ uri: folder.uri, name: 'f' }] : [],
          removed: added ? [] : [{ uri: folder.uri, name: 'f' }],
        },
      });
    await change(true);
    await until('a finding', async () => (await codes('worker.c')).length === 1);
    await change(false);
    await until('no finding', async () => (await codes('worker.c')).length === 0);
  });

  it('does not leave the folder, nor run in circles', async () => {
    const outside = new Folder();
    outside.copy(join(PROJECTS, 'drawn-in-bad'));
    folder.put('worker.c', outside.text('worker.c'));
    folder.put('util.h', outside.text('util.h'));
    symlinkSync(outside.path, join(folder.path, 'outside'));
    symlinkSync(folder.path, join(folder.path, 'again'));
    await client.start(PULLS, folder.opened);
    await openFromDisk('worker.c');
    assert.deepEqual(await codes('worker.c'), []);
    outside.delete('.');
  });

  it('leaves out what .gitignore leaves out', async () => {
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    folder.put('.gitignore', 'main.c\n');
    folder.put('.git/HEAD', '');
    await client.start(MODERN, folder.opened);
    await openFromDisk('worker.c');
    await until('told to ask again', () => client.refreshes > 0);
    assert.deepEqual(await codes('worker.c'), []);
    folder.put('.gitignore', '');
    await tell('.gitignore', 2);
    await until('a finding', async () => (await codes('worker.c')).length === 1);
  });

  it('tells that a folder has too many files, and holds back what they could refute', async () => {
    folder.copy(join(PROJECTS, 'extern-good'));
    mkdirSync(join(folder.path, 'many'));
    for (let i = 0; i < 20_000; i++) writeFileSync(join(folder.path, 'many', `${i}.c`), '');
    await client.start(PULLS, folder.opened);
    // What is left out, server.c, starts the reader.
    for (const name of ['heap.c', 'jobs.c', 'main.c']) await openFromDisk(name);
    assert.deepEqual(await codes('jobs.c'), []);
    assert.equal(client.log.filter((m) => /more than 20000 C files.*open a smaller folder/.test(m)).length, 1);
  });

  it('works in a folder that is not there', async () => {
    const of = 'file:///no/such/folder/a.c';
    await client.start(PULLS, { rootUri: 'file:///no/such/folder' });
    await client.open(readText(`${FIXTURES}/rules/unhandled-fork-event/bad-selftest-default.c`)!, 1, of);
    assert.equal((await client.pull(of)).items.length, 1);
    assert.ok(client.log.some((m) => m.includes('/no/such/folder is not looked through to its end: no such file')));
  });

  it('does not look through the home directory', async () => {
    await client.stop();
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    client = new Client(undefined, { HOME: folder.path });
    await client.start(PULLS, folder.opened);
    await openFromDisk('worker.c');
    assert.deepEqual(await codes('worker.c'), []);
    assert.ok(client.log.some((m) => m.includes('it holds the home directory')));
  });

  it('stops looking when it is told to', async () => {
    folder.copy(join(PROJECTS, 'drawn-in-bad'));
    for (let i = 0; i < 3000; i++) folder.put(`many/${i}/a.c`, 'int uffd;\n');
    client.onProgress = (token) => void client.connection.sendNotification('window/workDoneProgress/cancel', { token });
    await client.start(MODERN, folder.opened);
    await openFromDisk('worker.c');
    await until('told', () => client.log.some((m) => m.includes('the scan was stopped')));
    assert.deepEqual(await codes('worker.c'), []);
  });

  it('answers while it looks through a large folder', async () => {
    for (let i = 0; i < 5000; i++) folder.put(`many/${i}.c`, `int a${i};\n`);
    await client.start(MODERN, folder.opened);
    await client.open('long f = UFFD_FEATURE_EVENT_FORK;\n', 1, folder.of('a.c'));
    const hover = await client.connection.sendRequest('textDocument/hover', {
      textDocument: { uri: folder.of('a.c') },
      position: { line: 0, character: 12 },
    });
    assert.ok(hover);
    assert.deepEqual(
      client.progress.filter((k) => k === 'end'),
      [],
      'the scan goes on',
    );
    await until('the end', () => client.progress.includes('end'));
  });
});
