import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';

const FIXTURE = resolve('test-fixtures/rules/unhandled-fork-event/bad-selftest-default.c');
const uri = pathToFileURL(FIXTURE).href;
const text = readFileSync(FIXTURE, 'utf8');
const line = text.split('\n').findIndex((l) => l.includes('// expect:'));

interface PublishedDiagnostics {
  readonly uri: string;
  readonly version?: number;
  readonly diagnostics: readonly {
    readonly code: string;
    readonly range: { readonly start: { readonly line: number; readonly character: number } };
    readonly relatedInformation: readonly unknown[];
  }[];
}

class Client {
  readonly process: ChildProcess;
  readonly connection: MessageConnection;
  /** What the server wrote to standard error. */
  complaint = '';
  private readonly published: PublishedDiagnostics[] = [];
  private waiting: ((d: PublishedDiagnostics) => void)[] = [];

  constructor() {
    this.process = spawn(process.execPath, ['--import', 'tsx', 'server/src/lsp/index.ts'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.process.stderr!.on('data', (d: Buffer) => {
      this.complaint += d.toString();
      process.stderr.write(d);
    });
    this.connection = createMessageConnection(
      new StreamMessageReader(this.process.stdout!),
      new StreamMessageWriter(this.process.stdin!),
    );
    this.connection.onNotification('textDocument/publishDiagnostics', (d: PublishedDiagnostics) => {
      const next = this.waiting.shift();
      if (next === undefined) this.published.push(d);
      else next(d);
    });
    this.connection.listen();
  }

  async start(capabilities: object): Promise<{
    capabilities: { positionEncoding: string; diagnosticProvider?: object };
    serverInfo: { name: string };
  }> {
    const result = await this.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities,
    });
    await this.connection.sendNotification('initialized', {});
    return result as Awaited<ReturnType<Client['start']>>;
  }

  open(content: string, version = 1, of = uri): Promise<void> {
    return this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri: of, languageId: 'c', version, text: content },
    });
  }

  change(content: string, version: number, of = uri): Promise<void> {
    return this.edit([{ text: content }], version, of);
  }

  edit(contentChanges: readonly object[], version: number, of = uri): Promise<void> {
    return this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri: of, version },
      contentChanges,
    });
  }

  next(): Promise<PublishedDiagnostics> {
    const ready = this.published.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((done) => this.waiting.push(done));
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return this.connection.dispose();
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    await new Promise((done) => this.process.on('exit', done));
    this.connection.dispose();
  }
}

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
    await client.open(text);
    const first = await client.next();
    assert.equal(first.version, 1);
    assert.deepEqual(
      first.diagnostics.map((d) => [d.code, d.range.start.line]),
      [['uffd/unhandled-fork-event', line]],
    );
    assert.ok(first.diagnostics[0]!.relatedInformation.length > 2);
    await client.change('int main(void) { return 0; }\n', 2);
    assert.deepEqual((await client.next()).diagnostics, []);
  });

  it('answers pulls with a result id, and does not push then', async () => {
    const { capabilities } = await client.start({ textDocument: { diagnostic: {} } });
    assert.ok(capabilities.diagnosticProvider);
    await client.open(text);
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
    await client.open(text.replace('switch (msg.event)', '/* 🐑 */ switch (msg.event)'));
    const { diagnostics } = await client.next();
    assert.equal(diagnostics[0]!.range.start.character, 2 + Buffer.byteLength('/* 🐑 */ '));
  });

  it('takes edits in bytes where the client speaks UTF-8', async () => {
    await client.start({ general: { positionEncodings: ['utf-8'] } });
    await client.open(text.replace('switch (msg.event)', '/* 🐑 */ switch (msg.event)'));
    await client.next();
    const at = { line, character: 2 + Buffer.byteLength('/* 🐑 */ ') };
    const insert = { range: { start: at, end: at }, text: '/*é*/ ' };
    const top = { line: 0, character: 0 };
    await client.edit([insert, { range: { start: top, end: top }, text: '\n' }], 2);
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
    await client.open(text);
    await client.open('int x;\n', 1, other);
    const report = client.connection.sendRequest('textDocument/diagnostic', { textDocument: { uri } });
    await client.change('int y;\n', 2, other);
    assert.equal(((await report) as { items: unknown[] }).items.length, 1);
  });

  it('is not kept from one document by the name of another', async () => {
    await client.start({});
    await client.open('int x;\n', 1, 'file://host/a%2Fb.c');
    await client.open(text);
    assert.equal((await client.next()).uri, 'file://host/a%2Fb.c');
    assert.equal((await client.next()).diagnostics.length, 1);
  });

  it('ends quietly when the client goes in the middle of an analysis', async () => {
    await client.start({});
    await client.open(text);
    const ended = new Promise<NodeJS.Signals | null>((done) => client.process.on('close', (_, signal) => done(signal)));
    client.process.stdin!.end();
    assert.equal(await ended, null);
    assert.equal(client.complaint, '');
  });

  it('survives damaged text', async () => {
    await client.start({});
    await client.open(`${'('.repeat(5000)}\0 UFFD_EVENT_FORK ${'{'.repeat(300)} #if`);
    await client.next();
    await client.change(text, 2);
    assert.equal((await client.next()).diagnostics.length, 1);
  });
});
