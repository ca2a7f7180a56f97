/** What the client at the other end can do, and what it is offered for that. */
import { type InitializeParams, type InitializeResult, TextDocumentSyncKind } from 'vscode-languageserver/node';
import type { Encoding } from './encoding.ts';
import { version } from './installation.ts';

export interface Client {
  readonly encoding: Encoding;
  /** It asks for diagnostics; else they are sent. One channel, never both. */
  readonly pulls: boolean;
  /** It asks again when it is told to. */
  readonly refreshes: boolean;
  /** It answers `workspace/configuration`. */
  readonly configures: boolean;
  /** It takes registrations for changed settings. */
  readonly announcesConfiguration: boolean;
  /** It tells of changed files when it is asked to. */
  readonly watches: boolean;
  readonly changesFolders: boolean;
}

export function clientOf({ capabilities }: InitializeParams): Client {
  const { general, textDocument, workspace } = capabilities;
  return {
    encoding:
      general?.positionEncodings?.includes('utf-8') || clangdEncodings(capabilities).includes('utf-8')
        ? 'utf-8'
        : 'utf-16',
    pulls: textDocument?.diagnostic !== undefined,
    refreshes: workspace?.diagnostics?.refreshSupport === true,
    configures: workspace?.configuration === true,
    announcesConfiguration: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    watches: workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
    changesFolders: workspace?.workspaceFolders === true,
  };
}

/** clangd's extension, for clients that do not know positionEncoding. */
function clangdEncodings(capabilities: object): readonly string[] {
  return (capabilities as { offsetEncoding?: string[] }).offsetEncoding ?? [];
}

export function answerTo(params: InitializeParams, client: Client): InitializeResult {
  return {
    serverInfo: { name: 'uffd-lint', version: version() },
    capabilities: {
      positionEncoding: client.encoding,
      textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: { includeText: false } },
      hoverProvider: true,
      ...(client.pulls
        ? { diagnosticProvider: { identifier: 'uffd', interFileDependencies: true, workspaceDiagnostics: false } }
        : {}),
      ...(client.changesFolders
        ? { workspace: { workspaceFolders: { supported: true, changeNotifications: true } } }
        : {}),
    },
    ...(clangdEncodings(params.capabilities).length > 0 ? { offsetEncoding: client.encoding } : {}),
  };
}
