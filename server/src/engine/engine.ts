/**
 * Runs the roots of one program: main, functions nobody calls, and threads in the state of their creation.
 *
 * Threads are handled in two rounds. The first collects, flow-insensitively, what each root stores into memory that
 * others can see and what it does to descriptors (handshake, arming). The second runs every root again with that
 * knowledge joined in; only its events count. Facts that need several roots (who reads the event of whose fork) are
 * left to the rules.
 */
import type { Expr, FunctionBody } from '../ir/ir.ts';
import { libraryFunction } from '../libc/effects.ts';
import type { Span } from '../text/span.ts';
import { indexText } from './arithmetic.ts';
import { type Context, type Facts, type Program, variableBase } from './context.ts';
import { evaluate } from './evaluate.ts';
import type { EngineEvent, EngineResult, FeatureWord, RootFact } from './events.ts';
import { Footprint } from './footprint.ts';
import { InertFunctions } from './inert.ts';
import { type Budget, runBody, STEP_QUOTA } from './interpreter.ts';
import { processEnds } from './observe.ts';
import { State } from './state.ts';
import { asConstant, join, type Location, numberSet, type Value } from './value.ts';

/** Instructions one root may take. Steps, not seconds: results must not depend on the machine's mood. */
export const STEPS_PER_ROOT = 200_000;
/** Different entry states in which one thread function is run. */
const MAX_THREAD_ENTRIES = 4;

export interface EngineOptions {
  /** Asked at every step quota; false stops the run. */
  readonly proceed?: (() => Promise<boolean>) | undefined;
  readonly stepsPerRoot?: number | undefined;
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
  const first = new Round(program, undefined, options);
  if (!(await first.run())) return first.result(true);
  // A program of one root that knows all its descriptors has nothing to learn from a second round.
  if (!first.needsAnotherRound()) return first.result(false);
  const second = new Round(program, first, options);
  return second.result(!(await second.run()));
}

class Round implements Facts {
  private readonly events = new Map<string, EngineEvent>();
  private readonly queue: Root[] = [];
  private readonly done = new Set<string>();
  private readonly roots: RootFact[] = [];
  private readonly stores = new Map<string, Map<string, Value>>();
  private readonly handshakes = new Map<string, Map<string, FeatureWord>>();
  private readonly arms = new Map<string, Map<string, { region: string; span: Span }>>();
  private readonly shared = new Set<string>();
  private readonly threadEntries = new Map<string, number>();
  private readonly exceeded = new Set<string>();
  private readonly analysed = new Set<string>();
  private features: FeatureWord | undefined;
  private outsideSeen = false;
  private readonly program: Program;
  private readonly before: Round | undefined;
  private readonly options: EngineOptions;
  private readonly globalBases: ReadonlySet<string>;
  private readonly inert: InertFunctions;

  constructor(program: Program, before: Round | undefined, options: EngineOptions) {
    this.program = program;
    this.before = before;
    this.options = options;
    this.inert = new InertFunctions(program);
    this.globalBases = new Set(program.globals.map((g) => variableBase(g.variable)));
  }

  get programFeatures(): FeatureWord | undefined {
    this.outsideSeen = true;
    return this.before?.features;
  }

  needsAnotherRound(): boolean {
    return this.outsideSeen || this.threadEntries.size > 0;
  }

  emit(event: EngineEvent): void {
    const key = `${event.kind}|${event.span.file}:${event.span.start}|${event.object}|${'root' in event ? event.root : ''}|${this.variant(event)}`;
    if (!this.events.has(key)) this.events.set(key, event);
    if (event.kind === 'handshake') {
      this.features = this.features === undefined ? event.features : joinFeatures(this.features, event.features);
      if (event.concurrent) nested(this.handshakes, event.object).set(event.root, event.features);
    } else if (event.kind === 'arm' && event.concurrent) {
      nested(this.arms, event.object).set(event.root, { region: event.region, span: event.span });
    }
  }

  private variant(event: EngineEvent): string {
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

  noteStore(root: string, location: Location, value: Value): void {
    if (!this.globalBases.has(location.base) && !this.isShared(location.base)) return;
    const byRoot = nested(this.stores, `${location.base}|${location.path}`);
    const old = byRoot.get(root);
    byRoot.set(root, old === undefined ? value : join(old, value));
  }

  private isShared(base: string): boolean {
    return this.shared.has(base) || (this.before?.shared.has(base) ?? false);
  }

  othersStore(root: string, location: Location): Value | undefined {
    if (this.before === undefined || !(this.globalBases.has(location.base) || this.before.shared.has(location.base)))
      return undefined;
    const byRoot = this.before.stores.get(`${location.base}|${location.path}`);
    if (byRoot === undefined) return undefined;
    let value: Value | undefined;
    for (const [other, stored] of byRoot)
      if (other !== root) value = value === undefined ? stored : join(value, stored);
    return value;
  }

  othersHandshake(root: string, object: string): FeatureWord | undefined {
    const byRoot = this.before?.handshakes.get(object);
    if (byRoot === undefined) return undefined;
    let word: FeatureWord | undefined;
    for (const [other, features] of byRoot) {
      if (other !== root) word = word === undefined ? features : joinFeatures(word, features);
    }
    return word;
  }

  othersArm(root: string, object: string): { region: string; span: Span } | undefined {
    for (const [other, range] of this.before?.arms.get(object) ?? []) if (other !== root) return range;
    return undefined;
  }

  startThread(name: string, file: string, site: string, argument: Value, state: State): boolean {
    const body = this.program.function(name, file);
    if (body === undefined) return false;
    const count = this.threadEntries.get(site) ?? 0;
    const entry = state.clone();
    for (const base of entry.reach([argument]).bases) this.shared.add(base);
    // What the thread cannot reach is not its business: its creator's other locals.
    const reachable = entry.reach([argument], this.globalBases).bases;
    for (const base of [...entry.memory.baseNames()]) if (!reachable.has(base)) entry.memory.deleteBase(base);
    const inherited = new Set(entry.memory.baseNames());
    entry.locks = new Map();
    entry.waited = new Map();
    const parameter = body.parameters[0];
    if (parameter !== undefined) entry.memory.store({ base: variableBase(parameter), path: '' }, argument);
    const key = `${body.id}|${site}|${entry.key()}`;
    if (this.done.has(key)) return true;
    if (count >= MAX_THREAD_ENTRIES) return true;
    this.threadEntries.set(site, count + 1);
    this.done.add(key);
    this.queue.push({ name: `${body.id}@${site}`, body, threadSite: site, entry, inherited, key });
    return true;
  }

  async run(): Promise<boolean> {
    const called = calledFunctions(this.program);
    const whole = this.program.functions.filter((f) => f.name === 'main');
    for (const body of whole) {
      if (!(await this.runRoot(this.outermost(body)))) return false;
    }
    if (!(await this.drain())) return false;
    for (const body of this.program.functions) {
      if (body.name === 'main' || called.has(body.id) || this.analysed.has(body.id)) continue;
      if (!(await this.runRoot(this.outermost(body)))) return false;
      if (!(await this.drain())) return false;
    }
    return true;
  }

  private outermost(body: FunctionBody): Root {
    const entry = new State();
    initialiseGlobals(this.program, this, body, entry);
    return { name: body.id, body, threadSite: undefined, entry, inherited: new Set(), key: body.id };
  }

  private async drain(): Promise<boolean> {
    for (let root = this.queue.shift(); root !== undefined; root = this.queue.shift()) {
      if (!(await this.runRoot(root))) return false;
    }
    return true;
  }

  private async runRoot(root: Root): Promise<boolean> {
    const { body } = root;
    this.roots.push({ root: root.name, function: body.name, threadSite: root.threadSite });
    const budget: Budget = {
      steps: this.options.stepsPerRoot ?? STEPS_PER_ROOT,
      untilYield: STEP_QUOTA,
      exceeded: this.exceeded,
    };
    const ctx: Context = {
      program: this.program,
      facts: this,
      body,
      root: root.name,
      thread: root.threadSite !== undefined,
      calls: [],
      stack: [body.id],
      site: '',
      quarantined: body.quarantine.length > 0,
      inherited: root.inherited,
      noteAnalysed: (id) => this.analysed.add(id),
      inert: this.inert,
      summaries: new Map(),
      localSummaries: new Map(),
      footprint: new Footprint(),
    };
    this.analysed.add(body.id);
    const run = runBody(ctx, [root.entry], budget);
    for (let next = run.next(); ; next = run.next()) {
      if (next.done === true) {
        if (body.name === 'main') for (const state of next.value) processEnds(ctx, state);
        break;
      }
      if (this.options.proceed !== undefined && !(await this.options.proceed())) return false;
    }
    return true;
  }

  result(cancelled: boolean): EngineResult {
    return {
      events: [...this.events.values()],
      roots: this.roots,
      functionsAnalysed: this.analysed.size,
      outOfBudget: [...this.exceeded].sort(),
      cancelled,
    };
  }
}

function joinFeatures(a: FeatureWord, b: FeatureWord): FeatureWord {
  return { must: a.must & b.must, may: a.may | b.may, unknown: a.unknown || b.unknown };
}

function nested<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}

function initialiseGlobals(program: Program, facts: Facts, body: FunctionBody, state: State): void {
  const ctx: Context = {
    program,
    facts,
    body,
    root: 'initialisers',
    thread: false,
    calls: [],
    stack: [],
    site: '',
    quarantined: false,
    inherited: new Set(),
    noteAnalysed: () => undefined,
    inert: new InertFunctions(program),
    summaries: new Map(),
    localSummaries: new Map(),
    footprint: new Footprint(),
  };
  for (const g of program.globals) {
    const base = variableBase(g.variable);
    // In a program without main the globals may hold whatever the functions that run before left there.
    if (body.name !== 'main' && g.initialiser.length === 0) continue;
    state.memory.fill({ base, path: '' }, { number: ZERO_NUMBER, references: [], any: false, tag: undefined });
    for (const store of g.initialiser) {
      const value = evaluate(ctx, state, store.value);
      let path = '';
      for (const element of store.target.path) {
        path += element.kind === 'field' ? `.${element.name}` : `[${indexOf(ctx, state, element.index)}]`;
      }
      state.memory.store({ base, path }, value);
    }
  }
}

const ZERO_NUMBER = numberSet([0]);

function indexOf(ctx: Context, state: State, index: Expr): string {
  return indexText(asConstant(evaluate(ctx, state, index)));
}

/** Functions that some body calls or hands to a thread or a table: they are run in their callers' states. */
function calledFunctions(program: Program): Set<string> {
  const called = new Set<string>();
  const mark = (name: string, file: string) => {
    const body = program.function(name, file);
    if (body !== undefined) called.add(body.id);
  };
  for (const f of program.functions) {
    for (const block of f.blocks) {
      for (const i of block.instructions) {
        if (i.kind !== 'call') continue;
        if (i.callee.kind === 'function' && i.callee.name !== f.name) mark(i.callee.name, f.file);
        const row = i.callee.kind === 'function' ? libraryFunction(i.callee.name) : undefined;
        if (row?.kind === 'thread-create' || row?.kind === 'clone') {
          for (const a of i.arguments) {
            const e = a.kind === 'cast' ? a.operand : a;
            if (e.kind === 'function') mark(e.name, f.file);
          }
        }
      }
    }
  }
  for (const g of program.globals) {
    for (const store of g.initialiser) {
      const e = store.value.kind === 'cast' ? store.value.operand : store.value;
      if (e.kind === 'function') mark(e.name, g.variable.span.file);
    }
  }
  return called;
}
