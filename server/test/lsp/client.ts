/** A client of the language server that speaks the protocol over pipes, and remembers what it was told. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';

export interface Diagnostic {
  readonly code: string;
  readonly message: string;
  readonly source: string;
  readonly codeDescription: { readonly href: string };
  readonly range: {
    readonly start: { readonly line: number; readonly character: number };
    readonly end: { readonly line: number; readonly character: number };
  };
  readonly relatedInformation: readonly {
    readonly location: { readonly uri: string; readonly range: { readonly start: { readonly line: number } } };
    readonly message: string;
  }[];
}

export interface PublishedDiagnostics {
  readonly uri: string;
  readonly version?: number;
  readonly diagnostics: readonly Diagnostic[];
}

export interface Initialised {
  readonly capabilities: {
    readonly positionEncoding: string;
    readonly diagnosticProvider?: object;
    readonly workspace?: object;
  };
  readonly offsetEncoding?: string;
  readonly serverInfo: { readonly name: string };
}

export class Client {
  readonly process: ChildProcess;
  readonly connection: MessageConnection;
  /** What the server wrote to standard error. */
  complaint = '';
  /** What it logged, and what it showed. */
  readonly log: string[] = [];
  readonly shown: string[] = [];
  /** Methods that the server registered for. */
  readonly registered: string[] = [];
  /** Kinds of progress notifications, in order. */
  readonly progress: string[] = [];
  /** How often it was told to pull again. */
  refreshes = 0;
  /** Answers questions about settings, by scope. */
  settings: (scope: string | undefined) => unknown = () => null;
  /** A server that shows progress does not begin a scan before this resolves. */
  mayScan: Promise<void> = Promise.resolve();
  /** Called when a progress begins, with its token. */
  onProgress: (token: string | number) => void = () => {};
  private readonly published: PublishedDiagnostics[] = [];
  private waiting: ((d: PublishedDiagnostics) => void)[] = [];

  constructor(
    command: readonly string[] = ['--import', 'tsx', 'server/src/lsp/index.ts'],
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.process = spawn(process.execPath, command, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.process.stderr!.on('data', (d: Buffer) => {
      this.complaint += d.toString();
      process.stderr.write(d);
    });
    this.connection = createMessageConnection(
      new StreamMessageReader(this.process.stdout!),
      new StreamMessageWriter(this.process.stdin!),
    );
    this.listen();
  }

  private listen(): void {
    const { connection } = this;
    connection.onNotification('textDocument/publishDiagnostics', (d: PublishedDiagnostics) => {
      const next = this.waiting.shift();
      if (next === undefined) this.published.push(d);
      else next(d);
    });
    connection.onNotification('window/logMessage', (m: { message: string }) => {
      this.log.push(m.message);
    });
    connection.onNotification('window/showMessage', (m: { message: string }) => {
      this.shown.push(m.message);
    });
    connection.onRequest('client/registerCapability', (p: { registrations: { method: string }[] }) => {
      this.registered.push(...p.registrations.map((r) => r.method));
      return null;
    });
    connection.onRequest('workspace/configuration', (p: { items: { scopeUri?: string }[] }) =>
      p.items.map((i) => this.settings(i.scopeUri)),
    );
    connection.onRequest('workspace/diagnostic/refresh', () => {
      this.refreshes++;
      return null;
    });
    connection.onRequest('window/workDoneProgress/create', async () => {
      await this.mayScan;
      return null;
    });
    connection.onNotification('$/progress', (p: { token: string | number; value: { kind: string } }) => {
      this.progress.push(p.value.kind);
      if (p.value.kind === 'begin') this.onProgress(p.token);
    });
    connection.listen();
  }

  async start(capabilities: object, more: object = {}): Promise<Initialised> {
    const result = await this.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities,
      ...more,
    });
    await this.connection.sendNotification('initialized', {});
    return result as Initialised;
  }

  open(content: string, version: number, of: string, languageId = 'c'): Promise<void> {
    return this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri: of, languageId, version, text: content },
    });
  }

  save(of: string): Promise<void> {
    return this.connection.sendNotification('textDocument/didSave', { textDocument: { uri: of } });
  }

  pull(
    of: string,
    previousResultId?: string,
  ): Promise<{ kind: string; resultId: string; items: readonly Diagnostic[] }> {
    return this.connection.sendRequest('textDocument/diagnostic', { textDocument: { uri: of }, previousResultId });
  }

  change(content: string, version: number, of: string): Promise<void> {
    return this.edit([{ text: content }], version, of);
  }

  edit(contentChanges: readonly object[], version: number, of: string): Promise<void> {
    return this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri: of, version },
      contentChanges,
    });
  }

  /** What is pushed next. */
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
