/**
 * What an analyser remembers of what it did, by content: nothing in here is ever wrong, it is only of no use any more.
 */
import type { EngineResult } from '../engine/events.ts';
import { RootSummaries } from '../engine/root-summaries.ts';
import { type FileNames, moveTo, scanNames } from '../syntax/names.ts';
import type { CParser } from '../syntax/tree.ts';
import type { ComponentResult, ProgramResult } from './component-analysis.ts';
import { KnownTexts } from './known-texts.ts';
import { LoweredFiles } from './lowered-files.ts';
import { Memo } from './memo.ts';
import { type GraphOptions, NameGraph } from './name-graph.ts';
import { Trees } from './trees.ts';
import type { Unit } from './units.ts';

/** What so many calls in a row did not use is forgotten. */
const KEPT_CALLS = 8;

/** A call makes two, of the files that mention userfaultfd and of all that are looked at. */
const KEPT_GRAPHS = 4;

export class Memory {
  readonly components = new Memo<ComponentResult>();
  /** By path and decisions. */
  readonly units = new Memo<Unit>();
  /** By units, roots and targets. */
  readonly programs = new Memo<ProgramResult>();
  /** What the engine found, by the content of programs. To tell equal ones takes as long as to run a small one. */
  readonly runs: Memo<EngineResult> | undefined;
  /** What roots do, by what that rests on. */
  readonly roots: RootSummaries;
  readonly texts = new KnownTexts();
  readonly trees: Trees;
  readonly functions: LoweredFiles | undefined;
  private readonly scans = new Map<string, { readonly text: string; readonly names: FileNames; used: number }>();
  /** The last graphs of names, each of the very files that it was made of. */
  private graphs: {
    readonly files: readonly FileNames[];
    readonly options: GraphOptions;
    readonly graph: NameGraph;
  }[] = [];
  private call = 0;
  private readonly remembers: boolean;

  constructor(parser: CParser, remembers: boolean) {
    this.trees = new Trees(parser, remembers);
    this.remembers = remembers;
    this.roots = new RootSummaries({ calls: remembers });
    if (!remembers) return;
    this.runs = new Memo();
    this.functions = new LoweredFiles();
  }

  scan(path: string, text: string): FileNames {
    const known = this.scans.get(path);
    if (known?.text === text) {
      known.used = this.call;
      return known.names;
    }
    const next = scanNames(path, text);
    // What is made of names need not be made again where an edit only moves them.
    const names = known !== undefined && moveTo(known.names, next) ? known.names : next;
    this.scans.set(path, { text, names, used: this.call });
    return names;
  }

  graphOf(files: readonly FileNames[], options: GraphOptions): NameGraph {
    const isSame = (known: (typeof this.graphs)[number]) =>
      known.options.targetsOf === options.targetsOf &&
      known.options.wanted === options.wanted &&
      known.files.length === files.length &&
      known.files.every((f, i) => f === files[i]);
    const graph = this.graphs.find(isSame)?.graph ?? new NameGraph(files, options);
    if (this.remembers)
      this.graphs = [{ files, options, graph }, ...this.graphs.filter((g) => g.graph !== graph)].slice(0, KEPT_GRAPHS);
    return graph;
  }

  /** The component of these files is done: where nothing is remembered its units need not outlive it. */
  leave(paths: readonly string[]): void {
    if (this.remembers) return;
    const done = new Set(paths);
    this.units.forget((key) => done.has(pathOf(key) ?? ''));
    this.programs.forget(() => true);
    this.components.forget(() => true);
    this.roots.clear();
  }

  begin(): void {
    this.call++;
    const { components, units, programs, runs, roots, texts, trees, functions } = this;
    for (const part of [components, units, programs, runs, roots, texts, trees, functions]) part?.begin(KEPT_CALLS);
    for (const [path, { used }] of this.scans) if (used < this.call - KEPT_CALLS) this.scans.delete(path);
  }
}

/** Of a unit's key: options, path, decisions. */
function pathOf(key: string): string | undefined {
  return key.split('\n', 2)[1];
}
