/** Which files a run looks at: discovery under directories, and what is left out with its reason. */
import { dirname, join, relative, resolve, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { disk, type Entry, type FileSource, type LeftOut, unreadable, why } from './source.ts';

export interface Discovered {
  readonly files: string[];
  /** Files that were named themselves, not found in a directory. */
  readonly named: ReadonlySet<string>;
  readonly leftOut: LeftOut[];
  /** Paths that do not exist or cannot be looked into: a usage error. */
  readonly missing: { readonly path: string; readonly reason: string }[];
  readonly cppFiles: number;
}

const C_FILE = /\.[ch]$/;
const CPP_FILE = /\.(cc|cpp|cxx|c\+\+|C|hpp|hh|hxx|h\+\+|H)$/;
const IGNORE_FILE_BYTES = 1 << 20;

export function isCpp(path: string): boolean {
  return CPP_FILE.test(path);
}

/** How a path is named in what is found. */
export type NamePath = (path: string) => string;

/** As reports name a file: relative to the working directory, with `/`. */
export function shownPath(path: string): string {
  const out = relative(process.cwd(), path);
  return (out === '' ? '.' : out).split(sep).join('/');
}

/** As an editor names a file: whatever the working directory is. */
export function absolutePath(path: string): string {
  return resolve(path).split(sep).join('/');
}

export function discover(paths: readonly string[], source: FileSource = disk): Discovered {
  const files = new Set<string>();
  const named = new Set<string>();
  const leftOut = new Map<string, LeftOut>();
  const missing: { path: string; reason: string }[] = [];
  const walk = new Walk(source, shownPath);
  for (const path of paths) {
    try {
      const kind = source.stat(path);
      const file = shownPath(path);
      if (kind === 'directory') for (const _ of walk.root(path));
      else if (kind === 'other') missing.push({ path, reason: 'not a regular file' });
      else if (isCpp(path)) leftOut.set(file, { path: file, reason: 'C++ is not analysed', kind: 'language' });
      else {
        files.add(file);
        named.add(file);
      }
    } catch (error) {
      missing.push({ path, reason: why(error) });
    }
  }
  for (const file of walk.files) files.add(file);
  return {
    files: [...files].sort(),
    named,
    leftOut: [...leftOut.values(), ...walk.leftOut],
    missing,
    cppFiles: [...walk.cppFiles].filter((file) => !leftOut.has(file)).length,
  };
}

/** What a walk has found so far; it grows. */
export interface Walked {
  readonly files: ReadonlySet<string>;
  readonly leftOut: readonly LeftOut[];
  /** Entries of folders that were looked at, whatever they are. */
  readonly entries: number;
}

/** The files that `discover` finds below a folder, folder by folder: the caller may pause, or stop. */
export function* walkFolder(folder: string, source: FileSource, name: NamePath): Generator<Walked, void> {
  const walk = new Walk(source, name);
  for (const _ of walk.root(folder)) yield walk;
  yield walk;
}

interface IgnoreRules {
  readonly base: string;
  readonly rules: Ignore;
}

/** A folder by each of its names. Below one that was named they are made by hand: there are as many as files. */
interface Folder {
  /** As the source knows it. */
  readonly path: string;
  readonly absolute: string;
  /** As findings name it. */
  readonly name: string;
  /** The one name that several paths to it have in common. */
  readonly identity: string;
}

/** A folder in another one, that no link leads to. */
function within(folder: Folder, name: string): Folder {
  return {
    path: join(folder.path, name),
    absolute: join(folder.absolute, name),
    name: nameWithin(folder, name),
    identity: join(folder.identity, name),
  };
}

function nameWithin({ name: folder }: Folder, name: string): string {
  return folder === '.' ? name : folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

class Walk implements Walked {
  readonly files = new Set<string>();
  readonly cppFiles = new Set<string>();
  readonly leftOut: LeftOut[] = [];
  entries = 0;
  private readonly source: FileSource;
  private readonly name: NamePath;
  private readonly seen = new Set<string>();

  constructor(source: FileSource, name: NamePath) {
    this.source = source;
    this.name = name;
  }

  /** A folder that was named: looked into although a folder above may ignore it; throws where it cannot be read. */
  *root(path: string): Generator<void, void> {
    const entries = this.source.list(path);
    const absolute = resolve(path);
    const above = this.rulesAbove(absolute);
    const folder = { path, absolute, name: this.name(path), identity: this.source.identity(path) };
    yield* this.visit(folder, entries, ignored(above, absolute, true) ? [] : above);
  }

  /** The rules of the folders above, up to the top of the work tree. */
  private rulesAbove(folder: string): IgnoreRules[] {
    const rules: IgnoreRules[] = [];
    for (let at = folder; ; at = dirname(at)) {
      let entries: readonly Entry[];
      try {
        entries = this.source.list(at);
      } catch {
        return [];
      }
      if (at !== folder) rules.unshift(...this.rulesIn(at, entries));
      if (entries.some((e) => e.name === '.git')) return rules;
      if (dirname(at) === at) return [];
    }
  }

  private rulesIn(folder: string, entries: readonly Entry[]): IgnoreRules[] {
    if (!entries.some((e) => e.name === '.gitignore' && e.kind === 'file')) return [];
    const file = this.source.read(join(folder, '.gitignore'), IGNORE_FILE_BYTES);
    return 'text' in file ? [{ base: resolve(folder), rules: ignore().add(file.text) }] : [];
  }

  private *visit(folder: Folder, entries: readonly Entry[], outer: readonly IgnoreRules[]): Generator<void, void> {
    if (this.seen.has(folder.identity)) return;
    this.seen.add(folder.identity);
    this.entries += entries.length;
    yield;
    const rules = [...outer, ...this.rulesIn(folder.path, entries)];
    for (const { name, kind } of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (name === '.git' || name === 'node_modules') continue;
      const directory = kind === 'directory';
      if (rules.length > 0 && ignored(rules, join(folder.absolute, name), directory)) continue;
      // Linked files are read; linked folders are not entered, so there are no loops.
      if (directory) yield* this.enter(within(folder, name), rules);
      else if (kind === 'file' || (kind === 'link' && this.isFile(join(folder.path, name)))) {
        if (C_FILE.test(name)) this.files.add(nameWithin(folder, name));
        else if (CPP_FILE.test(name)) this.cppFiles.add(nameWithin(folder, name));
      }
    }
  }

  private *enter(folder: Folder, rules: readonly IgnoreRules[]): Generator<void, void> {
    try {
      yield* this.visit(folder, this.source.list(folder.path), rules);
    } catch (error) {
      this.leftOut.push(unreadable(folder.name, error));
    }
  }

  private isFile(path: string): boolean {
    try {
      return this.source.stat(path) === 'file';
    } catch {
      return false;
    }
  }
}

/** The rules of the nearest folder decide last, as git has it. */
function ignored(rules: readonly IgnoreRules[], path: string, directory: boolean): boolean {
  let out = false;
  for (const { base, rules: own } of rules) {
    // The rules of a folder above: what is left behind it is the path from there.
    const name = path
      .slice(base.endsWith(sep) ? base.length : base.length + 1)
      .split(sep)
      .join('/');
    const verdict = own.test(directory ? `${name}/` : name);
    if (verdict.ignored) out = true;
    else if (verdict.unignored) out = false;
  }
  return out;
}
