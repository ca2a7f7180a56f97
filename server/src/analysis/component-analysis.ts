/** Analyses one component: its files are linked into programs, and these are run in the variants that matter. */
import { canonicalise } from '../engine/canonical.ts';
import type { Program } from '../engine/context.ts';
import { runEngine, STEPS_PER_PROGRAM } from '../engine/engine.ts';
import type { EngineResult } from '../engine/events.ts';
import { type LinkedProgram, link, linkPrograms } from '../engine/program.ts';
import { withQuarantine } from '../engine/quarantine.ts';
import type { RootSummaries } from '../engine/root-summaries.ts';
import type { FunctionBody } from '../ir/ir.ts';
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import { requestedPlaces, runRules } from '../rules/run.ts';
import type { Unknown } from '../syntax/tree.ts';
import { now } from '../text/clock.ts';
import type { Span } from '../text/span.ts';
import type { Inputs } from './inputs.ts';
import type { Memo } from './memo.ts';
import { bodiesOf, notesOn, placeOf, quarantinedOf } from './notes.ts';
import { type Decisions, NO_DECISIONS, type Unit } from './units.ts';
import { unite, type Variant, VariantChooser } from './variants.ts';

/** What a component gives to the whole. Plain data: it is kept in files too. */
export interface ComponentResult {
  /** Those of all its programs and variants, with their conditions. */
  readonly findings: readonly Finding[];
  /** Places that its programs reach with the feature requested. */
  readonly requested: readonly string[];
  readonly notes: readonly NotAnalysed[];
  readonly files: number;
  readonly functions: number;
  readonly functionsWithParseErrors: number;
  readonly functionsAnalysed: number;
  readonly functionsOutOfBudget: number;
  /** Places of functions: components share those of headers. */
  readonly relevant: readonly string[];
  readonly quarantined: readonly string[];
  /** The conditions that each variant turned. */
  readonly variants: readonly string[];
}

/** What one program of one variant gave. */
export interface ProgramResult {
  readonly findings: readonly Finding[];
  readonly requested: readonly string[];
  readonly notes: readonly NotAnalysed[];
  readonly functionsAnalysed: number;
  readonly outOfBudget: number;
  /** Instructions that the engine executed. */
  readonly steps: number;
}

/** What a component is analysed in. */
export interface Run {
  /** Whatever the result depends on is asked of these. */
  readonly inputs: Inputs;
  readonly proceed: (() => Promise<boolean>) | undefined;
  /** The unit of a file; undefined where the parser failed, which `failed` is told of. */
  makeUnit(path: string, decisions: Decisions, failed: (note: NotAnalysed) => void): Unit | undefined;
  /** Looks at `proceed` and lets the event loop turn. Throws `Cancelled`. */
  pause(): Promise<void>;
  /** Results of programs, by all that they depend on. */
  readonly programs: Memo<ProgramResult>;
  /** What the engine found, by the content of programs; where nothing is remembered there is none. */
  readonly runs: Memo<EngineResult> | undefined;
  /** What roots were found to do. */
  readonly roots: RootSummaries;
  /** Earlier analyses left some of these, or later ones will look for them. */
  readonly mayRepeat: boolean;
  /** Milliseconds of work by phase. */
  readonly phases: { engine: number; rules: number };
}

/** `proceed` asked to stop. */
export class Cancelled extends Error {}

export class ComponentAnalysis {
  private readonly run: Run;
  private readonly texts = new Map<string, string>();
  private readonly failed: NotAnalysed[] = [];
  /** Some root may have been run before, or be run again. */
  private repeats = true;

  constructor(run: Run) {
    this.run = run;
  }

  /** Files in the order in which they are linked. Never throws for what they contain; throws `Cancelled`. */
  async analyse(paths: readonly string[]): Promise<ComponentResult> {
    const units: Unit[] = [];
    for (const path of paths) {
      const unit = this.makeUnit(path, NO_DECISIONS);
      if (unit !== undefined) units.push(unit);
    }
    const programs = this.link(units);
    const chooser = new VariantChooser(programs, this.run.inputs);
    const queue = chooser.next(units).map((unknown) => [unknown]);
    this.repeats = this.run.mayRepeat || programs.length > 1 || queue.length > 0;
    const results = new Map<string, ProgramResult>();
    for (const program of programs) results.set(nameOf(program), await this.resultOf(program, units));
    const reached = new Set(programs.flatMap((p) => (p.hasMain ? p.files.slice(1) : [])));
    const variants: (Variant & { readonly notes: readonly NotAnalysed[] })[] = [];
    const most = stepsForVariants([...results.values()]);
    let steps = 0;
    const untried: Unknown[] = [];
    for (const turned of queue) {
      if (steps >= most) {
        untried.push(...turned.slice(-1));
        continue;
      }
      const varied = await this.vary(units, turned, results, reached);
      steps += varied.steps;
      variants.push({ turned, ...varied });
      queue.push(...chooser.next(varied.concerned).map((unknown) => [...turned, unknown]));
    }
    const base = [...results.values()];
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return {
      findings: unite(
        base.flatMap((r) => r.findings),
        variants,
      ),
      requested: base.flatMap((r) => r.requested),
      notes: [
        ...this.failed,
        ...base.flatMap((r) => r.notes),
        ...this.notesOn(units),
        ...variants.flatMap((v) => v.notes),
        ...noteUntried(paths[0]!, untried),
      ],
      files: units.length,
      functions: sum(units.map((u) => u.functionCount)),
      functionsWithParseErrors: sum(units.map((u) => u.damagedCount)),
      functionsAnalysed: sum(base.map((r) => r.functionsAnalysed)),
      functionsOutOfBudget: sum(base.map((r) => r.outOfBudget)),
      relevant: bodiesOf(units).flatMap((f) => (this.isRoot(f) ? [placeOf(f.nameSpan)] : [])),
      quarantined: quarantinedOf(units).map((f) => placeOf(f.nameSpan)),
      variants: variants.map((v) => v.turned.map((u) => u.key).join('\n')),
    };
  }

  private makeUnit(path: string, decisions: Decisions): Unit | undefined {
    const unit = this.run.makeUnit(path, decisions, (note) => this.failed.push(note));
    for (const [file, text] of unit?.texts ?? []) this.texts.set(file, text);
    return unit;
  }

  private link(units: readonly Unit[]): LinkedProgram[] {
    return linkPrograms(units, this.linkOptions);
  }

  private get linkOptions() {
    return {
      isRoot: (f: FunctionBody) => this.isRoot(f),
      targetsOf: (path: string) => this.run.inputs.targetsOf(path),
    };
  }

  private isRoot(f: FunctionBody): boolean {
    return f.name === 'main' || this.run.inputs.leadsToMention(f.nameSpan);
  }

  /** Two programs of the same units, roots and targets are the same program. */
  private async resultOf(program: LinkedProgram, units: readonly Unit[]): Promise<ProgramResult> {
    const { programs, inputs } = this.run;
    const members = new Map(units.map((u) => [u.path, identityOf(u)]));
    const key = JSON.stringify([
      program.files.map((path) => [members.get(path), inputs.targetsOf(path)]),
      program.functions.map((f) => f.id),
    ]);
    return (programs.find(key, inputs) ?? programs.keep(key, [], await this.runProgram(program))).value;
  }

  private async runProgram(program: LinkedProgram): Promise<ProgramResult> {
    const { phases } = this.run;
    let clock = now();
    const result = await this.found(program);
    phases.engine += now() - clock;
    clock = now();
    const findings = runRules(result, (span) => this.textOf(span));
    phases.rules += now() - clock;
    const cut = program.bodies.filter((b) => result.outOfBudget.includes(b.id));
    return {
      findings,
      requested: requestedPlaces(result),
      notes: cut.map((f) => ({
        file: f.file,
        reason: 'analysed in part: it takes more steps, or calls itself more deeply, than are followed',
        kind: 'budget',
        function: f.name,
        location: f.nameSpan,
      })),
      functionsAnalysed: result.functionsAnalysed,
      outOfBudget: result.outOfBudget.length,
      steps: result.steps,
    };
  }

  /** What the engine finds, or found in a program that differs in nothing but where its parts stand. */
  private async found(program: LinkedProgram): Promise<EngineResult> {
    const { runs, roots, inputs, proceed } = this.run;
    const summaries = this.repeats ? roots : undefined;
    const run = async (linked: Program) => {
      const result = await runEngine(linked, { proceed, summaries });
      if (result.cancelled) throw new Cancelled();
      return result;
    };
    // What is not looked for again needs no numbers.
    if (runs === undefined && summaries === undefined) return run(program);
    const canonical = canonicalise(program, summaries?.numbering);
    const find = () => run(canonical.program);
    const restored = (result: EngineResult) => withQuarantine(canonical.restore(result), program.bodies);
    if (runs === undefined) return restored(await find());
    const key = JSON.stringify([canonical.digest(), program.files.map((path) => [path, inputs.targetsOf(path)])]);
    const known = runs.find(key, inputs) ?? runs.keep(key, [], await find());
    return restored(known.value);
  }

  /** The findings of all programs when some conditions are decided the other way. */
  private async vary(
    units: readonly Unit[],
    turned: readonly Unknown[],
    base: ReadonlyMap<string, ProgramResult>,
    reached: ReadonlySet<string>,
  ): Promise<{ findings: Finding[]; notes: NotAnalysed[]; whole: boolean; concerned: Unit[]; steps: number }> {
    const decisions = new Map(turned.map((u) => [u.key, !u.value]));
    const concerned = new Set<string>();
    const varied: Unit[] = [];
    for (const unit of units) {
      const concerns = unit.choices.some((c) => c.unknowns.some((u) => decisions.has(u.key)));
      if (!concerns) varied.push(unit);
      else {
        await this.run.pause();
        varied.push(this.makeUnit(unit.path, decisions) ?? unit);
        concerned.add(unit.path);
      }
    }
    const findings: Finding[] = [];
    const notes: NotAnalysed[] = [];
    const made: ProgramResult[] = [];
    let whole = true;
    for (const program of this.linkVaried(varied, reached)) {
      const before = base.get(nameOf(program));
      const again = before === undefined || program.files.some((f) => concerned.has(f));
      const result = again ? await this.resultOf(program, varied) : before;
      findings.push(...result.findings);
      if (again) {
        made.push(result);
        notes.push(...result.notes);
      }
      if (result.outOfBudget > (before?.outOfBudget ?? 0)) whole = false;
    }
    const quarantined = (list: readonly Unit[]) =>
      list.flatMap((u) => u.functions.filter((f) => f.quarantine.length > 0));
    if (quarantined(varied).length > quarantined(units).length) whole = false;
    const again = varied.filter((u) => concerned.has(u.path));
    notes.push(...this.notesOn(again));
    return { findings, notes, whole, concerned: again, steps: stepsOf(made) };
  }

  /** A file of some program that the program does not reach in this variant is no library for that. */
  private linkVaried(units: readonly Unit[], reached: ReadonlySet<string>): LinkedProgram[] {
    return this.link(units).flatMap((program) => {
      if (program.hasMain || !program.files.some((f) => reached.has(f))) return [program];
      const rest = units.filter((u) => program.files.includes(u.path) && !reached.has(u.path));
      return rest.length === 0 ? [] : [link(rest, this.linkOptions)];
    });
  }

  private notesOn(units: readonly Unit[]): NotAnalysed[] {
    return notesOn(units, (span) => this.textOf(span));
  }

  private textOf(span: Span): string {
    return this.texts.get(span.file)?.slice(span.start, span.end) ?? '';
  }
}

/** Other ways to build the component that there was no budget left for. */
function noteUntried(file: string, untried: readonly Unknown[]): NotAnalysed[] {
  if (untried.length === 0) return [];
  const conditions = untried.map((u) => `${u.value ? 'without' : 'with'} ${u.condition}`).join(', ');
  return [
    { file, reason: `other ways to build it were not analysed (${conditions}): the step budget`, kind: 'budget' },
  ];
}

/** Variants may take as long again as what they vary. Of a program that was cut short they would show no more. */
function stepsForVariants(results: readonly ProgramResult[]): number {
  if (results.some((r) => r.steps >= STEPS_PER_PROGRAM)) return 0;
  return Math.max(STEPS_PER_PROGRAM, stepsOf(results));
}

function stepsOf(results: readonly ProgramResult[]): number {
  return results.reduce((sum, r) => sum + r.steps, 0);
}

const identities = new WeakMap<Unit, number>();
let units = 0;

/** A unit never changes: what was made anew is another one. */
function identityOf(unit: Unit): number {
  let identity = identities.get(unit);
  if (identity === undefined) {
    identity = ++units;
    identities.set(unit, identity);
  }
  return identity;
}

/** A program is known by its first file: the one with `main`, or the first of the library. */
function nameOf(program: LinkedProgram): string {
  return program.hasMain ? program.files[0]! : '';
}
