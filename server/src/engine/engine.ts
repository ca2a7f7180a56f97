/**
 * Runs the roots of one program: main, functions nobody calls, and threads in the state of their creation.
 *
 * What a root stores into memory that others can see, and what it does to descriptors (handshake, arming), is
 * collected flow-insensitively and joined into what the others find. A thread runs when it is started, so that its
 * creator goes on with what it does; a root that asked before another one did more is run once more at the end. Facts
 * that need several roots (who reads the event of whose fork) are left to the rules.
 */
import type { FunctionBody } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import { digestOfFunction } from './canonical.ts';
import { type Context, type Facts, type Program, variableBase } from './context.ts';
import type { EngineEvent, EngineResult, FeatureWord } from './events.ts';
import { Footprint } from './footprint.ts';
import { type Budget, runBody, STEP_QUOTA } from './interpreter.ts';
import { Journal, type Question, textOf } from './journal.ts';
import type { Cells } from './memory.ts';
import { processEnds } from './observe.ts';
import type { DriveSummary, RootFacts, RootSummaries, RootSummary } from './root-summaries.ts';
import { calledFunctions, initialiseGlobals, inTables } from './roots.ts';
import { type SharedContents, SharedFacts, sameFeatures } from './shared-facts.ts';
import { Slice } from './slice/slice.ts';
import { locationKey, State } from './state.ts';
import { covers, join, type Location, numeric, TOP_NUMBER, type Value } from './value.ts';

const ANY_NUMBER = numeric(TOP_NUMBER);

/** Instructions one root may take, without those of the threads that it starts. Steps, not seconds: results must not depend on the machine's mood. */
export const STEPS_PER_ROOT = 150_000;
/** The same for a function of a library, of which there may be hundreds. */
const STEPS_PER_LIBRARY_ROOT = 50_000;
/** Instructions that all roots of a program may take together. */
export const STEPS_PER_PROGRAM = 200_000;
/** Of these, what is left for functions that only a table names. */
const STEPS_FOR_TABLED = STEPS_PER_PROGRAM / 4;
/** A thread that a thread starts waits from this depth on until the outer ones have ended. */
const MAX_NESTED_THREADS = 3;
/** Different entry states in which one thread function is run. */
const MAX_THREAD_ENTRIES = 4;

export interface EngineOptions {
  /** Asked at every step quota; false stops the run. */
  readonly proceed?: (() => Promise<boolean>) | undefined;
  /** False runs every body as it stands, what cannot matter included. */
  readonly slice?: boolean | undefined;
  /** Where what roots do is kept, and found again; for canonical programs. */
  readonly summaries?: RootSummaries | undefined;
}

interface Root {
  readonly name: string;
  readonly body: FunctionBody;
  readonly threadSite: string | undefined;
  readonly entry: State;
  readonly inherited: ReadonlySet<string>;
  readonly key: string;
}

export async function runEngine(program: Program, options: EngineOptions = {}): Promise<EngineResult> {
  const schedule = new Schedule(program, options);
  return schedule.result(!(await schedule.run()));
}

/** One run of one root: what happened in it, and which answers about the other roots it rests on. */
class RootRun implements Facts {
  readonly started: Root[] = [];
  private readonly schedule: Schedule;
  private readonly shared: SharedFacts;
  readonly root: Root;
  readonly known: RootFacts;

  constructor(schedule: Schedule, shared: SharedFacts, root: Root, known: RootFacts = noFacts()) {
    this.schedule = schedule;
    this.shared = shared;
    this.root = root;
    this.known = known;
  }

  get programFeatures(): FeatureWord | undefined {
    this.known.features = { answer: this.shared.features };
    return this.shared.features;
  }

  emit(event: EngineEvent): void {
    const key = `${event.kind}|${event.span.file}:${event.span.start}|${event.object}|${'root' in event ? event.root : ''}|${variant(event)}`;
    if (!this.known.events.has(key)) this.known.events.set(key, event);
    if (event.kind === 'handshake') this.shared.handshake(event.root, event.object, event.features, event.concurrent);
    else if (event.kind === 'arm' && event.concurrent)
      this.shared.arm(event.root, event.object, { region: event.region, span: event.span });
  }

  noteStore(root: string, location: Location, value: Value): void {
    this.shared.store(root, location, value);
  }

  /**
   * Numbers of all roots are joined. A descriptor or pointer that another root stored is seen where this one stores
   * nothing: where it does, its own value is the likely one.
   */
  withOthers(root: string, location: Location, own: Value | undefined): Value | undefined {
    if (!this.shared.isVisible(location.base)) return own;
    const key = locationKey(location);
    const others = this.shared.othersStore(root, key);
    if (own !== undefined && this.shared.stores(root, key)) {
      const mayChange = this.schedule.isCountedInThreads(location);
      return mayChange && own.number !== undefined ? join(own, ANY_NUMBER) : own;
    }
    const answer = own === undefined ? others : others === undefined ? own : join(own, others);
    const given = this.known.loads.get(key);
    if (given === undefined) this.known.loads.set(key, new Set([answer]));
    else given.add(answer);
    return answer;
  }

  othersHandshake(root: string, object: string): FeatureWord | undefined {
    const answer = this.shared.othersHandshake(root, object);
    this.known.handshakes.set(object, answer);
    return answer;
  }

  othersArm(root: string, object: string): { region: string; span: Span } | undefined {
    const answer = this.shared.othersArm(root, object);
    this.known.arms.set(object, answer !== undefined);
    return answer;
  }

  startThread(name: string, file: string, site: string, argument: Value, state: State): boolean {
    return this.schedule.startThread(this, name, file, site, argument, state);
  }

  get hasStarted(): boolean {
    return this.schedule.hasPending;
  }

  runStarted(): Generator<void, void, void> {
    return this.schedule.runPending();
  }

  /** True when other roots have done more since this one asked. */
  isStale(): boolean {
    const { name } = this.root;
    const { loads, handshakes, arms, features } = this.known;
    for (const [key, answers] of loads) {
      const now = this.shared.othersStore(name, key);
      if (now === undefined) continue;
      for (const answer of answers) if (answer === undefined || !covers(answer, now)) return true;
    }
    for (const [object, answer] of handshakes)
      if (!sameFeatures(answer, this.shared.othersHandshake(name, object))) return true;
    for (const [object, answer] of arms) if (!answer && this.shared.othersArm(name, object) !== undefined) return true;
    return features !== undefined && !sameFeatures(features.answer, this.shared.features);
  }
}

function noFacts(): RootFacts {
  return { events: new Map(), loads: new Map(), handshakes: new Map(), arms: new Map(), features: undefined };
}

function variant(event: EngineEvent): string {
  switch (event.kind) {
    case 'read':
      return `${event.process}|${[...event.waited.keys()].sort().join()}`;
    case 'fork-armed':
      return `${[...event.threads].sort().join()}|${[...event.processes].sort().join()}|${[...event.locks.keys()].sort().join()}|${event.features.may}|${event.unknownReaders}`;
    case 'lost-child':
      return event.how;
    default:
      return '';
  }
}

/** What is written down while a root and its threads run. */
class Recording {
  readonly root: Root;
  readonly journal = new Journal();
  readonly runs: RootRun[] = [];
  /** File-scope variables that were named. */
  readonly touched = new Set<string>();
  /** Where threads were started. */
  readonly sites = new Set<string>();
  readonly analysed = new Set<string>();
  /** Instructions left, and functions out of budget, before it ran. */
  readonly steps: number;
  readonly exceeded: number;

  constructor(root: Root, steps: number, exceeded: number) {
    this.root = root;
    this.steps = steps;
    this.exceeded = exceeded;
  }
}

const cellTexts = new WeakMap<Cells, string>();

function textOfCells(cells: Cells): string {
  let text = cellTexts.get(cells);
  if (text === undefined) {
    text = textOf(cells);
    cellTexts.set(cells, text);
  }
  return text;
}

/** A function that is run for its own sake. */
function rootOf(body: FunctionBody, entry: State): Root {
  return { name: body.id, body, threadSite: undefined, entry, inherited: new Set(), key: body.id };
}

class Schedule {
  /** Before anything ran, in a program with main and in one without. */
  private readonly initial = new Map<boolean, State>();
  private readonly runs = new Map<string, RootRun>();
  private pending: Root[] = [];
  private readonly threadEntries = new Map<string, number>();
  private readonly exceeded = new Set<string>();
  private readonly left = { steps: STEPS_PER_PROGRAM };
  /** Threads that are run inside of the call that started them. */
  private nesting = 0;
  private readonly analysed = new Set<string>();
  private readonly program: Program;
  private readonly options: EngineOptions;
  private readonly globalBases: ReadonlySet<string>;
  private readonly shared: SharedFacts;
  private readonly slice: Slice;
  /** What the root that is run now, with its threads, did so far; where that is to be kept. */
  private recording: Recording | undefined;

  constructor(program: Program, options: EngineOptions) {
    this.slice = new Slice(program, options.slice === false);
    this.program = options.summaries === undefined ? program : this.watched(program);
    this.options = options;
    this.globalBases = new Set(program.globals.map((g) => variableBase(g.variable)));
    this.shared = new SharedFacts(this.globalBases);
  }

  async run(): Promise<boolean> {
    const called = calledFunctions(this.program);
    const whole = this.program.functions.filter((f) => f.name === 'main');
    for (const body of whole) if (!(await this.drive(this.outermost(body)))) return false;
    // Functions that only a table names are run for their own sake where their caller is not here or was not followed.
    const tabled = inTables(this.program);
    const others = this.slice.nearestFirst(this.program.functions.filter((f) => f.name !== 'main'));
    for (const body of others) {
      if (called.has(body.id) || this.analysed.has(body.id)) continue;
      if (tabled.size > 0 && this.left.steps <= STEPS_FOR_TABLED) this.exceeded.add(body.id);
      else if (!(await this.drive(this.outermost(body)))) return false;
    }
    for (const body of others) {
      if (!tabled.has(body.id) || (this.analysed.has(body.id) && !this.exceeded.has(body.id))) continue;
      if (!(await this.drive(this.outermost(body)))) return false;
    }
    // What rests on answers that have changed since is run once more.
    const stale = [...this.runs.values()].filter((r) => r.isStale());
    const again = new Set<string>();
    for (const { root } of stale) {
      const run = this.runs.get(root.key);
      if (run === undefined || again.has(root.key)) continue;
      this.forget(run);
      for (const site of [...this.threadEntries.keys()]) this.threadEntries.delete(site);
      const before = new Set(this.runs.keys());
      if (!(await this.drive(root))) return false;
      for (const key of this.runs.keys()) if (!before.has(key)) again.add(key);
    }
    return true;
  }

  /** The run and those of the threads that it started. */
  private forget(run: RootRun): void {
    this.runs.delete(run.root.key);
    for (const root of run.started) {
      const started = this.runs.get(root.key);
      if (started !== undefined) this.forget(started);
    }
  }

  /** Runs the root with all threads that come of it, or repeats what it did where it would do the same. */
  private async drive(root: Root): Promise<boolean> {
    const { summaries } = this.options;
    // A thread is run for its own sake when it asked too early: in a state that its creator made.
    if (summaries === undefined || root.threadSite !== undefined) return await this.runAll(root);
    const known = summaries.find(root.key, (summary) => this.wouldRepeat(summary, root));
    if (known !== undefined) {
      this.repeat(known, root);
      return true;
    }
    const recording = new Recording(root, this.left.steps, this.exceeded.size);
    recording.journal.ask(['body', root.body.id], () => this.answer(['body', root.body.id], root));
    if (root.body.name === 'main') recording.journal.ask(['before-main'], () => this.answer(['before-main'], root));
    this.recording = recording;
    this.shared.begin(recording.journal);
    const isDone = await this.runAll(root);
    const shared = this.shared.end();
    this.recording = undefined;
    if (
      isDone &&
      this.exceeded.size === recording.exceeded &&
      [...recording.analysed].every((id) => !this.exceeded.has(id))
    )
      summaries.keep(root.key, this.summaryOf(recording, shared));
    return isDone;
  }

  /** Everything that the root asked then has the same answer now. */
  private wouldRepeat(summary: DriveSummary, root: Root): boolean {
    return (
      this.left.steps > summary.steps &&
      summary.analysed.every((id) => !this.exceeded.has(id)) &&
      summary.questions.every(({ question, answer }) => this.answer(question, root) === answer)
    );
  }

  private repeat(summary: DriveSummary, root: Root): void {
    const roots = new Map(
      summary.roots.map((s) => [s.key, s.threadSite === undefined ? root : this.threadAgain(s, summary, root)]),
    );
    for (const { key, facts, started } of summary.roots) {
      const run = new RootRun(this, this.shared, roots.get(key)!, facts);
      run.started.push(...started.map((k) => roots.get(k)!));
      this.runs.set(key, run);
    }
    this.shared.repeat(summary.shared);
    for (const id of summary.analysed) this.analysed.add(id);
    for (const [site, count] of summary.threadsAt) this.threadEntries.set(site, count);
    this.left.steps -= summary.steps;
  }

  /** The thread as the root starts it here: what nobody looked at is as it was before any root ran. */
  private threadAgain(
    { name, id, threadSite, key, entry: before }: RootSummary,
    summary: DriveSummary,
    root: Root,
  ): Root {
    const initial = this.initialOf(root);
    const entry = before.clone();
    for (const base of summary.untouched) entry.memory.deleteBase(base);
    const touched = new Set(
      summary.questions.flatMap(({ question }) => (question[0] === 'cells' ? [question[1]] : [])),
    );
    for (const base of initial.memory.baseNames())
      if (!touched.has(base)) entry.memory.setCells(base, initial.memory.cellsOf(base));
    const body = this.program.bodies.find((b) => b.id === id)!;
    return { name, body, threadSite, key, entry, inherited: new Set(entry.memory.baseNames()) };
  }

  private summaryOf(
    { root, journal, runs, touched, sites, analysed, steps }: Recording,
    shared: SharedContents,
  ): DriveSummary {
    const initial = this.initialOf(root);
    const { bases } = initial.reach([], touched);
    for (const base of bases) journal.ask(['cells', base], () => this.answer(['cells', base], root));
    return {
      questions: journal.questions,
      roots: runs.map(({ root: { name, body, threadSite, key, entry }, known: facts, started }) => ({
        name,
        id: body.id,
        threadSite,
        key,
        entry,
        facts,
        started: started.map((r) => r.key),
      })),
      shared,
      threadsAt: [...sites].map((site) => [site, this.threadEntries.get(site) ?? 0]),
      analysed: [...analysed],
      steps: steps - this.left.steps,
      untouched: new Set([...initial.memory.baseNames()].filter((base) => !bases.has(base))),
    };
  }

  private initialOf(root: Root): State {
    return this.initial.get(root.body.name === 'main')!;
  }

  /** What the root would be told if it asked this before it runs. */
  private answer(question: Question, root: Root): string {
    const { program } = this;
    switch (question[0]) {
      case 'function':
        return this.describe(program.function(question[1], question[2]));
      case 'body':
        return this.describe(program.bodies.find((b) => b.id === question[1]));
      case 'before-main':
        return program.bodies.flatMap((b) => (b.beforeMain ? [this.describe(b)] : [])).join('\n');
      case 'global': {
        const global = program.global(question[1]);
        return global === undefined ? '' : textOf([global.initialiserSpan]);
      }
      case 'cells': {
        const { memory } = this.initialOf(root);
        return memory.has(question[1]) ? textOfCells(memory.cellsOf(question[1])) : '';
      }
      case 'counted':
        return String(this.slice.isCountedInThreads({ base: question[1], path: question[2] }));
      case 'threads-at':
        return String(this.threadEntries.get(question[1]) ?? 0);
      case 'ran':
        return String(this.runs.has(question[1]));
      default:
        return this.shared.answer(question[0], question[1] ?? '');
    }
  }

  private describe(body: FunctionBody | undefined): string {
    return body === undefined ? '' : `${digestOfFunction(body)} ${this.slice.signatureOf(body)}`;
  }

  /** The program, with a journal of what is asked of it. */
  private watched(program: Program): Program {
    return {
      ...program,
      function: (name, file) => {
        const body = program.function(name, file);
        this.recording?.journal.ask(['function', name, file], () => this.describe(body));
        return body;
      },
      global: (base) => {
        this.recording?.journal.ask(['global', base], () => {
          const global = program.global(base);
          return global === undefined ? '' : textOf([global.initialiserSpan]);
        });
        return program.global(base);
      },
    };
  }

  private async runAll(root: Root): Promise<boolean> {
    const steps = this.executeAll(root);
    while (steps.next().done !== true) {
      if (this.options.proceed !== undefined && !(await this.options.proceed())) return false;
    }
    return true;
  }

  isCountedInThreads(location: Location): boolean {
    const answer = this.slice.isCountedInThreads(location);
    this.recording?.journal.ask(['counted', location.base, location.path], () => String(answer));
    return answer;
  }

  startThread(starter: RootRun, name: string, file: string, site: string, argument: Value, state: State): boolean {
    const body = this.program.function(name, file);
    if (body === undefined) return false;
    const count = this.threadEntries.get(site) ?? 0;
    const entry = state.clone();
    for (const base of entry.reach([argument]).bases) this.shared.share(base);
    // What the thread cannot reach is not its business: its creator's other locals.
    const reachable = entry.reach([argument], this.globalBases).bases;
    for (const base of [...entry.memory.baseNames()]) if (!reachable.has(base)) entry.memory.deleteBase(base);
    const inherited = new Set(entry.memory.baseNames());
    entry.locks = new Map();
    entry.waited = new Map();
    const parameter = body.parameters[0];
    if (parameter !== undefined) entry.memory.store({ base: variableBase(parameter), path: '' }, argument);
    const key = `${body.id}|${site}|${entry.key()}`;
    this.recording?.journal.ask(['ran', key], () => String(this.runs.has(key)));
    this.recording?.journal.ask(['threads-at', site], () => String(count));
    this.recording?.sites.add(site);
    if (this.runs.has(key) || this.pending.some((p) => p.key === key) || count >= MAX_THREAD_ENTRIES) return true;
    this.threadEntries.set(site, count + 1);
    const root = { name: `${body.id}@${site}`, body, threadSite: site, entry, inherited, key };
    starter.started.push(root);
    this.pending.push(root);
    return true;
  }

  get hasPending(): boolean {
    return this.pending.length > 0;
  }

  /** Threads run when they are started, so that their creator goes on with what they do. */
  *runPending(): Generator<void, void, void> {
    if (this.pending.length === 0 || this.nesting >= MAX_NESTED_THREADS) return;
    this.nesting++;
    const { pending } = this;
    this.pending = [];
    for (const root of pending) yield* this.execute(root);
    this.nesting--;
  }

  /** The root and all threads that come of it. */
  private *executeAll(root: Root): Generator<void, void, void> {
    yield* this.execute(root);
    while (this.pending.length > 0) yield* this.runPending();
  }

  private outermost(body: FunctionBody): Root {
    const whole = body.name === 'main';
    let initial = this.initial.get(whole);
    if (initial === undefined) {
      initial = new State();
      this.initial.set(whole, initial);
      const root = rootOf(body, initial);
      initialiseGlobals(this.program, this.slice, new RootRun(this, this.shared, root), body, initial);
    }
    return rootOf(body, initial.clone());
  }

  private *execute(root: Root): Generator<void, void, void> {
    const { body } = root;
    const run = new RootRun(this, this.shared, root);
    this.runs.set(root.key, run);
    this.recording?.runs.push(run);
    const budget: Budget = {
      steps: root.body.name === 'main' || root.threadSite !== undefined ? STEPS_PER_ROOT : STEPS_PER_LIBRARY_ROOT,
      program: this.left,
      untilYield: STEP_QUOTA,
      exceeded: this.exceeded,
    };
    const ctx: Context = {
      program: this.program,
      facts: run,
      body,
      root: root.name,
      thread: root.threadSite !== undefined,
      forks: this.slice.forks(body),
      calls: [],
      stack: [body.id],
      site: '',
      quarantined: body.quarantine.length > 0,
      inherited: root.inherited,
      noteAnalysed: (id) => this.noteAnalysed(id),
      slice: this.slice,
      callStrings: new Map(),
      active: new Map(),
      summaries: new Map(),
      localSummaries: new Map(),
      footprint: new Footprint(),
    };
    this.noteAnalysed(body.id);
    let entries: State[] = [root.entry];
    for (const first of body.name === 'main' ? this.program.bodies.filter((b) => b.beforeMain) : []) {
      this.noteAnalysed(first.id);
      entries = yield* runBody({ ...ctx, body: first, stack: [first.id] }, entries, budget);
    }
    const states = yield* runBody({ ...ctx, body: this.slice.bodyFor(root.entry, body) }, entries, budget);
    if (body.name === 'main') for (const state of states) processEnds(ctx, state);
    for (const base of ctx.footprint.globals) this.recording?.touched.add(base);
  }

  private noteAnalysed(id: string): void {
    this.analysed.add(id);
    this.recording?.analysed.add(id);
  }

  result(cancelled: boolean): EngineResult {
    const events = new Map<string, EngineEvent>();
    for (const run of this.runs.values())
      for (const [key, event] of run.known.events) if (!events.has(key)) events.set(key, event);
    return {
      events: [...events.values()],
      roots: [...this.runs.values()].map(({ root }) => ({
        root: root.name,
        function: root.body.name,
        threadSite: root.threadSite,
      })),
      functionsAnalysed: this.analysed.size,
      steps: STEPS_PER_PROGRAM - Math.max(0, this.left.steps),
      outOfBudget: [...this.exceeded].sort(),
      cancelled,
    };
  }
}
