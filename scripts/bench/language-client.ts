/** A client of the built language server, over its standard streams. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  type CancellationToken,
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';
import type { Keystroke } from './keystrokes.ts';
import { end, watch } from './process.ts';
import { uffdLint } from './product.ts';

/** Milliseconds after which the server counts as stuck. */
const ANSWER_LIMIT_MS = 60_000;

/** Pull: the client asks for the diagnostics of a document. Push: the server sends them. */
export type Channel = 'pull' | 'push';

interface Published {
  readonly version?: number;
}

export class LanguageClient {
  private readonly server: ChildProcess;
  private readonly connection: MessageConnection;
  private readonly uri: string;
  private readonly channel: Channel;
  private version = 1;
  private resultId: string | undefined;
  /** Number of diagnostics in the last answer that had some to tell. */
  private shown = 0;
  private published: (message: Published) => void = () => {};

  private constructor(uri: string, channel: Channel) {
    const { command, args } = uffdLint(['lsp', '--stdio'], '.');
    this.uri = uri;
    this.channel = channel;
    this.server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    watch(this.server);
    this.connection = createMessageConnection(
      new StreamMessageReader(this.server.stdout!),
      new StreamMessageWriter(this.server.stdin!),
    );
    this.connection.onNotification('textDocument/publishDiagnostics', (message: Published) => this.published(message));
    this.connection.listen();
  }

  /** Starts a server on the folder of a document, and opens the document. */
  static async open(uri: string, text: string, channel: Channel): Promise<LanguageClient> {
    const client = new LanguageClient(uri, channel);
    const rootUri = uri.slice(0, uri.lastIndexOf('/'));
    const asked = {
      processId: process.pid,
      rootUri,
      workspaceFolders: [{ uri: rootUri, name: 'bench' }],
      capabilities: {
        workspace: { workspaceFolders: true },
        ...(channel === 'pull' ? { textDocument: { diagnostic: {} } } : {}),
      },
    };
    await inTime(client.connection.sendRequest('initialize', asked), 'initialize');
    await client.connection.sendNotification('initialized', {});
    const first = channel === 'push' ? client.nextPublished() : undefined;
    const textDocument = { uri, languageId: 'c', version: client.version, text };
    await client.connection.sendNotification('textDocument/didOpen', { textDocument });
    await (first ?? client.pull());
    return client;
  }

  async change({ line, character, insert }: Keystroke): Promise<void> {
    const start = { line, character };
    const range = { start, end: insert === undefined ? { line, character: character + 1 } : start };
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri: this.uri, version: ++this.version },
      contentChanges: [{ range, text: insert ?? '' }],
    });
  }

  /** Until the diagnostics of the changed text have come. */
  async changeAndWait(key: Keystroke): Promise<void> {
    const published = this.channel === 'push' ? this.nextPublished() : undefined;
    await this.change(key);
    await (published ?? this.pull());
  }

  /** The number of diagnostics of the newest text. Rejects where the token cancels the request. */
  async pull(token?: CancellationToken): Promise<number> {
    const asked = { textDocument: { uri: this.uri }, previousResultId: this.resultId };
    const answer = this.connection.sendRequest<{ kind: string; resultId?: string; items?: readonly unknown[] }>(
      'textDocument/diagnostic',
      asked,
      ...(token === undefined ? [] : [token]),
    );
    const { kind, resultId, items } = await inTime(answer, 'textDocument/diagnostic');
    if (kind === 'full') this.shown = items?.length ?? 0;
    this.resultId = resultId;
    return this.shown;
  }

  /** Until the server sends the diagnostics of the newest text. */
  private nextPublished(): Promise<void> {
    const message = new Promise<void>((resolve) => {
      this.published = ({ version }) => {
        if (version === this.version) resolve();
      };
    });
    return inTime(message, 'textDocument/publishDiagnostics');
  }

  /** MiB of memory that the server holds now, and held at most; undefined where the system does not tell. */
  memory(): { readonly now: number; readonly peak: number } | undefined {
    try {
      const status = readFileSync(`/proc/${this.server.pid}/status`, 'utf8');
      const mebibytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)![1]) / 1024;
      return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') };
    } catch {
      return undefined;
    }
  }

  /** Ends the server as an editor does, and by force where it does not listen. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.server.once('exit', resolve));
    try {
      if (this.server.exitCode === null && this.server.signalCode === null) {
        await inTime(this.connection.sendRequest('shutdown'), 'shutdown', 5000);
        await this.connection.sendNotification('exit');
        await inTime(ended, 'exit', 5000);
      }
    } catch {
      end(this.server);
    } finally {
      this.connection.dispose();
    }
  }
}

function inTime<T>(answer: Promise<T>, what: string, limitMs = ANSWER_LIMIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the language server does not answer ${what} in ${limitMs} ms`)),
      limitMs,
    );
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
