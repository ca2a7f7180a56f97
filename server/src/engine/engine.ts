/**
 * Runs the roots of one program: main, functions nobody calls, and threads in the state of their creation.
 *
 * What a root stores into memory that others can see, and what it does to descriptors (handshake, arming), is
 * collected flow-insensitively and joined into what the others find. A thread runs when it is started, so that its
 * creator goes on with what it does; a root that asked before another one did more is run once more at the end. Facts
 * that need several roots (who reads the event of whose fork) are left to the rules.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { type Context, entering, type Program, variableBase } from './context.ts';
import type { EngineEvent, EngineResult, LostChildEvent } from './events.ts';
import { Footprint } from './footprint.ts';
import { type Budget, runBody, STEP_QUOTA } from './interpreter.ts';
import { areSiblings } from './object-names.ts';
import { processEnds } from './observe.ts';
import { withQuarantine } from './quarantine.ts';
import { type Progress, Recorder } from './recorder.ts';
import { Repetition } from './repeat.ts';
import { CallRepetition } from './repeat-calls.ts';
import { type Others, type Root, RootRun } from './root-run.ts';
import type { RootSummaries } from './root-summaries.ts';
import { calledFunctions, initialiseGlobals, inTables, isHarnessTest, unusedFunctions } from './roots.ts';
import { SharedFacts } from './shared-facts.ts';
import { Slice } from './slice/slice.ts';
import type { Stores } from './slice/threads.ts';
import { State } from './state.ts';
import { Tables } from './tables.ts';
import { areSeveralMade, hasChildren } from './userfaultfd.ts';
import { asConstant, type Location, type Reference, referenceKey, type Value } from './value.ts';

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

export async function runEngine(program: Program, options: EngineOptions = {}): Promise<EngineResult> {
  const schedule = new Schedule(program, options);
  const isWhole = await schedule.run();
  return withQuarantine(schedule.result(!isWhole), program.bodies);
}

/** The name of the root that led to it through the threads between, or its own. */
function outermostOf({ name, starters }: Root): string {
  return starters[starters.length - 1] ?? name;
}

/** A function that is run for its own sake. */
function rootOf(body: FunctionBody, initial: State): Root {
  const entry = initial.clone();
  return {
    name: body.id,
    body,
    threadSite: undefined,
    entry,
    initial,
    inherited: new Set(),
    key: body.id,
    starters: [],
  };
}

/** What a thread cannot reach is not its business: its creator's other locals. Gives the bases that it begins with. */
function handOver(entry: State, body: FunctionBody, argument: Value, globals: ReadonlySet<string>): Set<string> {
  const { bases } = entry.reach([argument], globals);
  for (const base of entry.memory.baseNames()) if (!bases.has(base)) entry.memory.deleteBase(base);
  const inherited = new Set(entry.memory.baseNames());
  const parameter = body.parameters[0];
  if (parameter !== undefined) entry.memory.store({ base: variableBase(parameter), path: '' }, argument);
  return inherited;
}

/**
 * What was left out of the creator's way is no gap in the thread's own: but what may have been done there to a
 * userfaultfd is not known.
 */
function beginWhole(entry: State): void {
  entry.change({ cut: false });
  for (const { id, handshake, features } of entry.objects.values())
    entry.update(id, {
      handshake: handshake === 'enabled' ? handshake : 'unknown',
      features: { ...features, unknown: true },
    });
}

class Schedule implements Others, Progress {
  /** Before anything ran, in a program with main and in one without. */
  private readonly initial = new Map<boolean, State>();
  readonly runs = new Map<string, RootRun>();
  private pending: Root[] = [];
  readonly threadEntries = new Map<string, number>();
  readonly exceeded = new Set<string>();
  readonly left = { steps: STEPS_PER_PROGRAM };
  /** Threads that are run inside of the call that started them. */
  nesting = 0;
  readonly analysed = new Set<string>();
  private readonly program: Program;
  private readonly options: EngineOptions;
  private readonly globalBases: ReadonlySet<string>;
  readonly shared: SharedFacts;
  readonly slice: Slice;
  private readonly recorder: Recorder | undefined;
  private readonly repetition: Repetition | undefined;

  constructor(program: Program, options: EngineOptions) {
    this.options = options;
    this.slice = new Slice(program, options.slice === false);
    this.globalBases = new Set(program.globals.map((g) => variableBase(g.variable)));
    this.shared = new SharedFacts(this.globalBases);
    if (options.summaries !== undefined) {
      this.recorder = new Recorder(program, options.summaries, this);
      this.repetition = new Repetition(this.recorder, options.summaries);
    }
    this.program = this.recorder?.program ?? program;
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
      const isReserved = tabled.size > 0 && this.left.steps <= STEPS_FOR_TABLED;
      // What a path to it took from the budget is no reason to leave out what all this is about.
      if (isReserved && this.slice.distanceOf(body) > 0) this.exceeded.add(body.id);
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

  /** Runs the root with all threads that come of it, or repeats what it did. */
  private async drive(root: Root): Promise<boolean> {
    const steps = this.repeated(root, () => this.executeAll(root));
    while (steps.next().done !== true) {
      if (this.options.proceed !== undefined && !(await this.options.proceed())) return false;
    }
    return true;
  }

  private repeated(root: Root, run: () => Generator<void, void, void>): Generator<void, void, void> {
    return this.repetition === undefined ? run() : this.repetition.around(root, run);
  }

  isUsedOutside(root: string, location: Location): boolean {
    this.recorder?.ask(['used-outside', root, location.base, location.path]);
    return this.slice.isUsedOutside(root, location);
  }

  bodyFor(state: State, body: FunctionBody): FunctionBody {
    const run = this.slice.bodyFor(state, body);
    if (run === body) this.recorder?.ask(['whole', body.id]);
    return run;
  }

  wholeOf({ whole }: FunctionBody): FunctionBody | undefined {
    if (whole !== undefined) this.recorder?.ask(['whole', whole.id]);
    return whole;
  }

  storesByThreads(location: Location): Stores | undefined {
    this.recorder?.ask(['counted', location.base, location.path]);
    return this.slice.storesByThreads(location);
  }

  startThread(starter: RootRun, name: string, file: string, site: string, argument: Value, state: State): boolean {
    const body = this.program.function(name, file);
    if (body === undefined) return false;
    const count = this.threadEntries.get(site) ?? 0;
    const entry = state.clone();
    for (const base of entry.reach([argument]).bases) this.shared.share(base);
    entry.mine = new Set();
    entry.change({ locks: new Map(), waited: new Map() });
    if (entry.situation.cut) beginWhole(entry);
    // Whether the creator still has a parent in whose place it put a child is seen in the creator.
    for (const { id, replaced } of entry.objects.values())
      if (replaced !== undefined) entry.update(id, { replaced: undefined });
    const given = () => handOver(entry, body, argument, this.globalBases);
    // Only who holds a child is part of the key; most starts are those of a run that was before.
    let inherited = hasChildren(entry.objects) ? given() : undefined;
    const key = `${body.id}|${site}|${entry.key()}|${chosenBy(argument, entry)}`;
    this.recorder?.ask(['ran', key]);
    this.recorder?.askDepth();
    this.recorder?.ask(['threads-at', site]);
    if (this.runs.has(key) || this.pending.some((p) => p.key === key) || count >= MAX_THREAD_ENTRIES) return true;
    inherited ??= given();
    this.threadEntries.set(site, count + 1);
    const { initial } = starter.root;
    const starters = [starter.root.name, ...starter.root.starters];
    const root = { name: `${body.id}@${site}`, body, threadSite: site, entry, initial, inherited, key, starters };
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
    for (const root of pending) yield* this.repeated(root, () => this.execute(root));
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
    return rootOf(body, initial);
  }

  private *execute(root: Root): Generator<void, void, void> {
    const { body } = root;
    const run = new RootRun(this, this.shared, root);
    this.runs.set(root.key, run);
    this.recorder?.noteRun(run);
    const budget: Budget = {
      steps: root.body.name === 'main' || root.threadSite !== undefined ? STEPS_PER_ROOT : STEPS_PER_LIBRARY_ROOT,
      program: this.left,
      untilYield: STEP_QUOTA,
      exceeded: this.exceeded,
    };
    const tables = new Tables();
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
      apart: '',
      inherited: root.inherited,
      noteAnalysed: (id) => this.noteAnalysed(id),
      slice: this.slice,
      tables,
      repetition: this.callRepetition(run, tables),
      footprint: new Footprint(),
    };
    this.noteAnalysed(body.id);
    let entries: State[] = [root.entry];
    for (const first of body.name === 'main' ? this.program.bodies.filter((b) => b.beforeMain) : []) {
      this.noteAnalysed(first.id);
      entries = yield* runBody(entering(ctx, { body: first, stack: [first.id] }), entries, budget);
    }
    const states = yield* runBody(entering(ctx, { body: this.bodyFor(root.entry, body) }), entries, budget);
    if (body.name === 'main') for (const state of states) processEnds(ctx, state);
    this.recorder?.noteTouched(ctx.footprint.globals);
  }

  /** Where calls are looked for again. */
  private callRepetition(run: RootRun, tables: Tables): CallRepetition | undefined {
    const { calls, counts } = this.options.summaries ?? {};
    return this.recorder === undefined || calls === undefined || counts === undefined
      ? undefined
      : new CallRepetition(this.recorder, { calls, counts }, run, tables);
  }

  private noteAnalysed(id: string): void {
    this.analysed.add(id);
    this.recorder?.noteAnalysed(id);
  }

  /**
   * A thread was given the child, and somebody else stores it where others find it, or closes it; or it does so itself on
   * another path, where what tells these apart may stand in the memory that it shared with its creator for a while.
   */
  private isKeptElsewhere({ object, given, root }: LostChildEvent, events: Iterable<EngineEvent>): boolean {
    if (given === undefined) return false;
    for (const e of events)
      if (e.kind === 'child-closed' && (e.root !== root || given.length > 0) && areSiblings(e.object, object))
        return true;
    return this.shared.holds(object, given);
  }

  result(cancelled: boolean): EngineResult {
    const events = new Map<string, EngineEvent>();
    const unused = unusedFunctions(this.program);
    const tests = new Set(this.program.functions.filter(isHarnessTest).map((f) => f.id));
    for (const run of this.runs.values())
      for (const [key, event] of run.known.events) if (!events.has(key)) events.set(key, event);
    return {
      events: [...events.values()].filter((e) => e.kind !== 'lost-child' || !this.isKeptElsewhere(e, events.values())),
      roots: [...this.runs.values()].map(({ root }) => ({
        root: root.name,
        function: root.body.name,
        threadSite: root.threadSite,
        test: tests.has(outermostOf(root)) ? outermostOf(root) : undefined,
        starters: root.starters,
        unused: unused.has(root.body.id),
      })),
      functionsAnalysed: this.analysed.size,
      steps: STEPS_PER_PROGRAM - Math.max(0, this.left.steps),
      outOfBudget: [...this.exceeded].sort(),
      acting: this.program.bodies.flatMap((b) => (this.analysed.has(b.id) && this.slice.acts(b) ? [b.id] : [])),
      quarantined: [],
      cancelled,
    };
  }
}

/** Which of several userfaultfds a thread is for: its entry states differ in nothing else where one place made them. */
function chosenBy(argument: Value, { objects }: State): string {
  if (!areSeveralMade(objects)) return '';
  const isTold = (r: Reference) => r.kind !== 'descriptor' || objects.get(r.object)?.origin === 'created';
  const told = argument.references.filter(isTold).map(referenceKey);
  return [...told.sort(), asConstant(argument) ?? ''].join();
}
