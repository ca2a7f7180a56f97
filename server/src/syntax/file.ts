/** One source file with its project headers: masked, parsed, and its macros collected. */
import { mask } from './mask.ts';
import type { Definitions } from './preprocess.ts';
import { standIn, systemMacros } from './system-macros.ts';
import { isTestHarness } from './test-harness.ts';
import type { CParser, MacroDefinition, ParsedFile, SyntaxNode } from './tree.ts';

export interface ParseOptions {
  readonly defines?: Readonly<Record<string, string>> | undefined;
  /** Names that are not defined whatever a header says of them (`-U`). */
  readonly undefinedNames?: readonly string[] | undefined;
  readonly readHeader?: ((path: string) => string | undefined) | undefined;
  readonly includePaths?: readonly string[] | undefined;
  /** False for a header of which nothing but its macros matters: it has an empty tree then. */
  readonly opens?: ((header: string) => boolean) | undefined;
  /** Headers that are read before the file, by path. */
  readonly forcedIncludes?: readonly string[] | undefined;
  /** The options are all that the build gives: what no project header defines is not defined. */
  readonly complete?: boolean | undefined;
  readonly decisions?: ReadonlyMap<string, boolean> | undefined;
}

/** The tree of a file in which nothing stands. */
const NOTHING: SyntaxNode = {
  type: 'translation_unit',
  field: undefined,
  named: true,
  start: 0,
  end: 0,
  children: [],
  isError: false,
  hasError: false,
};

/** Headers deeper than this are not read. */
const MAX_INCLUDE_DEPTH = 16;

/** Parses a file. Never throws for what the text contains. `path` uses `/`; headers are asked for by such paths too. */
export function parseFile(parser: CParser, path: string, text: string, options: ParseOptions = {}): ParsedFile {
  const macros = new Map<string, MacroDefinition>();
  for (const [name, body] of Object.entries(options.defines ?? {})) {
    macros.set(name, { name, parameters: undefined, body, file: undefined });
  }
  const seen = new Set<string>([path]);
  const missing: string[] = [];
  const definitions: Definitions = {
    macros,
    undefinedNames: new Set(options.undefinedNames),
    get closed() {
      // A header that is not there may define anything.
      return options.complete === true && !missing.some((name) => !name.startsWith('<'));
    },
    decisions: options.decisions ?? new Map(),
  };
  const headers: ParsedFile[] = [];
  const one = (at: string, content: string, depth: number): ParsedFile => {
    const result = mask(content, {
      definitions,
      path: at,
      include: (name) => include(name, depth < MAX_INCLUDE_DEPTH ? findHeader(at, name, options) : undefined, depth),
    });
    return {
      path: at,
      text: content,
      masked: result.masked,
      root: at === path || options.opens?.(at) !== false ? parser.parse(result.masked, at) : NOTHING,
      macros,
      headers: [],
      missingIncludes: [],
      cleanups: result.cleanups,
      noreturns: result.noreturns,
      constructors: result.constructors,
      choices: result.choices,
      redefinitions: result.redefinitions,
    };
  };
  const include = (name: string, found: { path: string; text: string } | undefined, depth: number): void => {
    if (found === undefined) {
      missing.push(name);
      for (const macro of systemMacros(name)) if (!macros.has(macro.name)) macros.set(macro.name, macro);
      const text = standIn(name);
      if (text !== undefined && !seen.has(name)) {
        seen.add(name);
        headers.push(one(name, text, depth + 1));
      }
      return;
    }
    if (seen.has(found.path)) return;
    seen.add(found.path);
    headers.push(one(found.path, found.text, depth + 1));
  };
  for (const name of options.forcedIncludes ?? []) {
    const content = options.readHeader?.(name);
    include(name, content === undefined ? undefined : { path: name, text: content }, 0);
  }
  const file = one(path, text, 0);
  return { ...file, headers, missingIncludes: missing };
}

/** Headers of the kernel, of libc and of a test harness are never read, wherever they lie: what matters is data. */
const SYSTEM_FOLDERS: ReadonlySet<string> = new Set('linux asm asm-generic uapi sys bits net netinet arpa'.split(' '));
const SYSTEM_HEADERS: ReadonlySet<string> = new Set(
  `assert complex ctype dirent dlfcn endian err errno error fcntl float getopt grp inttypes libgen limits locale malloc
  math mntent poll pthread pty pwd sched semaphore setjmp signal stdarg stdatomic stdbool stddef stdint stdio stdlib
  stdnoreturn string strings syscall sysexits syslog termios threads time ucontext unistd utmp wait`.split(/\s+/),
);

/** True for an include, with its quotes or angles, that is never looked for. */
export function isSystemHeader(name: string): boolean {
  return isOfSystem(name) || isTestHarness(name);
}

function isOfSystem(name: string): boolean {
  if (!name.startsWith('<')) return false;
  const slash = name.indexOf('/');
  if (slash >= 0) return SYSTEM_FOLDERS.has(name.slice(1, slash));
  return name.endsWith('.h>') && SYSTEM_HEADERS.has(name.slice(1, -'.h>'.length));
}

/**
 * A project header as an `#include` names it, with its quotes or angles: beside the file, else in the folders of
 * `-I`.
 */
export function findHeader(
  from: string,
  name: string,
  options: Pick<ParseOptions, 'readHeader' | 'includePaths'>,
): { path: string; text: string } | undefined {
  if (options.readHeader === undefined || isSystemHeader(name)) return undefined;
  const paths = (options.includePaths ?? []).map((p) => (p.endsWith('/') ? p : `${p}/`));
  const beside = from.includes('/') ? from.slice(0, from.lastIndexOf('/') + 1) : '';
  for (const base of name.startsWith('"') ? [beside, ...paths] : paths) {
    const path = normalise(base + name.slice(1, -1));
    const text = options.readHeader(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

function normalise(path: string): string {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '.') continue;
    if (part === '..' && out.length > 0 && out[out.length - 1] !== '..' && out[out.length - 1] !== '') out.pop();
    else out.push(part);
  }
  return out.join('/');
}
