/**
 * Programs of the benchmarks that run in processes of their own, bundled as scripts/build.mjs bundles the product: what
 * is measured is then what ships, not what a TypeScript loader makes of it.
 */
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { plainCode, plainCodePlugin } from '../plain-code.mjs';

/** Inside the repository, so that the parsers are found. */
const FOLDER = '.cache/bench';

/** Bundles a file of this folder; returns the path of the bundle. */
export async function bundle(name: 'peak-memory' | 'tree-scan' | 'warm-child'): Promise<string> {
  const outfile = resolve(FOLDER, `${name}.cjs`);
  const entry = join(import.meta.dirname, `${name}.ts`);
  await build({
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['tree-sitter', 'tree-sitter-c', 'web-tree-sitter'],
    define: { 'import.meta.url': '__filename' },
    logLevel: 'warning',
    entryPoints: [entry],
    plugins: [plainCodePlugin(plainCode([entry]))],
    outfile,
  });
  return outfile;
}
