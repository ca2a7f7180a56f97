/** The VS Code extension: starts the language server that lies beside it. No analysis here. */
import { join } from 'node:path';
import { type ExtensionContext, workspace } from 'vscode';
import { LanguageClient, TransportKind } from 'vscode-languageclient/node';

let client: LanguageClient | undefined;
/** Starts and stops one after the other, however fast the setting is turned. */
let turn: Promise<void> = Promise.resolve();

export async function activate(context: ExtensionContext): Promise<void> {
  const follow = () => {
    turn = turn.then(() => (isEnabled() ? start(context) : stop())).catch(() => {});
    return turn;
  };
  context.subscriptions.push(
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('uffd-lint.enable')) void follow();
    }),
  );
  await follow();
}

export async function deactivate(): Promise<void> {
  await turn;
  await stop();
}

function isEnabled(): boolean {
  return workspace.getConfiguration('uffd-lint').get('enable', true);
}

async function start(context: ExtensionContext): Promise<void> {
  if (client !== undefined) return;
  const run = {
    module: context.asAbsolutePath(join('dist', 'lsp.cjs')),
    transport: TransportKind.stdio,
    // One package for every platform: the WebAssembly parser runs on all of them.
    options: { env: { ...process.env, UFFD_LINT_PARSER: 'wasm' } },
  };
  // Not the old versions that a comparison shows.
  const documentSelector = ['file', 'untitled'].map((scheme) => ({ scheme, language: 'c' }));
  client = new LanguageClient('uffd-lint', 'uffd-lint', { run, debug: run }, { documentSelector });
  await client.start();
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.dispose();
}
