/**
 * Calls that need not be run again: what a call did, in one run of a root, is kept with the state that it began in and
 * with all that it was told, and is repeated where it would begin in the same state and be told the same. In an editor
 * these are nearly all calls of a program: an edit changes what one function does, and mostly not what it leaves behind.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { sameSpan } from '../text/span.ts';
import { sameSet } from './collections.ts';
import type { Context } from './context.ts';
import type { EngineEvent } from './events.ts';
import type { Budget, Run } from './interpreter.ts';
import type { Question } from './journal.ts';
import type { KeptByKey } from './kept-by-key.ts';
import type { Outcome, Recorder, Recording } from './recorder.ts';
import { type Root, RootRun } from './root-run.ts';
import type { RootFacts, RootSummaries } from './root-summaries.ts';
import { isSameState } from './same-state.ts';
import { type State, type Trace, traceSteps } from './state.ts';
import { type Activation, taken } from './summaries.ts';
import type { TableEntry, Tables } from './tables.ts';
import type { TraceStep } from './trace.ts';

/** Calls that lie deeper are run with those around them: what is kept of a call takes memory, and time to look at. */
const MAX_DEPTH = 4;
/** A call of fewer instructions is run sooner than it is looked for. */
const MIN_STEPS = 24;

/** A call that is to be run. */
export interface RepeatableCall {
  /** Of the function that is called. */
  readonly ctx: Context;
  /** Before the call was a step of the path; nobody changes it. */
  readonly entry: State;
  /** To run from: the same, behind the call. */
  readonly start: State;
  readonly activation: Activation;
  readonly budget: Budget;
}

/** What a call did, and what that rests on. */
export interface CallRecord {
  readonly entry: State;
  readonly call: Trace;
  readonly root: Root;
  readonly forks: boolean;
  readonly told: readonly TableEntry[];
  readonly outcome: Outcome;
  /** Instructions, without those of threads. */
  readonly steps: number;
  readonly exits: readonly State[];
  readonly globals: ReadonlySet<string>;
  readonly bound: boolean;
  /** What happened in the run of the root itself. */
  readonly facts: RootFacts;
  readonly left: readonly TableEntry[];
  /** Threads that it started, and the runs of these and of those that they started. */
  readonly started: readonly Root[];
  readonly runs: readonly ThreadRecord[];
}

type ThreadRecord = Pick<RootRun, 'root' | 'known' | 'started'>;

/** Where calls are kept, and counted. */
export interface KeptCalls {
  readonly calls: KeptByKey<CallRecord>;
  readonly counts: RootSummaries['counts'];
}

/** A call that is being written down. */
interface Part {
  readonly recording: Recording;
  /** Calls from the root to it. */
  readonly depth: number;
  /** It asked for something that is not written down. */
  isOpen: boolean;
}

export class CallRepetition {
  private readonly recorder: Recorder;
  private readonly kept: KeptByKey<CallRecord>;
  private readonly counts: RootSummaries['counts'];
  private readonly run: RootRun;
  private readonly tables: Tables;
  /** Calls that are under way: each lies in the one before it. */
  private readonly parts: Part[] = [];

  constructor(recorder: Recorder, { calls, counts }: KeptCalls, run: RootRun, tables: Tables) {
    this.recorder = recorder;
    this.kept = calls;
    this.counts = counts;
    this.run = run;
    this.tables = tables;
  }

  /** The call at this depth of the call string was looked at from inside of what it called. */
  noteCaller(depth: number): void {
    for (const part of this.parts) if (part.depth > depth) part.isOpen = true;
  }

  /** Runs the call, or does what it did before. */
  *around(call: RepeatableCall, run: () => Run): Run {
    const { ctx, entry } = call;
    // A function that is called from inside of itself is looked for in the calls around it.
    if (ctx.stack.indexOf(ctx.body.id) < ctx.stack.length - 1) for (const part of this.parts) part.isOpen = true;
    if (!this.isRepeatable(call)) return yield* run();
    const key = keyOf(call, this.run.root);
    const known = this.kept.find(key, (record) => this.wouldRepeat(record, call));
    if (known !== undefined) {
      this.counts.callsRepeated++;
      return this.repeat(known, call);
    }
    const part: Part = { recording: this.recorder.begin(this.run.root), depth: ctx.calls.length, isOpen: false };
    const { journal, runs, analysed } = part.recording;
    const own: Question = [ctx.body.whole === undefined ? 'whole' : 'body', ctx.body.id];
    journal.ask(own, () => this.recorder.answer(own, this.run.root));
    analysed.add(ctx.body.id);
    this.parts.push(part);
    this.run.begin();
    this.tables.begin();
    const before = { steps: call.budget.steps, started: this.run.started.length };
    const exits = yield* run();
    const { told, left } = this.tables.end();
    const facts = this.run.end();
    this.parts.pop();
    const outcome = this.recorder.end();
    const steps = before.steps - call.budget.steps;
    if (outcome === undefined || part.isOpen || !isSettled(call.activation) || steps < MIN_STEPS) return exits;
    const record: CallRecord = {
      entry,
      call: call.activation.call,
      root: this.run.root,
      forks: ctx.forks,
      told,
      outcome,
      steps,
      exits: exits.map((exit) => exit.clone()),
      globals: new Set(ctx.footprint.globals),
      bound: ctx.footprint.bound,
      facts,
      left,
      started: this.run.started.slice(before.started),
      runs: runs.map(({ root, known, started }) => ({ root, known, started })),
    };
    if (!isRooted(record)) return exits;
    this.kept.keep(key, record);
    this.counts.callsKept++;
    return exits;
  }

  private isRepeatable({ ctx, entry }: RepeatableCall): boolean {
    // What is found in the tables by calls of a function that calls itself depends on the order in which they were made.
    if (ctx.slice.areInCircle(ctx.body, ctx.body)) return false;
    return (
      ctx.stack.length <= MAX_DEPTH &&
      entry.childOf === undefined &&
      entry.hypothesis === undefined &&
      entry.situation.refused === undefined &&
      !ctx.stack.slice(0, -1).some((id) => this.isInCircle(ctx, id)) &&
      !this.recorder.progress.hasPending
    );
  }

  private isInCircle({ slice, body }: Context, other: string): boolean {
    const outer = this.recorder.bodies.get(other);
    return outer !== undefined && slice.areInCircle(outer, body);
  }

  private wouldRepeat(record: CallRecord, { ctx, entry, budget }: RepeatableCall): boolean {
    return (
      budget.steps > record.steps &&
      record.forks === ctx.forks &&
      sameSet(record.root.inherited, this.run.root.inherited) &&
      isSameState(record.entry, entry) &&
      record.told.every((told) => this.tables.wouldTell(told)) &&
      this.recorder.wouldRepeat(record.outcome, this.run.root)
    );
  }

  private repeat(record: CallRecord, { ctx, start, activation, budget }: RepeatableCall): State[] {
    const { recorder, run } = this;
    const { progress } = recorder;
    const path = new Path(record.call, activation.call);
    recorder.askAgain(record.outcome);
    this.tables.repeat(record.told, record.left);
    const again = new Map<Root, Root>();
    const rootAgain = (root: Root): Root => {
      const made = again.get(root) ?? path.rootAgain(root, run.root.initial, recorder.bodies);
      again.set(root, made);
      return made;
    };
    for (const { root, known, started } of record.runs) {
      const made = new RootRun(progress, progress.shared, rootAgain(root), path.factsAgain(known));
      made.started.push(...started.map(rootAgain));
      progress.runs.set(root.key, made);
      recorder.noteRun(made);
    }
    run.started.push(...record.started.map(rootAgain));
    // What others can see comes in the order in which all did it, and only then what this root did of it.
    recorder.repeat(record.outcome);
    run.repeat(path.factsAgain(record.facts));
    budget.steps -= record.steps;
    ctx.footprint.include(record);
    return record.exits.map((exit) => path.stateAgain(taken(exit, record, start, activation.call)));
  }
}

/** Nothing of it rests on a call that is being run around it, or on an earlier round of itself. */
function isSettled({ lowest, depth, consulted }: Activation): boolean {
  return lowest >= depth && !consulted;
}

/** What a call depends on beside its state and what it is told; and of the state what tells it from most others. */
function keyOf({ ctx: { stack, site, apart }, entry }: RepeatableCall, { key, starters }: Root): string {
  return [key, starters.join(), stack.join(), site, apart, entry.key()].join('\n');
}

/** Each path that leads out of the call, or to something that happened in it, leads through it. */
function isRooted({ call, exits, facts, runs }: CallRecord): boolean {
  const length = lengthOf(call);
  const leadsThrough = ({ trace }: { readonly trace: readonly TraceStep[] }) =>
    trace.length === 0 || (trace.length >= length && isSameStep(trace[length - 1]!, call.step));
  const isDescendant = (trace: Trace | undefined) => {
    let at = trace;
    while (at !== undefined && at !== call) at = at.previous;
    return at === call;
  };
  return (
    exits.every(
      ({ trace, childOf, situation: { refused } }) =>
        isDescendant(trace) &&
        (childOf === undefined || leadsThrough(childOf)) &&
        (refused === undefined || leadsThrough(refused.event)),
    ) &&
    [facts, ...runs.map(({ known }) => known)].every(({ events }) => [...events.values()].every(leadsThrough)) &&
    runs.every(({ root }) => isDescendant(root.entry.trace))
  );
}

function isSameStep(a: TraceStep, b: TraceStep): boolean {
  return a === b || (a.kind === b.kind && a.message === b.message && sameSpan(a.location, b.location));
}

function lengthOf(trace: Trace): number {
  let length = 0;
  for (let at: Trace | undefined = trace; at !== undefined; at = at.previous) length++;
  return length;
}

/** Puts the steps that lead to a call now in the place of those that led to it when it was run. */
class Path {
  private readonly before: Trace;
  private readonly now: Trace;
  private readonly length: number;
  private readonly steps: readonly TraceStep[];
  private readonly traces = new Map<Trace, Trace>();

  constructor(before: Trace, now: Trace) {
    this.before = before;
    this.now = now;
    this.length = lengthOf(before);
    this.steps = traceSteps(now);
  }

  /** The run's threads begin where it starts them. */
  rootAgain(root: Root, initial: State, bodies: ReadonlyMap<string, FunctionBody>): Root {
    const entry = root.entry.clone();
    entry.trace = this.traceAgain(root.entry.trace);
    return { ...root, entry, initial, body: bodies.get(root.body.id)! };
  }

  factsAgain(facts: RootFacts): RootFacts {
    const events = new Map([...facts.events].map(([key, event]) => [key, this.eventAgain(event)]));
    return { ...facts, events };
  }

  /** The state is changed in place. */
  stateAgain(state: State): State {
    const { childOf, situation } = state;
    const { refused } = situation;
    if (childOf !== undefined) state.childOf = this.eventAgain(childOf);
    if (refused !== undefined) state.change({ refused: { ...refused, event: this.eventAgain(refused.event) } });
    return state;
  }

  private eventAgain<E extends EngineEvent>(event: E): E {
    return event.trace.length === 0 ? event : { ...event, trace: [...this.steps, ...event.trace.slice(this.length)] };
  }

  private traceAgain(trace: Trace | undefined): Trace | undefined {
    if (trace === undefined || trace === this.before) return this.now;
    let made = this.traces.get(trace);
    if (made === undefined) {
      made = { step: trace.step, previous: this.traceAgain(trace.previous) };
      this.traces.set(trace, made);
    }
    return made;
  }
}
