/**
 * The pipeline: source texts in, findings out. The faces (cli, lsp) call this and nothing below it.
 */

import type { Program } from '../engine/context.ts';
import { StateRecorder } from '../engine/dump.ts';
import { runEngine } from '../engine/engine.ts';
import { type LinkedProgram, linkPrograms } from '../engine/program.ts';
import { dump } from '../ir/dump.ts';
import { printGraph, toDot } from '../ir/graph.ts';
import type { FunctionBody, StrayText } from '../ir/ir.ts';
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import { finish, requestedPlaces, runRules, withoutAnswered } from '../rules/run.ts';
import { createParser } from '../syntax/parser.ts';
import type { CParser, Unknown } from '../syntax/tree.ts';
import { LineIndex } from '../text/line-index.ts';
import type { Span } from '../text/span.ts';
import { type Selection, selectFiles } from './select.ts';
import { isHeader, mentions, type SourceFile } from './source-file.ts';
import { type ConfigurationOptions, type Decisions, includePathsOf, type Unit, Units } from './units.ts';
import { unite, type Variant, VariantChooser } from './variants.ts';

export { MENTION_WORDS, type SourceFile } from './source-file.ts';

export interface AnalysisOptions extends ConfigurationOptions {
  /** Reads a project header named by `#include`, or a neighbour; undefined when there is no such file. */
  readonly readFile?: (path: string) => string | undefined;
  /** Further files of the universe, by path: they are read only when a file that matters calls for them. */
  readonly neighbours?: readonly string[];
  /** What a file is built into, where a compile database tells. */
  readonly targetsOf?: (path: string) => readonly string[];
  /** A function that is lowered and run whatever it has to do with userfaultfd. */
  readonly wanted?: string;
  /** Called between slices of work; when it resolves to false the analysis stops and its result is dropped. */
  readonly proceed?: () => Promise<boolean>;
}

export interface AnalysisStatistics {
  readonly files: number;
  readonly filesAnalysed: number;
  readonly functions: number;
  /** Functions that mention userfaultfd or lead to one that does. */
  readonly functionsRelevant: number;
  readonly functionsWithParseErrors: number;
  readonly functionsAnalysed: number;
  readonly functionsQuarantined: number;
  readonly functionsOutOfBudget: number;
  /** Conditions of the preprocessor that were tried both ways. */
  readonly variants: number;
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

export interface DumpRequest {
  readonly kind: DumpKind;
  readonly function: string;
  /** For Graphviz instead of for people. */
  readonly dot: boolean;
}

export const DUMP_KINDS = ['ir', 'cfg', 'states'] as const;
export type DumpKind = (typeof DUMP_KINDS)[number];

/** Loads the parser (native where it loads, else WebAssembly; `UFFD_LINT_PARSER` forces `native` or `wasm`). */
export async function createAnalyser(): Promise<Analyser> {
  const parser = await createParser();
  return {
    analyse: (files, options = {}) => new Analysis(parser, files, options).run(),
    dump: (files, request, options = {}) =>
      new Analysis(parser, files, { ...options, wanted: request.function }).dump(request),
  };
}

/** What one program of one variant gave. */
interface ProgramResult {
  readonly findings: readonly Finding[];
  /** Places that this program reaches with the feature requested. */
  readonly requested: readonly string[];
  readonly notes: readonly NotAnalysed[];
  readonly functionsAnalysed: number;
  readonly outOfBudget: number;
}

/** `proceed` asked to stop. */
class Cancelled extends Error {}

const STRAY = 'the parser sees neither a declaration nor a function here';

class Analysis {
  private readonly options: AnalysisOptions;
  /** Sorted: the same input gives the same output, whatever its order. */
  private readonly files: readonly SourceFile[];
  private readonly selection: Selection;
  private readonly units: Units;
  private readonly phases = { select: 0, parse: 0, lower: 0, engine: 0, rules: 0 };
  private readonly texts = new Map<string, string>();
  private readonly failed: NotAnalysed[] = [];
  private readonly universe: number;

  constructor(parser: CParser, given: readonly SourceFile[], options: AnalysisOptions) {
    this.options = options;
    this.files = [...given].sort((a, b) => (a.path < b.path ? -1 : 1));
    const open = new Map(this.files.map((f) => [f.path, f.text]));
    this.universe = new Set([...open.keys(), ...(options.neighbours ?? [])]).size;
    const read = (path: string): string | undefined => open.get(path) ?? options.readFile?.(path);
    const clock = performance.now();
    this.selection = selectFiles(this.files, {
      neighbours: options.neighbours,
      read,
      includePaths: (path) => includePathsOf(path, options),
      targetsOf: options.targetsOf,
      wanted: options.wanted,
    });
    this.phases.select = performance.now() - clock;
    this.units = new Units(parser, options, read, (place) => this.selection.isNeeded(place));
  }

  async run(): Promise<AnalysisResult> {
    try {
      return await this.analyse();
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error;
      return { findings: [], notAnalysed: [], statistics: this.statistics([], [], 0), cancelled: true };
    }
  }

  async dump(request: DumpRequest): Promise<string[]> {
    const lineOf = (span: Span) =>
      `${span.file}:${new LineIndex(this.texts.get(span.file) ?? '').position(span.start).line}`;
    const units = await this.makeUnits();
    const bodies = bodiesOf(units).filter((f) => f.name === request.function);
    const recorder = new StateRecorder((body) => bodies.some((b) => placeOf(b.nameSpan) === placeOf(body.nameSpan)));
    if (request.kind === 'states') {
      for (const program of this.link(units)) {
        if (!program.bodies.some((b) => b.name === request.function)) continue;
        const visiting: Program['visiting'] = (ctx, block, state) => recorder.note(ctx, block, state);
        await this.runProgram({ ...program, visiting });
      }
    }
    const states = (body: FunctionBody, block: number) => recorder.linesOf(body, block, lineOf);
    return bodies.map((body) => {
      const of = `${request.kind} of ${body.name}, ${lineOf(body.nameSpan)}`;
      if (request.dot) {
        const notes = request.kind === 'states' ? (b: { readonly id: number }) => states(body, b.id) : undefined;
        return `// ${of}\n${toDot(body, notes)}\n`;
      }
      if (request.kind === 'states') {
        const blocks = body.blocks.map((b) => [
          `B${b.id}${b.loopHead ? '*' : ''}`,
          ...states(body, b.id).map((l) => `  ${l}`),
        ]);
        return `# ${of}\n${blocks.flat().join('\n')}\n`;
      }
      return `# ${of}\n${request.kind === 'ir' ? dump(body) : printGraph(body)}\n`;
    });
  }

  private async analyse(): Promise<AnalysisResult> {
    const units = await this.makeUnits();
    const programs = this.link(units);
    const results = new Map<string, ProgramResult>();
    for (const program of programs) results.set(nameOf(program), await this.runProgram(program));
    const variants: (Variant & { readonly notes: readonly NotAnalysed[] })[] = [];
    const chooser = new VariantChooser(programs, this.selection);
    const queue = chooser.next(units).map((unknown) => [unknown]);
    for (const turned of queue) {
      const varied = await this.vary(units, turned, results);
      variants.push({ turned, ...varied });
      queue.push(...chooser.next(varied.concerned).map((unknown) => [...turned, unknown]));
    }
    const base = [...results.values()];
    return {
      findings: finish(
        withoutAnswered(
          unite(
            base.flatMap((r) => r.findings),
            variants,
          ),
          new Set(base.flatMap((r) => r.requested)),
        ),
      ),
      notAnalysed: once([
        ...this.failed,
        ...base.flatMap((r) => r.notes),
        ...this.notesOn(units),
        ...variants.flatMap((v) => v.notes),
      ]),
      statistics: this.statistics(units, base, variants.length),
      cancelled: false,
    };
  }

  private async makeUnits(): Promise<Unit[]> {
    const units: Unit[] = [];
    const included = new Set<string>();
    // Headers last: one that a file includes was seen in that file's light.
    const files = [...this.selection.files].sort((a, b) => Number(isHeader(a.path)) - Number(isHeader(b.path)));
    for (const file of files) {
      if (included.has(file.path)) continue;
      await this.pause();
      const unit = this.makeUnit(file);
      if (unit === undefined) continue;
      units.push(unit);
      for (const path of unit.texts.keys()) included.add(path);
    }
    return units;
  }

  private makeUnit(file: SourceFile, decisions?: Decisions): Unit | undefined {
    try {
      const unit = this.units.make(file, decisions);
      for (const [path, text] of unit.texts) this.texts.set(path, text);
      return unit;
    } catch (error) {
      this.failed.push({
        file: file.path,
        reason: `could not be parsed: ${(error as Error).message}`,
        kind: 'budget',
      });
      return undefined;
    }
  }

  private link(units: readonly Unit[]): LinkedProgram[] {
    return linkPrograms(units, { isRoot: (f) => this.isRoot(f), targetsOf: this.options.targetsOf });
  }

  private isRoot(f: FunctionBody): boolean {
    return f.name === 'main' || f.name === this.options.wanted || this.selection.leadsToMention(f.nameSpan);
  }

  private async runProgram(program: LinkedProgram): Promise<ProgramResult> {
    let clock = performance.now();
    const result = await runEngine(program, { proceed: this.options.proceed });
    if (result.cancelled) throw new Cancelled();
    this.phases.engine += performance.now() - clock;
    clock = performance.now();
    const findings = runRules(result, (span) => this.textOf(span));
    this.phases.rules += performance.now() - clock;
    const cut = program.bodies.filter((b) => result.outOfBudget.includes(b.id));
    return {
      findings,
      requested: requestedPlaces(result),
      notes: cut.map((f) => ({
        file: f.file,
        reason: 'analysed in part: the function is too large for the step budget',
        kind: 'budget',
        function: f.name,
        location: f.nameSpan,
      })),
      functionsAnalysed: result.functionsAnalysed,
      outOfBudget: result.outOfBudget.length,
    };
  }

  /** The findings of all programs when some conditions are decided the other way. */
  private async vary(
    units: readonly Unit[],
    turned: readonly Unknown[],
    base: ReadonlyMap<string, ProgramResult>,
  ): Promise<{ findings: Finding[]; notes: NotAnalysed[]; whole: boolean; concerned: Unit[] }> {
    const decisions = new Map(turned.map((u) => [u.key, !u.value]));
    const concerned = new Set<string>();
    const varied: Unit[] = [];
    for (const unit of units) {
      const concerns = unit.choices.some((c) => c.unknowns.some((u) => decisions.has(u.key)));
      if (!concerns) varied.push(unit);
      else {
        await this.pause();
        const text = unit.texts.get(unit.path)!;
        varied.push(this.makeUnit({ path: unit.path, text }, decisions) ?? unit);
        concerned.add(unit.path);
      }
    }
    const findings: Finding[] = [];
    const notes: NotAnalysed[] = [];
    let whole = true;
    for (const program of this.link(varied)) {
      const before = base.get(nameOf(program));
      const again = before === undefined || program.files.some((f) => concerned.has(f));
      const result = again ? await this.runProgram(program) : before;
      findings.push(...result.findings);
      if (again) notes.push(...result.notes);
      if (result.outOfBudget > (before?.outOfBudget ?? 0)) whole = false;
    }
    const quarantined = (list: readonly Unit[]) =>
      list.flatMap((u) => u.functions.filter((f) => f.quarantine.length > 0));
    if (quarantined(varied).length > quarantined(units).length) whole = false;
    const again = varied.filter((u) => concerned.has(u.path));
    notes.push(...this.notesOn(again));
    return { findings, notes, whole, concerned: again };
  }

  /** Parts that the parser did not understand, where they speak of userfaultfd. */
  private notesOn(units: readonly Unit[]): NotAnalysed[] {
    const notes: NotAnalysed[] = [];
    for (const f of bodiesOf(units)) {
      if (f.quarantine.length === 0 || !mentions(this.textOf(f.span))) continue;
      notes.push({
        file: f.file,
        reason: `${f.quarantine.join('; ')}: nothing is claimed of what this function does not do`,
        kind: 'quarantine',
        function: f.name,
        location: f.nameSpan,
      });
    }
    const strays = new Map<string, StrayText>();
    for (const unit of units) for (const s of unit.strays) strays.set(placeOf(s.span), s);
    for (const s of strays.values()) {
      if (!mentions(this.textOf(s.span))) continue;
      const { file } = s.span;
      if (s.function === undefined && notes.some((n) => n.file === file && n.reason === STRAY)) continue;
      notes.push({
        file,
        reason: s.function === undefined ? STRAY : 'the function has no end that the parser can see',
        kind: 'quarantine',
        function: s.function?.name,
        location: s.function?.span ?? s.span,
      });
    }
    return notes;
  }

  private textOf(span: Span): string {
    return this.texts.get(span.file)?.slice(span.start, span.end) ?? '';
  }

  /** Native trees are released when the event loop turns. */
  private async pause(): Promise<void> {
    if (this.options.proceed !== undefined && !(await this.options.proceed())) throw new Cancelled();
    if (this.files.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }

  private statistics(units: readonly Unit[], results: readonly ProgramResult[], variants: number): AnalysisStatistics {
    const bodies = bodiesOf(units);
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return {
      files: this.universe,
      filesAnalysed: units.length,
      functions: sum(units.map((u) => u.functionCount)),
      functionsRelevant: bodies.filter((f) => this.isRoot(f)).length,
      functionsWithParseErrors: sum(units.map((u) => u.damagedCount)),
      functionsAnalysed: sum(results.map((r) => r.functionsAnalysed)),
      functionsQuarantined: bodies.filter((f) => f.quarantine.length > 0).length,
      functionsOutOfBudget: sum(results.map((r) => r.outOfBudget)),
      variants,
      phases: { ...this.phases, ...this.units.milliseconds },
    };
  }
}

/** By place: programs of one run may each have a function of one name, and files share their headers' functions. */
function bodiesOf(units: readonly Unit[]): FunctionBody[] {
  return [...new Map(units.flatMap((u) => u.functions.map((f) => [placeOf(f.nameSpan), f]))).values()];
}

/** A program is known by its first file: the one with `main`, or the first of the library. */
function nameOf(program: LinkedProgram): string {
  return program.hasMain ? program.files[0]! : '';
}

/** Sorted by place; what several programs or variants say is said once. */
function once(notes: readonly NotAnalysed[]): NotAnalysed[] {
  const at = (n: NotAnalysed) => n.location?.start ?? -1;
  const seen = new Map<string, NotAnalysed>();
  for (const n of notes) {
    const key = `${n.kind}|${n.file}|${at(n)}`;
    if (!seen.has(key)) seen.set(key, n);
  }
  return [...seen.values()].sort((a, b) => (a.file === b.file ? at(a) - at(b) : a.file < b.file ? -1 : 1));
}

function placeOf(span: Span): string {
  return `${span.file}:${span.start}`;
}
