/**
 * The pipeline: source texts in, findings out. The faces (cli, lsp) call this and nothing below it.
 */
import { linkPrograms } from '../engine/program.ts';
import type { FunctionBody } from '../ir/ir.ts';
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import { createParser } from '../syntax/parser.ts';
import type { CParser } from '../syntax/tree.ts';
import { now } from '../text/clock.ts';
import { Cancelled, ComponentAnalysis, type ComponentResult } from './component-analysis.ts';
import { componentsOf, type FileFacts, factsOf, factsOfNothing } from './components.ts';
import { type DumpRequest, dumpFunctions } from './dump.ts';
import { IncludeFolders } from './include-folders.ts';
import { type Inputs, Recorder } from './inputs.ts';
import { type CacheOptions, KeptResults } from './kept-results.ts';
import { Memory } from './memory.ts';
import { type Selection, selectFiles } from './select.ts';
import { isHeader, type SourceFile } from './source-file.ts';
import { type ConfigurationOptions, type Decisions, NO_DECISIONS, type Unit, Units } from './units.ts';
import { type Counts, countsOf, findingsOf, notesOf } from './whole.ts';

export { DUMP_KINDS, type DumpKind, type DumpRequest } from './dump.ts';
export type { CacheOptions, ResultStore } from './kept-results.ts';
export { MENTION_WORDS, type SourceFile } from './source-file.ts';

export interface AnalysisOptions extends ConfigurationOptions {
  /** Reads a project header named by `#include`, or a neighbour; undefined when there is no such file. */
  readonly readFile?: (path: string) => string | undefined;
  /** Further files of the universe, by path: they are read only when a file that matters calls for them. */
  readonly neighbours?: readonly string[];
  /** What a file is built into, where a compile database tells. */
  readonly targetsOf?: (path: string) => readonly string[];
  /** Files of interest: the result holds nothing of components that none of them belongs to. All, where not given. */
  readonly concerning?: readonly string[];
  /** Where results are kept between runs. */
  readonly cache?: CacheOptions;
  /** Called between slices of work; when it resolves to false the analysis stops and its result is dropped. */
  readonly proceed?: () => Promise<boolean>;
}

/** Of the components that were analysed: roots that were run and kept, and those that did what they did before. */
export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly rootsRun: number;
  readonly rootsRepeated: number;
}

export interface AnalysisStatistics extends Counts {
  readonly files: number;
  /** Parts of the run that nothing binds together. */
  readonly components: number;
  /** Components whose result was kept by an earlier run, and those that were analysed; where results are kept. */
  readonly cache?: CacheCounts;
  /** Milliseconds by phase: select, parse, lower, engine, rules. */
  readonly phases: Readonly<Record<string, number>>;
}

export interface AnalysisResult {
  readonly findings: readonly Finding[];
  readonly notAnalysed: readonly NotAnalysed[];
  readonly statistics: AnalysisStatistics;
  /** True when `proceed` asked to stop; the findings are then incomplete and must not be shown. */
  readonly cancelled: boolean;
}

/** Files above this many bytes are listed in `notAnalysed` and not parsed. */
export const DEFAULT_MAX_FILE_BYTES = 2 * 1024 * 1024;

export interface Analyser {
  /** Analyses the files as one link universe. Never throws for what a file contains. */
  analyse(files: readonly SourceFile[], options?: AnalysisOptions): Promise<AnalysisResult>;
  /** What the engine sees of the functions of a name, one text for each; none where there is no such function. */
  dump(files: readonly SourceFile[], request: DumpRequest, options?: AnalysisOptions): Promise<string[]>;
}

export interface AnalyserOptions {
  /**
   * Remember what an edit does not touch, by content, for an editor: results of components and of programs; parsed and
   * lowered files, with the headers and the configuration that they were seen with; names of files; trees, from which
   * the next version of a text is parsed. Results are equal to those of an analyser that remembers nothing. What eight
   * calls in a row do not use is forgotten.
   */
  readonly remember?: boolean;
}

/** Loads the parser (native where it loads, else WebAssembly; `UFFD_LINT_PARSER` forces `native` or `wasm`). */
export async function createAnalyser({ remember = false }: AnalyserOptions = {}): Promise<Analyser> {
  const parser = await createParser();
  const lasting = remember ? new Memory(parser, true) : undefined;
  const memory = () => {
    lasting?.begin();
    return lasting ?? new Memory(parser, false);
  };
  return {
    analyse: (files, options = {}) =>
      lasting === undefined || options.cache !== undefined
        ? new Analysis(parser, memory(), files, options).run()
        : analyseKnown(parser, memory(), files, options),
    dump: (files, request, options = {}) =>
      new Analysis(parser, memory(), files, options, request.function).dump(request),
  };
}

/** Takes texts for what they were where only their comments are edited. */
async function analyseKnown(
  parser: CParser,
  memory: Memory,
  files: readonly SourceFile[],
  options: AnalysisOptions,
): Promise<AnalysisResult> {
  const { texts, trees } = memory;
  for (;;) {
    const view = texts.view((path) => trees.isDamaged(path));
    const known = files.map(({ path, text }) => ({ path, text: view.of(path, text) }));
    const readFile = (path: string) => {
      const text = options.readFile?.(path);
      return text === undefined ? undefined : view.of(path, text);
    };
    const result = await new Analysis(parser, memory, known, { ...options, readFile }).run();
    if (result.cancelled) return result;
    const moved = view.stoodInFor.some((path) => trees.isDamaged(path)) ? undefined : view.moved(result);
    if (moved !== undefined) return moved;
    for (const path of view.stoodInFor) texts.forget(path);
  }
}

/** Files whose units are held from the time that components are told apart until theirs is analysed. */
const MANY_FILES = 200;

class Analysis {
  private readonly options: AnalysisOptions;
  private readonly wanted: string | undefined;
  private readonly memory: Memory;
  /** Results of other runs, where they are kept. */
  private readonly kept: KeptResults | undefined;
  private readonly cache = { hits: 0, misses: 0, rootsRun: 0, rootsRepeated: 0 };
  private readonly several: boolean;
  private readonly selection: Selection;
  private readonly inputs: Inputs;
  private readonly units: Units;
  /** Options that hold for all files: part of what is remembered by. */
  private readonly given: string;
  private readonly phases = { select: 0, parse: 0, lower: 0, engine: 0, rules: 0 };
  private readonly universe: number;

  /** `wanted` names a function that is lowered and run whatever it has to do with userfaultfd. */
  constructor(
    parser: CParser,
    memory: Memory,
    given: readonly SourceFile[],
    options: AnalysisOptions,
    wanted?: string,
  ) {
    this.options = options;
    this.wanted = wanted;
    this.memory = memory;
    this.several = given.length > 1;
    // Sorted: the same input gives the same output, whatever its order.
    const files = [...given].sort((a, b) => (a.path < b.path ? -1 : 1));
    const open = new Map(files.map((f) => [f.path, f.text]));
    this.universe = new Set([...open.keys(), ...(options.neighbours ?? [])]).size;
    const readText = (path: string): string | undefined => open.get(path) ?? options.readFile?.(path);
    const configurationOf = (path: string) => options.configurationOf?.(path);
    const clock = now();
    const scan = (path: string, text: string) => memory.scan(path, text);
    const configured = (path: string) => [
      ...(options.includePaths ?? []),
      ...(configurationOf(path)?.includePaths ?? []),
    ];
    const paths = [...open.keys(), ...(options.neighbours ?? [])];
    const folders = new IncludeFolders({ paths, read: readText, scan, configured });
    this.selection = selectFiles(files, {
      neighbours: options.neighbours,
      read: readText,
      includePaths: (path) => [...configured(path), ...folders.ownOf(path)],
      targetsOf: options.targetsOf,
      scan,
      graphOf: (names, given) => memory.graphOf(names, given),
      wanted,
    });
    this.phases.select = now() - clock;
    const targetsOf = (path: string) => options.targetsOf?.(path) ?? [];
    const includeFoldersOf = (path: string) => folders.of(path);
    this.inputs = { ...this.selection, readText, configurationOf, targetsOf, includeFoldersOf };
    this.units = new Units(parser, memory.trees, memory.functions, options);
    this.given = JSON.stringify([options.defines, options.undefined, options.includePaths]);
    if (options.cache !== undefined) this.kept = new KeptResults(options.cache, parser.kind, options, this.inputs);
  }

  async run(): Promise<AnalysisResult> {
    try {
      const results: ComponentResult[] = [];
      for (const paths of await this.components()) results.push(await this.component(paths));
      return this.result(results, false);
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error;
      return this.result([], true);
    }
  }

  async dump(request: DumpRequest): Promise<string[]> {
    const units: Unit[] = [];
    for (const { path } of await this.facts()) {
      const unit = this.makeUnit(path, NO_DECISIONS, new Recorder(this.inputs), () => {});
      if (unit !== undefined) units.push(unit);
    }
    const isRoot = (f: FunctionBody) =>
      f.name === 'main' || f.name === this.wanted || this.selection.leadsToMention(f.nameSpan);
    return dumpFunctions(request, units, () => linkPrograms(units, { isRoot, targetsOf: this.options.targetsOf }));
  }

  /** Paths of those that hold a file of interest, in the order in which they are linked. */
  private async components(): Promise<(readonly string[])[]> {
    const [only, ...others] = this.selection.files;
    const { concerning } = this.options;
    // What a file is bound to is of no interest where there is nothing else.
    if (only !== undefined && others.length === 0 && (concerning?.includes(only.path) ?? true)) {
      await this.pause();
      return [[only.path]];
    }
    const components = componentsOf(await this.facts(), this.options.targetsOf);
    return components.filter((c) => this.isConcerned(c)).map((c) => c.map((f) => f.path));
  }

  private isConcerned(component: readonly FileFacts[]): boolean {
    const { concerning } = this.options;
    const holds = (path: string) => component.some((f) => f.path === path || f.includes.includes(path));
    return concerning === undefined || concerning.some(holds);
  }

  /** Of each file that is a unit of its own, in the order in which they are linked. */
  private async facts(): Promise<FileFacts[]> {
    const facts: FileFacts[] = [];
    const included = new Set<string>();
    // Headers last: one that a file includes was seen in that file's light.
    const files = [...this.selection.files].sort((a, b) => Number(isHeader(a.path)) - Number(isHeader(b.path)));
    for (const { path } of files) {
      if (included.has(path)) continue;
      await this.pause();
      const own = this.factsOf(path);
      facts.push(own);
      for (const header of own.includes) included.add(header);
      // Made again with their component: to hold all at once costs more than to read them twice.
      if (files.length > MANY_FILES) this.memory.leave([path]);
    }
    return facts;
  }

  private factsOf(path: string): FileFacts {
    const known = this.kept?.find<FileFacts>('facts', [path]);
    if (known !== undefined) return known;
    const recorder = new Recorder(this.inputs);
    const unit = this.makeUnit(path, NO_DECISIONS, recorder, () => {});
    if (unit === undefined) return factsOfNothing(path);
    const facts = factsOf(unit);
    this.kept?.keep('facts', [path], recorder.trace, facts);
    return facts;
  }

  private async component(paths: readonly string[]): Promise<ComponentResult> {
    const key = [this.given, ...paths].join('\n');
    const known = this.memory.components.find(key, this.inputs)?.value;
    if (known !== undefined) return known;
    const kept = this.kept?.find<ComponentResult>('component', paths);
    if (kept !== undefined) {
      this.cache.hits++;
      return kept;
    }
    this.cache.misses++;
    const { roots } = this.memory;
    const counted = { ...roots.counts };
    if (this.kept !== undefined) roots.add(this.kept.roots(paths));
    const recorder = new Recorder(this.inputs);
    const analysis = new ComponentAnalysis({
      inputs: recorder,
      proceed: this.options.proceed,
      makeUnit: (path, decisions, failed) => this.makeUnit(path, decisions, recorder, failed),
      pause: () => this.pause(),
      programs: this.memory.programs,
      runs: this.memory.runs,
      roots,
      mayRepeat: this.kept !== undefined || this.memory.runs !== undefined,
      phases: this.phases,
    });
    const result = await analysis.analyse(paths);
    const { trace } = recorder;
    this.memory.components.keep(key, trace, result);
    this.kept?.keep('component', paths, trace, result);
    this.kept?.keepRoots(paths, roots.inUse());
    this.cache.rootsRun += roots.counts.kept - counted.kept;
    this.cache.rootsRepeated += roots.counts.repeated - counted.repeated;
    this.memory.leave(paths);
    return result;
  }

  private makeUnit(
    path: string,
    decisions: Decisions,
    recorder: Recorder,
    failed: (note: NotAnalysed) => void,
  ): Unit | undefined {
    const key = [this.given, path, ...[...decisions].flat()].join('\n');
    // Whatever becomes of it.
    recorder.readText(path);
    try {
      let known = this.memory.units.find(key, this.inputs);
      if (known === undefined) {
        const own = new Recorder(this.inputs);
        const unit = this.units.make(path, own, decisions);
        known = this.memory.units.keep(key, own.trace, unit);
      }
      recorder.absorb(known.trace);
      return known.value;
    } catch (error) {
      failed({ file: path, reason: `could not be parsed: ${(error as Error).message}`, kind: 'budget' });
      return undefined;
    }
  }

  /** Native trees are released when the event loop turns. */
  private async pause(): Promise<void> {
    const { proceed } = this.options;
    if (proceed !== undefined && !(await proceed())) throw new Cancelled();
    if (this.several) await new Promise((resolve) => setImmediate(resolve));
  }

  private result(components: readonly ComponentResult[], cancelled: boolean): AnalysisResult {
    return {
      findings: findingsOf(components),
      notAnalysed: notesOf(components),
      statistics: {
        files: this.universe,
        ...countsOf(components),
        components: components.length,
        ...(this.kept === undefined ? {} : { cache: this.cache }),
        phases: { ...this.phases, ...this.units.milliseconds },
      },
      cancelled,
    };
  }
}
