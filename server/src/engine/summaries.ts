/**
 * What calls do, tabulated: the exit states of a function for the entry states that it was run from.
 *
 * Calls are told apart by their call strings (Sharir and Pnueli, 1981), which also name what is made in them, and by
 * typestate. Two bounds keep their number small where a program has many of them: functions that call each other in a
 * circle share the call string of the call that led into the circle, and beyond a number of call strings the calls of
 * one function are one. Who shares a context hands the callee no more than it can reach, and takes the path of its own
 * call. A function that is called again in the context that it is being run in is answered with what it was found to do
 * so far, and is run again until that is all (recursion as a fixpoint).
 */
import type { FunctionBody } from '../ir/ir.ts';
import { isPredicate } from './as-written.ts';
import type { CallInstruction } from './call.ts';
import { type CallSummary, type Context, entering, variableBase } from './context.ts';
import { answer, Footprint, localKey, reachOf, rebase, remember } from './footprint.ts';
import type { Budget, Run } from './interpreter.ts';
import { outcomeOf, runBody } from './interpreter.ts';
import { callKey } from './masks.ts';
import { letEscape } from './observe.ts';
import { coversState, joinStates, type State, type Trace } from './state.ts';
import type { Thresholds } from './thresholds.ts';
import type { TraceStep } from './trace.ts';
import { asConstant } from './value.ts';

const NO_THRESHOLDS: Thresholds = new Map();

/** Entry states kept for one context and typestate key. */
const MAX_SUMMARIES = 4;
/** Call strings by which the calls of one function are told apart in one root; all further ones are one. */
const MAX_CALL_STRINGS = 16;
/** The same for a function that makes no userfaultfd, called where there is none: only its numbers get less exact. */
const MAX_IDLE_CALL_STRINGS = 4;
/** Calls deeper than this are not followed. */
const MAX_DEPTH = 24;
/** How often a function may stand on the stack, each time with another typestate. */
const MAX_RECURSION = 3;
/** How often a function that calls itself in the same context is run before the path is cut short. */
const MAX_ROUNDS = 12;

/** A call, and the context in which its function is run. */
export interface Call {
  readonly instruction: CallInstruction;
  readonly body: FunctionBody;
  /** The calls that led here, as far as they are told apart. */
  readonly site: string;
  /** Calls from elsewhere have the same context. */
  readonly shared: boolean;
}

/** The context in which a call is run. */
export function callContext(
  ctx: Context,
  state: State,
  instruction: CallInstruction,
  body: FunctionBody,
): Pick<Call, 'site' | 'shared'> {
  if (ctx.slice.areInCircle(ctx.body, body)) return { site: ctx.site, shared: true };
  const site = `${ctx.site}@${instruction.span.start}`;
  const known = ctx.tables.get('strings', body.id) ?? [];
  if (known.includes(site)) return { site, shared: false };
  const isIdle = state.objects.size === 0 && !ctx.slice.makesUserfaultfd(body);
  if (known.length >= (isIdle ? MAX_IDLE_CALL_STRINGS : MAX_CALL_STRINGS)) return { site: `~${body.id}`, shared: true };
  ctx.tables.set('strings', body.id, [...known, site]);
  return { site, shared: false };
}

/** A call whose function is being run. */
export class Activation {
  /** What it was run from, and what it was called from since. */
  entry: State;
  /** What it was found to do so far, by typestate and outcome. */
  readonly exits = new Map<string, State>();
  /** Somebody asked since it was run last. */
  consulted = false;
  /** More than it was run from, or found to do, since it was run last. */
  grew = false;
  /** Depth of the outermost activation whose exits what it does rests on. */
  lowest: number;
  readonly depth: number;
  readonly call: Trace;
  /** Keys of summaries that rest on it: they are not final. */
  readonly provisional = new Set<string>();

  constructor(entry: State, depth: number, call: Trace) {
    this.entry = entry;
    this.depth = depth;
    this.lowest = depth;
    this.call = call;
  }

  add(exits: readonly State[]): void {
    for (const exit of exits) {
      const key = `${exit.key()}#${outcomeOf(exit)}`;
      const known = this.exits.get(key);
      const joined = known === undefined ? undefined : joinStates(known, exit, NO_THRESHOLDS);
      if (joined?.changed === false) continue;
      this.exits.set(key, joined?.state ?? exit.clone());
      this.grew = true;
    }
  }
}

/** The exit states of a function for this entry: from the table where an earlier entry covers it, else computed. */
export function* summarised(ctx: Context, state: State, call: Call, budget: Budget): Run {
  const { instruction, body, site } = call;
  const step: TraceStep = {
    kind: 'call',
    location: instruction.span,
    message: `${ctx.body.name}() calls ${body.name}()`,
  };
  const localTo = ctx.stack.includes(body.id) ? undefined : localKey(state, body);
  const isAnswered = ({ entry }: { readonly entry: State }) => !isPredicate(body) || !knowsMore(state, entry, body);
  for (const summary of localTo === undefined ? [] : (ctx.tables.get('locals', localTo) ?? [])) {
    if (!isAnswered(summary)) continue;
    const exits = answer(summary, state, body, step);
    if (exits === undefined) continue;
    ctx.footprint.include(summary);
    return exits;
  }
  const apart = ctx.apart + callKey(ctx.slice, ctx.body, state);
  const key = `${body.id}|${site}|${state.key()}|${apart}|${callKey(ctx.slice, body, state)}|${messagesGiven(state, body)}`;
  const known = ctx.tables.get('summaries', key) ?? [];
  const made: Trace = { step, previous: state.trace };
  for (const summary of known) {
    if (!isAnswered(summary) || !coversState(summary.entry, state)) continue;
    ctx.footprint.include(summary.footprint);
    restOn(ctx, summary.restsOn);
    return summary.exits.map((e) => taken(e, summary, state, made));
  }
  const active = ctx.tables.active.get(key);
  if (active !== undefined) return consult(ctx, active, state, made);
  if (ctx.stack.length >= MAX_DEPTH || ctx.stack.filter((f) => f === body.id).length >= MAX_RECURSION)
    return [notFollowed(ctx, state, call, budget)];
  const start = known[0] === undefined ? state : widened(known[0].entry, state, known.length > 1);
  const entry = start.clone();
  start.trace = made;
  const activation = new Activation(entry, ctx.stack.length, made);
  const inner = entering(ctx, {
    body: ctx.facts.bodyFor(state, body),
    calls: [...ctx.calls, { instruction, caller: ctx.body }],
    stack: [...ctx.stack, body.id],
    site,
    apart,
    footprint: new Footprint(),
  });
  ctx.noteAnalysed(body.id);
  ctx.tables.active.set(key, activation);
  const run = () => settled(inner, start, activation, budget);
  const exits = yield* ctx.repetition?.around({ ctx: inner, entry, start, activation, budget }, run) ?? run();
  ctx.tables.active.delete(key);
  const uneven = noteUnevenExits(ctx, body, entry, exits);
  if (uneven !== undefined) inner.footprint.bound = true;
  // A call in which nothing happened is no step of a path.
  for (const exit of exits) if (exit.trace === made && uneven?.has(exit) !== true) exit.trace = made.previous;
  const { footprint } = inner;
  ctx.footprint.include(footprint);
  const kept = exits.map((e) => e.clone());
  const restsOn = activation.lowest < activation.depth ? activation.lowest : undefined;
  const summary = { entry: activation.entry, exits: kept, footprint, call: made, restsOn };
  ctx.tables.set('summaries', key, [summary, ...known].slice(0, MAX_SUMMARIES));
  if (restsOn !== undefined) for (const a of ctx.tables.active.values()) if (a.depth >= restsOn) a.provisional.add(key);
  if (localTo !== undefined && !footprint.bound) {
    const { globals } = footprint;
    const reach = reachOf(entry, body, globals);
    remember(ctx, localTo, { entry: activation.entry, exits: kept, globals, bound: false, reach, call: made });
  }
  return exits;
}

/**
 * A function that calls itself went through what it was given: its exits are those of all these calls, and which of them
 * left a record alone is not followed. Nothing is said of the children in there.
 */
function leaveToItsCalls(entry: State, now: Activation, { parameters }: FunctionBody, exits: State[]): State[] {
  if (now.entry === entry) return exits;
  const given = parameters.flatMap((p) => [...entry.memory.cellsOf(variableBase(p)).values.values()]);
  const leads = given.filter((v) => v.references.some((r) => r.kind === 'location'));
  for (const id of entry.reach(leads).descriptors)
    for (const exit of exits) if (exit.objects.get(id)?.duty !== undefined) exit.update(id, { duty: undefined });
  return exits;
}

/** Children of the messages that a function is given: one is about the child, another one of the batch is not. */
function messagesGiven({ memory }: State, { parameters }: FunctionBody): string {
  let found = '';
  const note = (base: string, path: string) => {
    const child = memory.cellsOf(base).values.get(`${path}.event`)?.tag?.child;
    if (child !== undefined) found += `${child},`;
  };
  for (const p of parameters) {
    const base = variableBase(p);
    note(base, '');
    for (const r of memory.cellsOf(base).values.get('')?.references ?? [])
      if (r.kind === 'location') note(r.location.base, r.location.path);
  }
  return found;
}

/** An argument is one number where it was any of several: what is asked of it has one answer now. */
function knowsMore(now: State, before: State, { parameters }: FunctionBody): boolean {
  return parameters.some((p) => {
    const base = variableBase(p);
    const known = before.memory.cellsOf(base).values;
    for (const [path, value] of now.memory.cellsOf(base).values) {
      const other = known.get(path);
      if (other !== undefined && asConstant(value) !== undefined && asConstant(other) === undefined) return true;
    }
    return false;
  });
}

/** The state behind a call that is not followed: what it was given may be anywhere, and what it did is not known. */
function notFollowed(ctx: Context, state: State, { instruction, body }: Call, budget: Budget): State {
  const given = body.parameters.flatMap((p) => [...state.memory.cellsOf(variableBase(p)).values.values()]);
  letEscape(ctx, state, given, instruction.span);
  state.change({ cut: true });
  budget.exceeded.add(body.id);
  return state;
}

/** Runs the function until calls of it in its own context find nothing new. */
function* settled(inner: Context, first: State, activation: Activation, budget: Budget): Run {
  let start = first;
  const { entry } = activation;
  for (let round = 1; ; round++) {
    activation.consulted = false;
    const exits = yield* runBody(inner, [start], budget);
    // Where the answer rests on an outer call, that one is run again.
    if (activation.lowest < activation.depth) return leaveToItsCalls(entry, activation, inner.body, exits);
    if (activation.consulted) activation.add(exits);
    const isSettled = !activation.consulted || !activation.grew;
    if (isSettled || round >= MAX_ROUNDS) {
      if (!isSettled) {
        budget.exceeded.add(inner.body.id);
        for (const exit of exits) exit.change({ cut: true });
      }
      makeFinal(inner, activation);
      return leaveToItsCalls(entry, activation, inner.body, exits);
    }
    activation.grew = false;
    for (const key of activation.provisional) inner.tables.set('summaries', key, undefined);
    activation.provisional.clear();
    start = activation.entry.clone();
    start.trace = activation.call;
  }
}

/** What rested on the activation rests on nothing that is still being run. */
function makeFinal({ tables }: Context, { provisional, depth }: Activation): void {
  for (const key of provisional) {
    const final = (s: CallSummary) => (s.restsOn === undefined || s.restsOn < depth ? s : { ...s, restsOn: undefined });
    tables.set('summaries', key, (tables.get('summaries', key) ?? []).map(final));
  }
}

/** A call in a context that is being run: what is known of it so far. */
function consult(ctx: Context, activation: Activation, state: State, made: Trace): State[] {
  activation.consulted = true;
  const { state: joined, changed } = joinStates(activation.entry, state, NO_THRESHOLDS);
  if (changed) {
    activation.entry = joined;
    activation.grew = true;
  }
  restOn(ctx, activation.depth);
  ctx.footprint.bound = true;
  return [...activation.exits.values()].map((exit) => {
    const out = taken(exit, activation, state, made);
    // What only this call brought.
    for (const base of state.memory.baseNames())
      if (!out.memory.has(base) && !activation.entry.memory.has(base))
        out.memory.setCells(base, state.memory.cellsOf(base));
    return out;
  });
}

/** What is being run inside of the activation at that depth rests on it. */
function restOn(ctx: Context, depth: number | undefined): void {
  if (depth === undefined) return;
  for (const a of ctx.tables.active.values()) if (a.depth > depth) a.lowest = Math.min(a.lowest, depth);
}

/** The exit for this call: what led to another one is not on its path. */
export function taken(
  exit: State,
  from: { readonly entry: State; readonly call: Trace },
  state: State,
  made: Trace,
): State {
  const out = exit.clone();
  out.trace = rebase(exit.trace, from, made);
  out.turnover = state.turnover + exit.turnover - from.entry.turnover;
  return out;
}

/**
 * A call that is made again from a state that the last entry does not cover: what loops would join behind it is joined
 * before it, so that it is not run for each turn.
 */
function widened(before: State, state: State, widen: boolean): State {
  const { state: joined } = joinStates(before, state, widen ? NO_THRESHOLDS : undefined);
  if (joined === before) return state;
  joined.trace = state.trace;
  return joined;
}

/** Some argument is the descriptor, or leads to it. */
function isGiven(entry: State, { parameters }: FunctionBody, id: string): boolean {
  const values = parameters.flatMap((p) => [...entry.memory.cellsOf(variableBase(p)).values.values()]);
  return entry.reach(values).descriptors.has(id);
}

/**
 * A helper that closes or keeps the child on one way out and leaves it in the caller's message on another: the return
 * of the second is where a person would repair it; so it is where the first way was taken in another call. Gives the
 * exits that leave it there, undefined where no child is dealt with.
 */
function noteUnevenExits(
  ctx: Context,
  body: FunctionBody,
  entry: State,
  exits: readonly State[],
): ReadonlySet<State> | undefined {
  let found: Set<State> | undefined;
  // A helper that reads the next message is about another child.
  if (exits.some((e) => e.turnover !== entry.turnover)) return found;
  for (const object of entry.objects.values()) {
    if (object.duty?.recognised === undefined || object.duty.droppedAt !== undefined) continue;
    // A thread's own is not in a message that its caller has.
    if (object.duty.given !== undefined) continue;
    const { id } = object;
    const left = exits.filter(
      (e) => e.objects.get(id)?.duty !== undefined && !e.objects.get(id)!.escaped && !e.heldOutsideMessages().has(id),
    );
    // It is held on each way out, and by others: that says nothing of this function.
    if (left.length === 0 && !isGiven(entry, body, id)) continue;
    if (left.length < exits.length) ctx.tables.set('keeper', body.id, true);
    else if (ctx.tables.get('keeper', body.id) === undefined) continue;
    found ??= new Set();
    for (const exit of left) {
      if (exit.returnedAt === undefined) continue;
      exit.updateDuty(id, { droppedAt: exit.returnedAt });
      found.add(exit);
    }
  }
  return found;
}
