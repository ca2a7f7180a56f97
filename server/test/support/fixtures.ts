/** The C programs under test-fixtures, read as the command reads them. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { disk } from '../../src/text/source.ts';

export const FIXTURES = 'test-fixtures';

/** C files below a folder, sorted. */
export function cFiles(folder: string): string[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? cFiles(path) : /\.[ch]$/.test(name) ? [path] : [];
    })
    .sort();
}

/** The text of a file; undefined for what is no text or is not there. */
export function readText(path: string): string | undefined {
  const file = disk.read(path, 1 << 22);
  return 'text' in file ? file.text : undefined;
}
