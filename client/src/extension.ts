/** The VS Code extension: starts the language server that lies beside it. No analysis here. */
import { join } from 'node:path';
import { type ExtensionContext, workspace } from 'vscode';
import { LanguageClient, TransportKind } from 'vscode-languageclient/node';

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  if (!workspace.getConfiguration('uffd-lint').get('enable', true)) return;
  const run = {
    module: context.asAbsolutePath(join('dist', 'lsp.cjs')),
    transport: TransportKind.stdio,
    // One package for every platform: the WebAssembly parser runs on all of them.
    options: { env: { ...process.env, UFFD_LINT_PARSER: 'wasm' } },
  };
  client = new LanguageClient('uffd-lint', 'uffd-lint', { run, debug: run }, { documentSelector: [{ language: 'c' }] });
  await client.start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}
