/** Which files a run looks at: discovery under directories, reading, and what is left out with its reason. */
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { decode } from './decode.ts';

export interface ReadFile {
  readonly path: string;
  readonly text: string;
  readonly note: string | undefined;
}

export interface LeftOut {
  readonly path: string;
  readonly reason: string;
  readonly kind: 'size' | 'encoding' | 'language' | 'unreadable';
}

export interface Discovered {
  readonly files: string[];
  readonly leftOut: LeftOut[];
  /** Paths that do not exist or cannot be read: a usage error. */
  readonly missing: { readonly path: string; readonly reason: string }[];
  readonly cppFiles: number;
}

const C_FILE = /\.[ch]$/;
const CPP_FILE = /\.(cc|cpp|cxx|c\+\+|C|hpp|hh|hxx|H)$/;

/** Finds C files. Paths are given and returned relative to the working directory where they lie in it, with `/`. */
export function discover(paths: readonly string[]): Discovered {
  const files = new Set<string>();
  const leftOut: LeftOut[] = [];
  const missing: { path: string; reason: string }[] = [];
  let cppFiles = 0;
  for (const path of paths) {
    let stat: ReturnType<typeof statSync>;
    try {
      stat = statSync(path);
    } catch (error) {
      missing.push({
        path,
        reason:
          (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (error as Error).message,
      });
      continue;
    }
    if (!stat.isDirectory()) {
      if (CPP_FILE.test(path)) leftOut.push({ path: shown(path), reason: 'C++ is not analysed', kind: 'language' });
      else if (!stat.isFile()) leftOut.push({ path: shown(path), reason: 'not a regular file', kind: 'unreadable' });
      else files.add(shown(path));
      continue;
    }
    cppFiles += walk(path, files, leftOut);
  }
  return { files: [...files].sort(), leftOut, missing, cppFiles };
}

function walk(root: string, files: Set<string>, leftOut: LeftOut[]): number {
  let cpp = 0;
  const seen = new Set<string>();
  const visit = (folder: string, ignores: readonly { base: string; rules: Ignore }[]) => {
    let real: string;
    let entries: import('node:fs').Dirent[];
    try {
      real = realpathSync(folder);
      if (seen.has(real)) return;
      seen.add(real);
      entries = readdirSync(folder, { withFileTypes: true });
    } catch (error) {
      leftOut.push({ path: shown(folder), reason: `cannot be read: ${(error as Error).message}`, kind: 'unreadable' });
      return;
    }
    let inner = ignores;
    if (entries.some((e) => e.name === '.gitignore' && e.isFile())) {
      try {
        inner = [...ignores, { base: folder, rules: ignore().add(readFileSync(join(folder, '.gitignore'), 'utf8')) }];
      } catch {
        // An unreadable ignore file ignores nothing.
      }
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name === '.git' || entry.name === 'node_modules') continue;
      const path = join(folder, entry.name);
      const directory = entry.isDirectory();
      const ignored = inner.some(({ base, rules }) => {
        const r = relative(base, path).split(sep).join('/');
        return r !== '' && rules.ignores(directory ? `${r}/` : r);
      });
      if (ignored) continue;
      if (directory) visit(path, inner);
      else if (entry.isFile() || (entry.isSymbolicLink() && isFile(path))) {
        if (C_FILE.test(entry.name)) files.add(shown(path));
        else if (CPP_FILE.test(entry.name)) cpp++;
      }
    }
  };
  visit(root, []);
  return cpp;
}

function isFile(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink() && statSync(path).isFile();
  } catch {
    return false;
  }
}

function shown(path: string): string {
  const r = relative(process.cwd(), path);
  const out = r === '' ? '.' : r.startsWith('..') ? path : r;
  return out.split(sep).join('/');
}

/** Reads one snapshot of a file through one descriptor; a file that changes meanwhile is read as it was or left out. */
export function readSource(path: string, maxBytes: number): ReadFile | LeftOut {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return { path, reason: `cannot be read: ${(error as Error).message}`, kind: 'unreadable' };
  }
  try {
    const before = fstatSync(fd);
    if (before.size > maxBytes) {
      return {
        path,
        reason: `larger than ${maxBytes} bytes (${before.size}): raise --max-file-size to analyse it`,
        kind: 'size',
      };
    }
    const buffer = Buffer.alloc(before.size);
    let length = 0;
    for (let n = 1; n > 0 && length < buffer.length; length += n)
      n = readSync(fd, buffer, length, buffer.length - length, length);
    const after = fstatSync(fd);
    const changed =
      after.size !== before.size || after.mtimeMs !== before.mtimeMs
        ? 'changed while it was read: run again for what it holds now'
        : undefined;
    const decoded = decode(buffer.subarray(0, length));
    if (decoded.kind === 'binary') return { path, reason: decoded.reason, kind: 'encoding' };
    return { path, text: decoded.text, note: decoded.note ?? changed };
  } catch (error) {
    return { path, reason: `cannot be read: ${(error as Error).message}`, kind: 'unreadable' };
  } finally {
    closeSync(fd);
  }
}
