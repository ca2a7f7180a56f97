/** What lies beside the server in its package. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

declare const __dirname: string | undefined;
const packageRoot = typeof __dirname === 'string' ? dirname(__dirname) : process.cwd();

export function version(): string {
  try {
    return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return '0.0.0';
  }
}

/** The page that comes with the package: it works without a network. */
export function rulePage(id: string): string {
  return pathToFileURL(join(packageRoot, 'docs', 'rules', `${id}.md`)).href;
}
