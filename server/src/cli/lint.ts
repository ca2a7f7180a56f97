/** `uffd-lint [lint] PATH…`: files in, a report out, and the exit status of the contract. */
import { setFlagsFromString } from 'node:v8';
import { type AnalysisOptions, createAnalyser, MENTION_WORDS, type SourceFile } from '../analysis/analyse.ts';
import { toGcc } from '../report/gcc.ts';
import { toJson } from '../report/json.ts';
import { Positions } from '../report/positions.ts';
import { toNote, toPretty } from '../report/pretty.ts';
import { toStatistics } from '../report/statistics.ts';
import type { NotAnalysed, Severity } from '../rules/finding.ts';
import { now } from '../text/clock.ts';
import { type CompileDatabase, CompileDatabaseError, findDatabase, openDatabase } from '../text/compile-commands.ts';
import { discover, isCpp } from '../text/files.ts';
import { findSilent } from '../text/search-threads.ts';
import {
  disk,
  type FileSource,
  type LeftOut,
  overlay,
  type ReadFile,
  snapshot,
  sourceOf,
  tooLarge,
  why,
} from '../text/source.ts';
import { CacheFolder } from './cache-folder.ts';
import { type LintOptions, UsageError } from './options.ts';

/** Files to analyse from which on garbage is collected early: left to itself V8 lets it grow with what is free. */
const MANY_SOURCES = 200;
/** Percent by which the heap may grow before it is collected again. Node 20: no more time, less than half the memory. */
const HEAP_GROWTH = 30;

export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
  /** All of standard input, but no more than it takes to see that it is larger than `maxBytes`. */
  stdin(maxBytes: number): Promise<Uint8Array>;
  readonly color: boolean;
}

const RANK: Record<Severity, number> = { error: 2, warning: 1, info: 0 };

/** `identity` differs wherever the code does; it is asked for only where results are kept. */
export async function lint(
  options: LintOptions,
  version: string,
  output: Output,
  identity: () => string = () => version,
): Promise<number> {
  const started = now();
  const note = (text: string) => output.stderr(`uffd-lint: ${text}\n`);
  const input = await sourceFromStdin(options, output);
  const source = snapshot(
    overlay(disk, (path) => (input !== undefined && 'text' in input && path === input.path ? input.text : undefined)),
  );
  const found = discover(
    options.paths.filter((p) => p !== '-'),
    source,
  );
  const paths = new Set(found.files);
  if (input !== undefined) paths.add(input.path);
  let failed = false;
  const database = compileDatabase(options, source, (problem) => {
    failed = true;
    note(`${problem} Analysed without it.`);
  });

  const sources: SourceFile[] = [];
  const notAnalysed: NotAnalysed[] = found.leftOut.map(listed);
  const neighbours: string[] = [];
  const unnamed = [...paths].filter((path) => path !== input?.path && !found.named.has(path));
  const silent = await findSilent(unnamed, MENTION_WORDS);
  for (const path of [...paths].sort()) {
    const file =
      path === input?.path
        ? input
        : found.named.has(path)
          ? source.read(path, options.maxFileBytes)
          : silent.has(path)
            ? undefined
            : source.search(path, options.maxFileBytes, MENTION_WORDS);
    if (file === undefined) neighbours.push(path);
    else if ('text' in file) {
      sources.push({ path, text: file.text });
      if (file.note !== undefined) notAnalysed.push({ file: path, ...file.note });
    } else {
      notAnalysed.push(listed(file));
      if (file.kind !== 'unreadable') continue;
      note(`${path}: ${file.reason}.${file.denied === true ? ' Check its permissions.' : ''}`);
      failed ||= found.named.has(path) || file.denied === true;
    }
  }
  for (const { path, reason, denied } of found.leftOut) {
    if (denied !== true) continue;
    failed = true;
    note(`${path}: ${reason}. Check its permissions.`);
  }
  for (const m of found.missing) {
    failed = true;
    note(`${m.path}: ${m.reason}. Check the path.`);
    notAnalysed.push({ file: m.path, reason: m.reason, kind: 'unreadable' });
  }
  for (const folder of options.includePaths)
    if (!isFolder(source, folder)) note(`-I ${folder}: there is no such folder. Headers in it are not found.`);
  if (found.cppFiles > 0) note(`${found.cppFiles} C++ file(s) are not analysed.`);
  if (sources.length + neighbours.length === 0 && found.missing.length === 0) note('no C files to analyse.');

  if (sources.length > MANY_SOURCES) setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);
  const analyser = await createAnalyser();
  const cache = cacheFolder(options, note);
  const analysis: AnalysisOptions = {
    defines: options.defines,
    undefined: options.undefined,
    includePaths: options.includePaths,
    ...(database === undefined ? {} : { configurationOf: database.configurationOf, targetsOf: database.targetsOf }),
    neighbours,
    ...(cache === undefined ? {} : { cache: { store: cache, identity: identity() } }),
    readFile: (path) => textOf(source.read(path, options.maxFileBytes)),
  };
  if (options.dump !== undefined) {
    const texts = await analyser.dump(sources, options.dump, analysis);
    if (texts.length === 0) note(`there is no function ${options.dump.function} in these files. Check its name.`);
    output.stdout(texts.join('\n'));
    return failed || texts.length === 0 ? 2 : 0;
  }
  const result = await analyser.analyse(sources, analysis);
  cache?.close();
  const unread = [...notAnalysed, ...result.notAnalysed].sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : (a.location?.start ?? 0) - (b.location?.start ?? 0),
  );
  const texts = new Map(sources.map((s) => [s.path, s.text]));
  const positions = new Positions((file) => texts.get(file) ?? textOf(source.read(file, options.maxFileBytes)));
  const summary = {
    files: paths.size + found.leftOut.filter((l) => l.kind === 'language').length,
    analysed: result.statistics.filesAnalysed,
    functions: result.statistics.functions,
    durationMs: Math.round(now() - started),
  };
  const { findings } = result;
  if (options.format === 'json') output.stdout(toJson({ version, findings, notAnalysed: unread, summary }, positions));
  else if (options.format === 'gcc') {
    output.stdout(toGcc(findings, positions));
    for (const n of unread) note(`not analysed: ${toNote(n, positions)}`);
  } else {
    output.stdout(toPretty(findings, unread, positions, { color: output.color }));
    const n = findings.length === 0 ? 'no findings' : counted(findings.length, 'finding');
    output.stderr(`${n} in ${counted(summary.files, 'file')}\n`);
  }
  if (options.stats) output.stderr(toStatistics(result.statistics, now() - started));
  if (failed) return 2;
  return findings.some((f) => RANK[f.severity] >= RANK[options.failOn]) ? 1 : 0;
}

function isFolder(source: FileSource, path: string): boolean {
  try {
    return source.stat(path) === 'directory';
  } catch {
    return false;
  }
}

/** A cache saves time and nothing else: where it cannot be had, the run goes on without it. */
function cacheFolder({ cache }: LintOptions, note: (text: string) => void): CacheFolder | undefined {
  try {
    return cache === undefined ? undefined : new CacheFolder(cache);
  } catch (error) {
    note(`${cache}: cannot be used as a cache: ${why(error)}. Analysed without it.`);
    return undefined;
  }
}

/** A database that was asked for must be whole; one that was found and is broken is told of and left out. */
function compileDatabase(
  options: LintOptions,
  source: FileSource,
  tell: (problem: string) => void,
): CompileDatabase | undefined {
  try {
    return options.database === undefined ? findDatabase('.', source) : openDatabase(options.database, source);
  } catch (error) {
    if (!(error instanceof CompileDatabaseError)) throw error;
    if (options.database !== undefined) throw new UsageError(error.message);
    tell(error.message);
    return undefined;
  }
}

async function sourceFromStdin(options: LintOptions, output: Output): Promise<ReadFile | LeftOut | undefined> {
  const path = options.stdinFilename;
  if (path === undefined || !options.paths.includes('-')) return undefined;
  if (isCpp(path)) return { path, reason: 'C++ is not analysed', kind: 'language' };
  const bytes = await output.stdin(options.maxFileBytes);
  return tooLarge(path, bytes.length, options.maxFileBytes) ?? sourceOf(path, bytes);
}

function textOf(file: ReadFile | LeftOut): string | undefined {
  return 'text' in file ? file.text : undefined;
}

function listed(l: LeftOut): NotAnalysed {
  return { file: l.path, reason: l.reason, kind: l.kind };
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
