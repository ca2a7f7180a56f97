// Bundles the command, the language server and the VS Code extension, and puts the WebAssembly files beside them.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';
import { plainCode, plainCodePlugin } from './plain-code.mjs';

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
  metafile: true,
};
/** Puts the package of the native parser into the bundle: to find it, and to compile it, takes longer than to load it. */
const nativeBinding = {
  name: 'native-binding',
  setup(build) {
    build.onLoad({ filter: /[\\/]syntax[\\/]native-binding\.ts$/ }, () => ({
      contents: `export const loadNativeBinding = () => require('tree-sitter');`,
    }));
    build.onLoad({ filter: /[\\/]tree-sitter[\\/]index\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const contents = text.replace(
        /^const binding = [^;]*;/,
        `const binding = require('./scripts/prebuilt.cjs')('tree-sitter');`,
      );
      if (contents === text) throw new Error(`${path} does not load its binary as it did`);
      return { contents, resolveDir: process.cwd() };
    });
  },
};
const entries = [
  [
    'server/src/cli/index.ts',
    'dist/cli.cjs',
    { external: ['tree-sitter-c', 'node-gyp-build'], plugins: [nativeBinding] },
  ],
  ['server/src/text/search-thread.ts', 'dist/search-thread.cjs', {}],
  ['server/src/lsp/server.ts', 'dist/server.cjs', {}],
  ['server/src/lsp/index.ts', 'dist/lsp.cjs', {}],
  ['client/src/extension.ts', 'dist/extension.cjs', {}],
];
const plugins = [plainCodePlugin(plainCode(entries.map(([entry]) => entry).filter((e) => existsSync(e))))];
const built = await Promise.all(
  entries
    .filter(([entry]) => existsSync(entry))
    .map(([entry, outfile, more]) =>
      build({ ...common, ...more, plugins: [...(more.plugins ?? []), ...plugins], entryPoints: [entry], outfile }),
    ),
);
writeFileSync('dist/third-party-notices.txt', noticesOf(built));
copyFileSync(require.resolve('web-tree-sitter'), 'dist/web-tree-sitter.cjs');
copyFileSync(require.resolve('web-tree-sitter/tree-sitter.wasm'), 'dist/tree-sitter.wasm');
copyFileSync(require.resolve('tree-sitter-c/tree-sitter-c.wasm'), 'dist/tree-sitter-c.wasm');
// A program with a defect of each main class goes through most of the code, and one for each construct through the rest.
const programs = ['demo', 'constructs'].map((folder) => `test-fixtures/programs/${folder}`);
execFileSync(process.execPath, ['scripts/keep-bytecode.cjs', ...programs], { stdio: 'ignore' });

/** The licences of the packages of which something is in the bundles, and of those whose files lie beside them. */
function noticesOf(results) {
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const names = inputs.flatMap((path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  const packages = [...new Set([...names, 'web-tree-sitter', 'tree-sitter-c'])].sort();
  return packages
    .map((name) => {
      const folder = `node_modules/${name}`;
      const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
      const text = file === undefined ? `Licence: ${license}` : readFileSync(`${folder}/${file}`, 'utf8').trim();
      return `${name} ${version}\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
