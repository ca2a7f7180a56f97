// Bundles the command, the language server and the VS Code extension, and puts the WebAssembly files beside them.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist', { recursive: true });
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['tree-sitter', 'tree-sitter-c', 'vscode'],
  alias: { 'node:crypto': './scripts/late-crypto.cjs' },
  define: { 'import.meta.url': '__filename' },
  logLevel: 'warning',
};
const entries = [
  ['server/src/cli/index.ts', 'dist/cli.cjs', {}],
  ['server/src/text/search-thread.ts', 'dist/search-thread.cjs', {}],
  ['server/src/lsp/server.ts', 'dist/server.cjs', {}],
  ['server/src/lsp/index.ts', 'dist/lsp.cjs', {}],
  ['client/src/extension.ts', 'dist/extension.cjs', {}],
];
await Promise.all(
  entries
    .filter(([entry]) => existsSync(entry))
    .map(([entry, outfile, more]) => build({ ...common, ...more, entryPoints: [entry], outfile })),
);
copyFileSync(require.resolve('web-tree-sitter'), 'dist/web-tree-sitter.cjs');
copyFileSync(require.resolve('web-tree-sitter/tree-sitter.wasm'), 'dist/tree-sitter.wasm');
copyFileSync(require.resolve('tree-sitter-c/tree-sitter-c.wasm'), 'dist/tree-sitter-c.wasm');
// A program with a defect of each main class goes through most of the code.
execFileSync(process.execPath, ['scripts/keep-bytecode.cjs', 'test-fixtures/programs/demo'], { stdio: 'ignore' });
