import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Client } from './client.ts';

const FIXTURE = resolve('test-fixtures/rules/unhandled-fork-event/bad-selftest-default.c');
const uri = pathToFileURL(FIXTURE).href;
const text = readFileSync(FIXTURE, 'utf8');
const line = text.split('\n').findIndex((l) => l.includes('// expect:'));

describe('language server', () => {
  let client: Client;
  beforeEach(() => {
    client = new Client();
  });
  afterEach(() => client.stop());

  it('pushes diagnostics with the version and clears them after an edit', async () => {
    const { serverInfo, capabilities } = await client.start({});
    assert.equal(serverInfo.name, 'uffd-lint');
    assert.equal(capabilities.positionEncoding, 'utf-16');
    assert.equal(capabilities.diagnosticProvider, undefined);
    await client.open(text, 1, uri);
    const first = await client.next();
    assert.equal(first.version, 1);
    assert.deepEqual(
      first.diagnostics.map((d) => [d.code, d.range.start.line]),
      [['uffd/unhandled-fork-event', line]],
    );
    assert.ok(first.diagnostics[0]!.relatedInformation.length > 2);
    await client.change('int main(void) { return 0; }\n', 2, uri);
    assert.deepEqual((await client.next()).diagnostics, []);
  });

  it('answers pulls with a result id, and does not push then', async () => {
    const { capabilities } = await client.start({ textDocument: { diagnostic: {} } });
    assert.ok(capabilities.diagnosticProvider);
    await client.open(text, 1, uri);
    const report = (await client.connection.sendRequest('textDocument/diagnostic', { textDocument: { uri } })) as {
      kind: string;
      resultId: string;
      items: unknown[];
    };
    assert.equal(report.kind, 'full');
    assert.equal(report.items.length, 1);
    const again = (await client.connection.sendRequest('textDocument/diagnostic', {
      textDocument: { uri },
      previousResultId: report.resultId,
    })) as { kind: string };
    assert.equal(again.kind, 'unchanged');
  });

  it('counts bytes where the client speaks UTF-8', async () => {
    const { capabilities } = await client.start({ general: { positionEncodings: ['utf-8', 'utf-16'] } });
    assert.equal(capabilities.positionEncoding, 'utf-8');
    await client.open(text.replace('switch (msg.event)', '/* 🐑 */ switch (msg.event)'), 1, uri);
    const { diagnostics } = await client.next();
    assert.equal(diagnostics[0]!.range.start.character, 2 + Buffer.byteLength('/* 🐑 */ '));
  });

  it('takes edits in bytes where the client speaks UTF-8', async () => {
    await client.start({ general: { positionEncodings: ['utf-8'] } });
    await client.open(text.replace('switch (msg.event)', '/* 🐑 */ switch (msg.event)'), 1, uri);
    await client.next();
    const at = { line, character: 2 + Buffer.byteLength('/* 🐑 */ ') };
    const insert = { range: { start: at, end: at }, text: '/*é*/ ' };
    const top = { line: 0, character: 0 };
    await client.edit([insert, { range: { start: top, end: top }, text: '\n' }], 2, uri);
    const { version, diagnostics } = await client.next();
    assert.equal(version, 2);
    assert.deepEqual(
      diagnostics.map((d) => d.range.start),
      [{ line: line + 1, character: at.character + Buffer.byteLength('/*é*/ ') }],
    );
  });

  it('answers a pull that an edit of another file overtakes', async () => {
    await client.start({ textDocument: { diagnostic: {} } });
    const other = 'file:///elsewhere/x.c';
    await client.open(text, 1, uri);
    await client.open('int x;\n', 1, other);
    const report = client.connection.sendRequest('textDocument/diagnostic', { textDocument: { uri } });
    await client.change('int y;\n', 2, other);
    assert.equal(((await report) as { items: unknown[] }).items.length, 1);
  });

  it('is not kept from one document by the name of another', async () => {
    await client.start({});
    await client.open('int x;\n', 1, 'file://host/a%2Fb.c');
    await client.open(text, 1, uri);
    assert.equal((await client.next()).uri, 'file://host/a%2Fb.c');
    assert.equal((await client.next()).diagnostics.length, 1);
  });

  it('ends quietly when the client goes in the middle of an analysis', async () => {
    await client.start({});
    await client.open(text, 1, uri);
    const ended = new Promise<NodeJS.Signals | null>((done) => client.process.on('close', (_, signal) => done(signal)));
    client.process.stdin!.end();
    assert.equal(await ended, null);
    assert.equal(client.complaint, '');
  });

  it('survives damaged text', async () => {
    await client.start({});
    await client.open(`${'('.repeat(5000)}\0 UFFD_EVENT_FORK ${'{'.repeat(300)} #if`, 1, uri);
    await client.next();
    await client.change(text, 2, uri);
    assert.equal((await client.next()).diagnostics.length, 1);
  });

  it('says where, why and how it gets there', async () => {
    await client.start({});
    await client.open(text, 1, uri);
    const [d] = (await client.next()).diagnostics;
    assert.equal(d!.source, 'uffd');
    assert.match(d!.message, /\(line \d+: UFFDIO_API succeeds/, 'without related information too');
    assert.match(readFileSync(fileURLToPath(d!.codeDescription.href), 'utf8'), /^# uffd\/unhandled-fork-event/);
    const report = JSON.parse(
      spawnSync(process.execPath, ['bin/uffd-lint.cjs', '--format', 'json', FIXTURE], { encoding: 'utf8' }).stdout,
    ) as { findings: { trace: { message: string; range: { start: { line: number } } }[] }[] };
    assert.deepEqual(
      d!.relatedInformation.map((r) => [r.message, r.location.range.start.line + 1]),
      report.findings[0]!.trace.map((t) => [t.message, t.range.start.line]),
      'the steps of the command, in order',
    );
  });

  it('sees the open files of a folder as one program, and unsaved headers', async () => {
    await client.start({ textDocument: { diagnostic: {} } });
    const folder = pathToFileURL(resolve('no-such-folder')).href;
    // The feature is in a header that exists in the editor only, and main() in another file.
    const setup = text
      .replace('int main(', '#include "setup.h"\nint main_of_this(')
      .replaceAll('UFFD_FEATURE_EVENT_FORK', 'WANTED_FEATURES');
    await client.open(setup, 1, `${folder}/a.c`);
    assert.equal((await client.pull(`${folder}/a.c`)).items.length, 0);
    await client.open('#define WANTED_FEATURES UFFD_FEATURE_EVENT_FORK\n', 1, `${folder}/setup.h`);
    await client.open('int main_of_this(void);\nint main(void) { return main_of_this(); }\n', 1, `${folder}/b.c`);
    const { items } = await client.pull(`${folder}/a.c`);
    assert.deepEqual(
      items.map((i) => i.code),
      ['uffd/unhandled-fork-event'],
    );
    assert.deepEqual((await client.pull(`${folder}/b.c`)).items, []);
  });

  it('answers for the newest text when edits come faster than it works', async () => {
    await client.start({});
    await client.open(text, 1, uri);
    for (let version = 2; version <= 30; version++) await client.change(version % 2 ? text : `${text}\n`, version, uri);
    await client.change('int main(void) { return 0; }\n', 31, uri);
    for (let seen = 0; seen < 31; ) {
      const { version, diagnostics } = await client.next();
      assert.ok(version! > seen, 'never back');
      seen = version!;
      if (seen === 31) assert.deepEqual(diagnostics, []);
    }
  });

  it('does not take a result id of another server for its own', async () => {
    await client.start({ textDocument: { diagnostic: {} } });
    await client.open(text, 1, uri);
    const { resultId } = await client.pull(uri);
    const other = new Client();
    await other.start({ textDocument: { diagnostic: {} } });
    await other.open(text, 1, uri);
    assert.equal((await other.pull(uri, resultId)).kind, 'full');
    await other.stop();
  });

  it('never pushes to a client that pulls', async () => {
    await client.start({ textDocument: { diagnostic: {} } });
    const pushed: unknown[] = [];
    client.connection.onNotification('textDocument/publishDiagnostics', (d) => {
      pushed.push(d);
    });
    await client.open(text, 1, uri);
    await client.pull(uri);
    await client.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
    assert.deepEqual((await client.pull(uri)).items, []);
    await new Promise((done) => setTimeout(done, 200));
    assert.deepEqual(pushed, []);
  });

  it("knows clangd's way to negotiate the encoding", async () => {
    const { offsetEncoding, capabilities } = await client.start({ offsetEncoding: ['utf-8', 'utf-16'] });
    assert.equal(offsetEncoding, 'utf-8');
    assert.equal(capabilities.positionEncoding, 'utf-8');
  });

  it('counts UTF-16 units where the client says nothing', async () => {
    await client.start({});
    await client.open(text.replace('switch (msg.event)', '/* 🐑 */ switch (msg.event)'), 1, uri);
    const { diagnostics } = await client.next();
    assert.equal(diagnostics[0]!.range.start.character, 2 + '/* 🐑 */ '.length);
  });

  it('claims nothing of C++', async () => {
    await client.start({});
    await client.open(text, 1, pathToFileURL(resolve('a.cc')).href, 'cpp');
    assert.deepEqual((await client.next()).diagnostics, []);
  });

  it('says once what it does not analyse', async () => {
    await client.start({});
    await client.open(`int uffd;${' '.repeat(3 << 20)}`, 1, uri);
    assert.deepEqual((await client.next()).diagnostics, []);
    await client.edit(
      [{ range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, text: ' ' }],
      2,
      uri,
    );
    await client.next();
    assert.equal(client.log.filter((m) => m.includes('larger than')).length, 1);
  });

  it('tells of the constant under the cursor', async () => {
    await client.start({ general: { positionEncodings: ['utf-8'] } });
    await client.open('/* é */ long f = UFFD_FEATURE_EVENT_FORK, e = UFFD_EVENT_FORK, n = 1;\n', 1, uri);
    const hover = (character: number) =>
      client.connection.sendRequest<{
        contents: { value: string };
        range: { start: { character: number }; end: { character: number } };
      } | null>('textDocument/hover', { textDocument: { uri }, position: { line: 0, character } });
    const feature = await hover(25);
    assert.match(feature!.contents.value, /UFFD_FEATURE_EVENT_FORK.* = 0x2.*since Linux 4\.11/s);
    assert.deepEqual([feature!.range.start.character, feature!.range.end.character], [18, 41]);
    assert.match((await hover(50))!.contents.value, /UFFD_EVENT_FORK.* = 0x13.*forking thread/s);
    assert.equal(await hover(66), null);
  });

  it('is what the command starts, and speaks nothing but the protocol', async () => {
    const built = new Client(['bin/uffd-lint.cjs', 'lsp', '--stdio', `--clientProcessId=${process.pid}`]);
    let bytes = '';
    built.process.stdout!.on('data', (d: Buffer) => {
      bytes += d.toString();
    });
    await built.start({});
    await built.open(text, 1, uri);
    assert.equal((await built.next()).diagnostics.length, 1);
    await built.stop();
    assert.equal(built.process.exitCode, 0);
    assert.equal(built.complaint, '');
    let rest = Buffer.from(bytes);
    while (rest.length > 0) {
      const header = /^Content-Length: (\d+)\r\n\r\n/.exec(rest.toString('latin1'));
      assert.ok(header, rest.toString().slice(0, 200));
      rest = rest.subarray(header[0].length + Number(header[1]));
    }
  });

  it('ends when its client dies without a word', async () => {
    // The process that the server was told to watch goes; the pipe to us stays open.
    const watcher = new Client();
    const sleeper = spawn('sleep', ['60']);
    await watcher.connection.sendRequest('initialize', { processId: sleeper.pid, rootUri: null, capabilities: {} });
    const ended = new Promise((done) => watcher.process.on('exit', done));
    sleeper.kill();
    await ended;
    watcher.connection.dispose();
  });
});
