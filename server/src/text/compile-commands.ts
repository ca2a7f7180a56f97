/** compile_commands.json: where it is looked for, what is wrong with a broken one, and what it says of a file. */
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type NamePath, shownPath } from './files.ts';
import { disk, type FileSource, why } from './source.ts';

/** What the preprocessor is told about one file. Paths are as reports name them. */
export interface FileConfiguration {
  readonly defines: Readonly<Record<string, string>>;
  readonly undefined: readonly string[];
  readonly includePaths: readonly string[];
  /** Headers of `-include`, in order. */
  readonly forcedIncludes: readonly string[];
}

export interface CompileDatabase {
  readonly path: string;
  /** The first entry of a file, where it has several. */
  configurationOf(file: string): FileConfiguration | undefined;
  /** What the file is built into, where the names of the objects tell. */
  targetsOf(file: string): readonly string[];
}

/** A broken database; the message names the file and says what to do. */
export class CompileDatabaseError extends Error {}

export interface DatabaseOptions {
  /** How paths are named: of the database in messages, and of all that it speaks of. */
  readonly name?: NamePath;
  /** What a person gives to name another database. */
  readonly given?: string;
}

export const DATABASE_NAME = 'compile_commands.json';
const MAX_BYTES = 1 << 28;

/** The database of `-p`: a folder that holds it, or the file itself. */
export function openDatabase(given: string, source: FileSource = disk, options: DatabaseOptions = {}): CompileDatabase {
  try {
    return readDatabase(namedDatabase(given, source), source, options);
  } catch (error) {
    if (error instanceof CompileDatabaseError) throw error;
    throw new CompileDatabaseError(
      `${given}: no ${DATABASE_NAME}: ${why(error)}. Give ${options.given ?? '-p'} the folder that holds it.`,
    );
  }
}

/** The database of the working directory or one of its usual build folders; undefined where there is none. */
export function findDatabase(
  folder = '.',
  source: FileSource = disk,
  options: DatabaseOptions = {},
): CompileDatabase | undefined {
  const path = locateDatabase(folder, source);
  return path === undefined ? undefined : readDatabase(path, source, options);
}

/** The file that is meant by a folder that holds it, or by its own path; throws where there is none. */
export function namedDatabase(given: string, source: FileSource): string {
  const path = source.stat(given) === 'directory' ? join(given, DATABASE_NAME) : given;
  source.stat(path);
  return path;
}

/** Where `findDatabase` finds it. */
export function locateDatabase(folder: string, source: FileSource): string | undefined {
  let folders: string[];
  try {
    const cmake = source.list(folder).flatMap((e) => (/^cmake-build-/.test(e.name) ? e.name : []));
    folders = ['', 'build', 'out', ...cmake.sort()];
  } catch {
    return undefined;
  }
  return folders
    .map((name) => join(folder, name, DATABASE_NAME))
    .find((path) => {
      try {
        return source.stat(path) === 'file';
      } catch {
        return false;
      }
    });
}

interface Entry {
  readonly directory: string;
  readonly file: string;
  readonly words: readonly string[];
  readonly output: string | undefined;
}

function readDatabase(path: string, source: FileSource, options: DatabaseOptions): CompileDatabase {
  const { name: nameOf = shownPath, given = '-p' } = options;
  const shown = nameOf(path);
  const file = source.read(path, MAX_BYTES);
  if (!('text' in file)) throw new CompileDatabaseError(`${shown}: ${file.reason}.`);
  const entries = parseEntries(file.text, shown, given);
  const configurations = new Map<string, FileConfiguration>();
  const targets = new Map<string, string[]>();
  for (const entry of entries) {
    const folder = resolve(dirname(path), entry.directory);
    const name = nameOf(resolve(folder, entry.file));
    if (!configurations.has(name)) configurations.set(name, configurationOf(entry.words, folder, nameOf));
    const target = targetOf(entry);
    if (target !== undefined) targets.set(name, [...(targets.get(name) ?? []), `${folder}|${target}`]);
  }
  return {
    path: shown,
    configurationOf: (name) => configurations.get(name),
    targetsOf: (name) => targets.get(name) ?? [],
  };
}

function parseEntries(text: string, shown: string, given: string): Entry[] {
  const fail = (what: string): never => {
    throw new CompileDatabaseError(
      `${shown}: ${what}. Let the build write it again (CMAKE_EXPORT_COMPILE_COMMANDS, bear, meson), or give ${given} another folder.`,
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(`not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(value)) return fail('not a compile database: an array of entries is expected');
  return value.map((item: unknown, i): Entry => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return fail(`entry ${i + 1} is no object`);
    const entry = item as Readonly<Record<string, unknown>>;
    const word = (name: string): string => {
      const member = entry[name];
      return typeof member === 'string' && member !== ''
        ? member
        : fail(`entry ${i + 1} has no "${name}" that is a string`);
    };
    const { arguments: list, command, output } = entry;
    if (list === undefined && command === undefined)
      return fail(`entry ${i + 1} has neither "arguments" nor "command"`);
    if (list !== undefined && !(Array.isArray(list) && list.every((a) => typeof a === 'string')))
      return fail(`"arguments" of entry ${i + 1} is no array of strings`);
    if (output !== undefined && typeof output !== 'string') return fail(`"output" of entry ${i + 1} is no string`);
    return {
      directory: word('directory'),
      file: word('file'),
      words: list === undefined ? shellWords(word('command')) : (list as string[]),
      output,
    };
  });
}

/** Splits a command as a POSIX shell does. */
export function shellWords(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < command.length; i++) {
    const c = command[i]!;
    if (quote === "'" ? c === "'" : quote === '"' && c === '"') quote = '';
    else if (quote === '' && (c === '"' || c === "'")) {
      quote = c;
      word ??= '';
    } else if (c === '\\' && quote !== "'" && i + 1 < command.length) {
      const next = command[++i]!;
      // Between double quotes a backslash stands for itself, except before these.
      word = (word ?? '') + (quote === '"' && !/["\\$`\n]/.test(next) ? `\\${next}` : next);
    } else if (quote === '' && /\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + c;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Options that are of interest here; their value stands behind them or in the next word. */
const OPTION = /^(-D|-U|-I|-iquote|-isystem|-idirafter|--include-directory(?:=|$)|-include)(.*)$/s;

function configurationOf(words: readonly string[], folder: string, nameOf: NamePath): FileConfiguration {
  const defines = new Map<string, string>();
  const undefinedNames = new Set<string>();
  const includePaths: string[] = [];
  /** Looked through after the others: gcc(1), options for directory search. */
  const laterPaths: string[] = [];
  const forcedIncludes: string[] = [];
  const path = (name: string) => nameOf(isAbsolute(name) ? name : join(folder, name));
  for (let i = 1; i < words.length; i++) {
    const match = OPTION.exec(words[i]!);
    if (match === null) continue;
    const value = match[2] === '' ? words[++i] : match[2]!;
    if (value === undefined) break;
    switch (match[1]) {
      case '-D': {
        const at = value.indexOf('=');
        const name = at < 0 ? value : value.slice(0, at);
        defines.set(name, at < 0 ? '1' : value.slice(at + 1));
        undefinedNames.delete(name);
        break;
      }
      case '-U':
        defines.delete(value);
        undefinedNames.add(value);
        break;
      case '-include':
        forcedIncludes.push(path(value));
        break;
      default: {
        const isLater = match[1] === '-isystem' || match[1] === '-idirafter';
        if (!isSystemFolder(resolve(folder, value))) (isLater ? laterPaths : includePaths).push(path(value));
      }
    }
  }
  return {
    defines: Object.fromEntries(defines),
    undefined: [...undefinedNames],
    includePaths: [...includePaths, ...laterPaths],
    forcedIncludes,
  };
}

/** Where the system keeps its headers: they are never read. */
export function isSystemFolder(path: string): boolean {
  return /^\/(?:usr\/(?:local\/)?(?:include|lib)|nix\/store)(?:\/|$)/.test(path);
}

/** CMake and Meson keep the objects of a target in a folder of its name. */
function targetOf(entry: Entry): string | undefined {
  const at = entry.words.indexOf('-o');
  const output = entry.output ?? (at < 0 ? undefined : entry.words[at + 1]);
  return /^(?:.*\/)?[^/]+\.(?:dir|p)(?=\/)/.exec(output ?? '')?.[0];
}
