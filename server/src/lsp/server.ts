/**
 * The language server: documents in, diagnostics out. It never dies of a document: an analysis that fails is logged
 * and its document has no diagnostics. One channel a client: pull where it is offered, else push with versions.
 */
import { readFileSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  createConnection,
  type Diagnostic,
  DiagnosticSeverity,
  DocumentDiagnosticReportKind,
  type InitializeParams,
  LSPErrorCodes,
  MarkupKind,
  ProposedFeatures,
  ResponseError,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { type Analyser, type AnalysisResult, createAnalyser, DEFAULT_MAX_FILE_BYTES } from '../analysis/analyse.ts';
import type { Finding, NotAnalysed, Severity } from '../rules/finding.ts';
import { isCpp } from '../text/files.ts';
import { disk, overlay, snapshot } from '../text/source.ts';
import type { Span } from '../text/span.ts';
import { applyChanges, type Encoding, fromWire, rangeToWire, toWire } from './encoding.ts';
import { hoverText, wordAt } from './hover.ts';

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
  /** The last analysis, for the other documents that it covers. */
  let last: { readonly key: string; readonly universe: Promise<Universe> } | undefined;
  /** What was said about files that were not analysed: once is enough. */
  const said = new Set<string>();
  // A client may show a result id of a server that ran before this one.
  const session = `${process.pid}-${Date.now()}`;

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
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: { includeText: false } },
        hoverProvider: true,
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
  documents.onDidSave(() => {
    // Whatever lies on the disk may have changed with it: headers that are not open are read again.
    revision++;
    if (!pull) schedule();
    else if (refresh) connection.languages.diagnostics.refresh();
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
      const resultId = `${session}-${at}`;
      if (params.previousResultId === resultId) return { kind: DocumentDiagnosticReportKind.Unchanged, resultId };
      const items = await diagnose(document, at, () => token.isCancellationRequested);
      if (items !== undefined) return { kind: DocumentDiagnosticReportKind.Full, resultId, items };
      if (token.isCancellationRequested) throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
      await new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS));
    }
  });

  connection.onHover(({ textDocument, position }) => {
    const document = documents.get(textDocument.uri);
    if (document === undefined || !isC(document)) return null;
    const at = fromWire(document, position, encoding);
    const line = { start: { line: at.line, character: 0 }, end: { line: at.line + 1, character: 0 } };
    const found = wordAt(document.getText(line), at.character);
    const value = found === undefined ? undefined : hoverText(found.word);
    if (found === undefined || value === undefined) return null;
    const place = (character: number) => toWire(document, { line: at.line, character }, encoding);
    const range = { start: place(found.start), end: place(found.start + found.word.length) };
    return { contents: { kind: MarkupKind.Markdown, value }, range };
  });

  /** Diagnostics of one document; undefined when an edit came first. */
  async function diagnose(
    document: TextDocument,
    at: number,
    unwanted: () => boolean = () => false,
  ): Promise<Diagnostic[] | undefined> {
    try {
      const path = pathOf(document.uri);
      const open = new Map(documents.all().map((d) => [pathOf(d.uri), d]));
      const files = [...open]
        .filter(([p, d]) => p === path || (dirname(p) === dirname(path) && /\.c$/.test(p) && isC(d)))
        .filter(([p, d]) => isC(d) && fits(p, d.getText()))
        .map(([p, d]) => ({ path: p, text: d.getText() }))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
      const key = [at, ...files.map((f) => f.path)].join('\n');
      for (;;) {
        const shared = last?.key === key ? last.universe : undefined;
        if (shared === undefined) last = { key, universe: analyse(files, open, at, unwanted) };
        const { result, documentOf } = await (shared ?? last!.universe);
        if (result.cancelled) last = undefined;
        if (revision !== at || unwanted()) return undefined;
        // Whoever asked first lost interest, this one did not.
        if (result.cancelled && shared !== undefined) continue;
        if (result.cancelled) return undefined;
        sayNotAnalysed(result.notAnalysed, documentOf);
        return result.findings
          .filter((f) => f.location.file === path)
          .map((f) => toDiagnostic(f, document, documentOf, encoding));
      }
    } catch (error) {
      last = undefined;
      connection.console.error(
        `uffd-lint: ${document.uri} was not analysed: ${(error as Error).stack ?? String(error)}`,
      );
      return [];
    }
  }

  /** One link universe: the open C files of a folder, on top of what lies on the disk. */
  async function analyse(
    files: readonly { readonly path: string; readonly text: string }[],
    open: ReadonlyMap<string, TextDocument>,
    at: number,
    unwanted: () => boolean,
  ): Promise<Universe> {
    analyser ??= createAnalyser();
    const source = snapshot(overlay(disk, (path) => open.get(path)?.getText()));
    const readText = (path: string) => {
      const file = source.read(path, DEFAULT_MAX_FILE_BYTES);
      return 'text' in file ? file.text : undefined;
    };
    const result = await (await analyser).analyse(files, {
      readFile: readText,
      proceed: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return revision === at && !unwanted();
      },
    });
    const closed = new Map<string, TextDocument>();
    const documentOf = (path: string): TextDocument => {
      let document = open.get(path) ?? closed.get(path);
      if (document === undefined) {
        document = TextDocument.create(pathToFileURL(path).href, 'c', 0, readText(path) ?? '');
        closed.set(path, document);
      }
      return document;
    };
    return { result, documentOf };
  }

  function fits(path: string, text: string): boolean {
    const reason =
      Buffer.byteLength(text) > DEFAULT_MAX_FILE_BYTES
        ? `larger than ${DEFAULT_MAX_FILE_BYTES} bytes`
        : text.includes('\0')
          ? 'not text: it contains NUL characters'
          : undefined;
    if (reason !== undefined) say(`${path} is not analysed: ${reason}`);
    return reason === undefined;
  }

  function sayNotAnalysed(list: readonly NotAnalysed[], documentOf: (path: string) => TextDocument): void {
    for (const n of list) {
      const line = n.location === undefined ? '' : `:${lineOf(n.location, documentOf)}`;
      say(`${n.file}${line}: ${n.function === undefined ? '' : `${n.function}(): `}${n.reason}`);
    }
  }

  function say(text: string): void {
    if (said.has(text)) return;
    said.add(text);
    connection.console.info(`uffd-lint: ${text}`);
  }

  documents.listen(connection);
  connection.listen();
}

interface Universe {
  readonly result: AnalysisResult;
  /** The text that a path had in this analysis. */
  readonly documentOf: (path: string) => TextDocument;
}

function toDiagnostic(
  finding: Finding,
  document: TextDocument,
  documentOf: (path: string) => TextDocument,
  encoding: Encoding,
): Diagnostic {
  return {
    range: rangeToWire(document, finding.location.start, finding.location.end, encoding),
    severity: SEVERITIES[finding.severity],
    source: 'uffd',
    code: `uffd/${finding.ruleId}`,
    codeDescription: { href: rulePage(finding.ruleId) },
    message:
      finding.message +
      (finding.condition === undefined ? '' : ` (only where ${finding.condition})`) +
      elsewhere(finding, documentOf),
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

/** Not every client shows related information: the message names the place where the story begins. */
function elsewhere(finding: Finding, documentOf: (path: string) => TextDocument): string {
  const step = finding.trace.find((s) => s.kind === 'handshake') ?? finding.trace.find((s) => s.kind === 'read');
  const { file, start } = finding.location;
  if (step === undefined || (step.location.file === file && step.location.start === start)) return '';
  const line = lineOf(step.location, documentOf);
  const place = step.location.file === file ? `line ${line}` : `${basename(step.location.file)}, line ${line}`;
  return ` (${place}: ${step.message})`;
}

function lineOf(span: Span, documentOf: (path: string) => TextDocument): number {
  return documentOf(span.file).positionAt(span.start).line + 1;
}

/** Clients attach a server to C++ too when they are told to; nothing is claimed about it. */
function isC(document: TextDocument): boolean {
  return !/^(cpp|c\+\+|cuda|objc|objective-c)/i.test(document.languageId) && !isCpp(document.uri);
}

function pathOf(uri: string): string {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri).split(sep).join('/') : uri;
  } catch {
    // A file of another host has no path here; its own name serves.
    return uri;
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
