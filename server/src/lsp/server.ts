/**
 * The language server: documents in, diagnostics out. It never dies of a document: an analysis that fails is logged
 * and its document has no diagnostics. One channel a client: pull where it is offered, else push with versions.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  createConnection,
  type Diagnostic,
  DiagnosticSeverity,
  DocumentDiagnosticReportKind,
  type InitializeParams,
  LSPErrorCodes,
  ProposedFeatures,
  ResponseError,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { type Analyser, createAnalyser, DEFAULT_MAX_FILE_BYTES } from '../analysis/analyse.ts';
import type { Finding, Severity } from '../rules/finding.ts';
import { applyChanges, type Encoding, rangeToWire } from './encoding.ts';

/** Milliseconds after an edit before the analysis starts. */
const DEBOUNCE_MS = 40;

const SEVERITIES: Record<Severity, DiagnosticSeverity> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
};

export function startServer(): void {
  // Given the streams themselves, the connection ends the process when the client's end closes.
  const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout);
  let encoding: Encoding = 'utf-16';
  let pull = false;
  let refresh = false;
  const documents = new TextDocuments({
    create: (uri, language, version, content) => TextDocument.create(uri, language, version, content),
    update: (document: TextDocument, changes, version) => applyChanges(document, changes, version, encoding),
  });
  let analyser: Promise<Analyser> | undefined;
  /** Counts edits; work for an older one is dropped. */
  let revision = 0;
  let timer: NodeJS.Timeout | undefined;

  connection.onInitialize((params: InitializeParams) => {
    const offered = params.capabilities.general?.positionEncodings ?? [];
    const clangd = (params.capabilities as { offsetEncoding?: string[] }).offsetEncoding ?? [];
    if (offered.includes('utf-8') || clangd.includes('utf-8')) encoding = 'utf-8';
    pull = params.capabilities.textDocument?.diagnostic !== undefined;
    refresh = params.capabilities.workspace?.diagnostics?.refreshSupport === true;
    return {
      serverInfo: { name: 'uffd-lint', version: version() },
      capabilities: {
        positionEncoding: encoding,
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
        ...(pull
          ? { diagnosticProvider: { identifier: 'uffd', interFileDependencies: true, workspaceDiagnostics: false } }
          : {}),
      },
      // clangd's extension, for clients that do not know positionEncoding.
      ...(clangd.length > 0 ? { offsetEncoding: encoding } : {}),
    };
  });

  documents.onDidChangeContent(() => {
    revision++;
    if (!pull) schedule();
  });
  documents.onDidClose((event) => {
    revision++;
    if (!pull) {
      void connection.sendDiagnostics({ uri: event.document.uri, diagnostics: [] });
      schedule();
    } else if (refresh) connection.languages.diagnostics.refresh();
  });

  function schedule(): void {
    clearTimeout(timer);
    // Sending fails only when the client is gone, and then nobody is left to tell.
    timer = setTimeout(() => void publish().catch(() => {}), DEBOUNCE_MS);
  }

  async function publish(): Promise<void> {
    const at = revision;
    for (const document of documents.all()) {
      const diagnostics = await diagnose(document, at);
      if (diagnostics === undefined) return;
      await connection.sendDiagnostics({ uri: document.uri, version: document.version, diagnostics });
    }
  }

  connection.languages.diagnostics.on(async (params, token) => {
    // An edit anywhere stops the work, and not every client asks again for a file that was not edited: so this
    // starts anew on the newest text and answers once.
    for (;;) {
      const document = documents.get(params.textDocument.uri);
      if (document === undefined) return { kind: DocumentDiagnosticReportKind.Full, items: [] };
      const at = revision;
      const resultId = `${at}`;
      if (params.previousResultId === resultId) return { kind: DocumentDiagnosticReportKind.Unchanged, resultId };
      const items = await diagnose(document, at, () => token.isCancellationRequested);
      if (items !== undefined) return { kind: DocumentDiagnosticReportKind.Full, resultId, items };
      if (token.isCancellationRequested) throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
      await new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS));
    }
  });

  /** Diagnostics of one document with the other open C files of its folder; undefined when an edit came first. */
  async function diagnose(
    document: TextDocument,
    at: number,
    unwanted: () => boolean = () => false,
  ): Promise<Diagnostic[] | undefined> {
    try {
      analyser ??= createAnalyser();
      const tool = await analyser;
      const path = pathOf(document.uri);
      const open = new Map(documents.all().map((d) => [pathOf(d.uri), d]));
      const files = [...open]
        .filter(([p, d]) => p === path || (dirname(p) === dirname(path) && /\.c$/.test(p) && d.languageId === 'c'))
        .filter(([, d]) => d.getText().length <= DEFAULT_MAX_FILE_BYTES)
        .map(([p, d]) => ({ path: p, text: d.getText() }));
      const result = await tool.analyse(files, {
        readHeader: (p) => open.get(p)?.getText() ?? readText(p),
        proceed: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return revision === at && !unwanted();
        },
      });
      if (result.cancelled || revision !== at) return undefined;
      return result.findings.filter((f) => f.location.file === path).map((f) => toDiagnostic(f, document, open));
    } catch (error) {
      connection.console.error(
        `uffd-lint: ${document.uri} was not analysed: ${(error as Error).stack ?? String(error)}`,
      );
      return [];
    }
  }

  function toDiagnostic(finding: Finding, document: TextDocument, open: ReadonlyMap<string, TextDocument>): Diagnostic {
    const documentOf = (path: string): TextDocument =>
      open.get(path) ?? TextDocument.create(pathToFileURL(path).href, 'c', 0, readText(path) ?? '');
    return {
      range: rangeToWire(document, finding.location.start, finding.location.end, encoding),
      severity: SEVERITIES[finding.severity],
      source: 'uffd',
      code: `uffd/${finding.ruleId}`,
      codeDescription: { href: rulePage(finding.ruleId) },
      message: finding.message + elsewhere(finding, documentOf),
      relatedInformation: finding.trace.map((step) => {
        const other = documentOf(step.location.file);
        return {
          location: { uri: other.uri, range: rangeToWire(other, step.location.start, step.location.end, encoding) },
          message: step.message,
        };
      }),
      data: { fingerprint: finding.fingerprint },
    };
  }

  documents.listen(connection);
  connection.listen();
}

/** Not every client shows related information: the message names the line where the story begins. */
function elsewhere(finding: Finding, documentOf: (path: string) => TextDocument): string {
  const step = finding.trace.find((s) => s.kind === 'handshake') ?? finding.trace.find((s) => s.kind === 'read');
  if (step === undefined || step.location.start === finding.location.start) return '';
  const line = documentOf(step.location.file).positionAt(step.location.start).line + 1;
  return ` (line ${line}: ${step.message})`;
}

function pathOf(uri: string): string {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : uri;
  } catch {
    // A file of another host has no path here; its own name serves.
    return uri;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

declare const __dirname: string | undefined;
const packageRoot = typeof __dirname === 'string' ? dirname(__dirname) : process.cwd();

function version(): string {
  try {
    return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return '0.0.0';
  }
}

/** The page that comes with the package: it works without a network. */
function rulePage(id: string): string {
  return pathToFileURL(join(packageRoot, 'docs', 'rules', `${id}.md`)).href;
}
