/**
 * The language server: documents in, diagnostics out. It never dies of a document: an analysis that fails is logged
 * and its document has no diagnostics. One channel a client: pull where it is offered, else push with versions.
 */
import { setFlagsFromString } from 'node:v8';
import {
  type CancellationToken,
  type Connection,
  createConnection,
  type DocumentDiagnosticParams,
  type DocumentDiagnosticReport,
  DocumentDiagnosticReportKind,
  type InitializeParams,
  LSPErrorCodes,
  ProposedFeatures,
  ResponseError,
  TextDocuments,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { keeping } from '../text/kept.ts';
import { disk } from '../text/source.ts';
import { answerTo, type Client, clientOf } from './client.ts';
import { Diagnoser } from './diagnoser.ts';
import { applyChanges } from './encoding.ts';
import { hoverAt } from './hover.ts';
import { createNotices } from './notices.ts';
import { pathOf } from './paths.ts';
import { startProgress } from './progress.ts';
import { isC } from './universe.ts';
import { Workspace } from './workspace.ts';

/** Milliseconds after an edit before the analysis starts. */
const DEBOUNCE_MS = 40;
/** Characters of source texts that are kept between analyses. */
const KEPT_LENGTH = 64 * 1024 * 1024;

/** By how many percent the heap may grow between collections: an editor's memory is somebody else's too. */
const HEAP_GROWTH = 24;

/** Serves the client at the other end of the standard streams until it goes. */
export function startServer(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);
  // Given the streams themselves, the connection ends the process when the client's end closes.
  const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout);
  connection.onInitialize((params) => {
    const client = clientOf(params);
    new Server(connection, client, params).listen();
    return answerTo(params, client);
  });
  connection.listen();
}

class Server {
  private readonly connection: Connection;
  private readonly client: Client;
  private readonly documents: TextDocuments<TextDocument>;
  private readonly workspace: Workspace;
  private readonly diagnoser: Diagnoser;
  private timer: NodeJS.Timeout | undefined;
  // A client may show a result id of a server that ran before this one.
  private readonly session = `${process.pid}-${Date.now()}`;

  constructor(connection: Connection, client: Client, params: InitializeParams) {
    this.connection = connection;
    this.client = client;
    const { encoding } = client;
    this.documents = new TextDocuments({
      create: (uri, language, version, content) => TextDocument.create(uri, language, version, content),
      update: (document: TextDocument, changes, version) => applyChanges(document, changes, version, encoding),
    });
    const notices = createNotices(connection);
    const source = keeping(disk, KEPT_LENGTH);
    this.workspace = new Workspace(connection, client, params, {
      source,
      notices,
      startProgress: (title) => startProgress(connection, title),
      changed: () => this.worldChanged(),
      isOpen: (path) => this.documents.all().some((d) => pathOf(d.uri) === path),
    });
    const documents = () => this.documents.all();
    this.diagnoser = new Diagnoser({ connection, workspace: this.workspace, notices, encoding, source, documents });
  }

  listen(): void {
    const { connection, documents, workspace, client } = this;
    documents.onDidChangeContent(() => {
      this.diagnoser.invalidate();
      if (!client.pulls) this.schedule();
    });
    documents.onDidOpen(() => {
      if (!client.watches) workspace.diskChanged();
    });
    documents.onDidSave(() => {
      // Whatever lies on the disk may have changed with it, and outside the folders nobody watches.
      this.worldChanged();
      if (!client.watches) workspace.diskChanged();
    });
    documents.onDidClose(({ document }) => {
      if (!client.pulls) void connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
      this.worldChanged();
    });
    connection.onInitialized(() => {
      this.background(workspace.start());
      if (client.changesFolders)
        connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
          const uris = (folders: readonly { readonly uri: string }[]) => folders.map((f) => f.uri);
          this.background(workspace.changeFolders(uris(added), uris(removed)));
        });
    });
    connection.onDidChangeConfiguration(({ settings }) => this.background(workspace.changeSettings(settings)));
    connection.onDidChangeWatchedFiles(() => workspace.diskChanged());
    connection.languages.diagnostics.on((params, token) => this.answerPull(params, token));
    connection.onHover(({ textDocument, position }) => {
      const document = documents.get(textDocument.uri);
      return document === undefined || !isC(document) ? null : hoverAt(document, position, client.encoding);
    });
    documents.listen(connection);
  }

  /** What fails without an answer to fail with is logged. */
  private background(work: Promise<void>): void {
    work.catch((error: Error) => this.connection.console.error(`uffd-lint: ${error.stack ?? String(error)}`));
  }

  /** Something beside the text of a document changed: clients that pull do not know. */
  private worldChanged(): void {
    this.diagnoser.invalidate();
    if (!this.client.pulls) this.schedule();
    // Fails only where the client has gone.
    else if (this.client.refreshes) void this.connection.languages.diagnostics.refresh().catch(() => {});
  }

  private schedule(): void {
    clearTimeout(this.timer);
    // Sending fails only when the client is gone, and then nobody is left to tell.
    this.timer = setTimeout(() => void this.publish().catch(() => {}), DEBOUNCE_MS);
  }

  private async publish(): Promise<void> {
    await this.workspace.ready;
    const at = this.diagnoser.revision;
    for (const document of this.documents.all()) {
      const diagnostics = await this.diagnoser.diagnose(document);
      if (diagnostics === undefined || this.diagnoser.revision !== at) return;
      await this.connection.sendDiagnostics({ uri: document.uri, version: document.version, diagnostics });
    }
  }

  private async answerPull(
    { textDocument, previousResultId }: DocumentDiagnosticParams,
    token: CancellationToken,
  ): Promise<DocumentDiagnosticReport> {
    await this.workspace.ready;
    // A change anywhere stops the work, and not every client asks again for a file that was not edited: so this
    // starts anew on the newest text and answers once.
    for (;;) {
      const document = this.documents.get(textDocument.uri);
      if (document === undefined) return { kind: DocumentDiagnosticReportKind.Full, items: [] };
      // A client that cannot be told to ask again gets its answer when all files are known.
      if (this.client.refreshes || !this.workspace.isScanning(document.uri)) {
        const resultId = `${this.session}-${this.diagnoser.revision}`;
        if (previousResultId === resultId) return { kind: DocumentDiagnosticReportKind.Unchanged, resultId };
        const items = await this.diagnoser.diagnose(document, () => token.isCancellationRequested);
        if (items !== undefined) return { kind: DocumentDiagnosticReportKind.Full, resultId, items };
      }
      if (token.isCancellationRequested) throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
      await new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS));
    }
  }
}
