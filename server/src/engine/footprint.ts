/**
 * Calls whose effect does not depend on where they are made: what a body touched while it ran, and the exits it led to.
 *
 * The footprint of a call is what its arguments and the globals it named lead to. A later call that finds the same
 * there has the same effect there, and none elsewhere (the frame rule: O'Hearn, Reynolds and Yang, "Local reasoning
 * about programs that alter data structures", CSL 2001), so the exits are made from the caller's own state. A body
 * whose effect depends on the calls that led to it (it makes objects, starts threads, reads messages) is bound to its
 * call string and is not answered from here, nor is one that asked whether a child descriptor is held somewhere: that
 * question is for the whole state.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { coversCells } from './cells.ts';
import { sameSet, union, withoutMembers } from './collections.ts';
import { type Context, RETURN_BASE, variableBase } from './context.ts';
import { brief, textOf } from './journal.ts';
import { textOfCells } from './same-state.ts';
import type { Situation, State, Trace } from './state.ts';
import type { TraceStep } from './trace.ts';
import { sameObject } from './userfaultfd.ts';
import type { Value } from './value.ts';

/** What one run of a body touched. */
export class Footprint {
  /** Bases of the globals that were named. */
  readonly globals = new Set<string>();
  /** True when the effect depends on the call string or on more of the state than the footprint. */
  bound = false;

  /** A call inside this one was run or answered. */
  include(inner: { readonly globals: ReadonlySet<string>; readonly bound: boolean }): void {
    for (const g of inner.globals) this.globals.add(g);
    this.bound ||= inner.bound;
  }
}

export interface LocalSummary {
  readonly entry: State;
  readonly exits: readonly State[];
  readonly globals: ReadonlySet<string>;
  readonly bound: false;
  readonly reach: Reach;
  /** The step of the call itself in the traces of the exits. */
  readonly call: Trace | undefined;
}

interface Reach {
  readonly bases: ReadonlySet<string>;
  readonly objects: ReadonlySet<string>;
}

/** Footprints of one body under equal conditions that are kept. */
const MAX_LOCAL_SUMMARIES = 8;

/** The state allows an answer from a footprint; what else it depends on is in the key. */
export function localKey(state: State, body: FunctionBody): string | undefined {
  if (state.childOf !== undefined || state.hypothesis !== undefined || state.situation.refused !== undefined)
    return undefined;
  for (const o of state.objects.values()) if (o.duty !== undefined && o.duty.recognised === undefined) return undefined;
  return `${body.id}|${state.threads.size}|${state.situation.process}|${state.situation.wasRefused ? 'r' : ''}`;
}

export function reachOf(state: State, body: FunctionBody, globals: ReadonlySet<string>): Reach {
  const { bases } = state.reach([], startOf(body, globals));
  return { bases, objects: objectsIn(state, bases) };
}

/** Where a call finds what it touches: the globals that it names, and its parameters. */
function startOf(body: FunctionBody, globals: ReadonlySet<string>): string[] {
  return [...globals, ...body.parameters.map(variableBase)];
}

/** Descriptors that cells of these bases name, and those that a message in them came from. */
function objectsIn(state: State, bases: ReadonlySet<string>): Set<string> {
  const objects = new Set<string>();
  const visit = (value: Value) => {
    for (const r of value.references) if (r.kind === 'descriptor') objects.add(r.object);
    if (value.tag === undefined) return;
    objects.add(value.tag.source);
    if (value.tag.child !== undefined) objects.add(value.tag.child);
  };
  for (const base of bases) for (const value of state.memory.cellsOf(base).values.values()) visit(value);
  return objects;
}

/** The exits for this entry, when a summary's entry covers it within the footprint. */
export function answer(summary: LocalSummary, state: State, body: FunctionBody, call: TraceStep): State[] | undefined {
  const { entry } = summary;
  // Most that do not fit differ in an argument: what it leads to need not be looked for.
  for (const base of startOf(body, summary.globals)) if (!coversBase(entry, state, base)) return undefined;
  const { bases, objects } = reachOf(state, body, summary.globals);
  if (!sameSet(bases, summary.reach.bases) || !sameSet(objects, summary.reach.objects)) return undefined;
  for (const id of objects) if (!sameObject(entry.objects.get(id), state.objects.get(id))) return undefined;
  for (const base of bases) if (!coversBase(entry, state, base)) return undefined;
  return summary.exits.map((exit) => applyExit(summary, exit, state, body, call));
}

function coversBase(entry: State, state: State, base: string): boolean {
  const before = entry.memory.find(base);
  const now = state.memory.find(base);
  return (
    (before === undefined) === (now === undefined) &&
    entry.memory.isSummary(base) === state.memory.isSummary(base) &&
    entry.situation.kept.has(base) === state.situation.kept.has(base) &&
    entry.mine.has(base) === state.mine.has(base) &&
    (before === now || coversCells(before!, now!))
  );
}

function applyExit(summary: LocalSummary, exit: State, state: State, body: FunctionBody, call: TraceStep): State {
  const out = state.clone();
  const { bases } = exit.reach([], [...summary.reach.bases, RETURN_BASE]);
  for (const base of new Set([...summary.reach.bases, ...bases])) {
    if (!exit.memory.has(base)) out.memory.deleteBase(base);
    else if (exit.memory.cellsOf(base) !== out.memory.cellsOf(base))
      out.memory.setCells(base, exit.memory.cellsOf(base));
    if (exit.memory.isSummary(base)) out.memory.makeSummary(base);
  }
  for (const variable of body.parameters) out.memory.deleteBase(variableBase(variable));
  for (const id of new Set([...summary.reach.objects, ...objectsIn(exit, bases)])) {
    const object = exit.objects.get(id);
    if (object === undefined) out.removeObject(id);
    else out.putObject(object);
  }
  leaveIn(out, exit.situation);
  // Bodies that allocate are bound to their call string.
  out.mine = withoutMembers(out.mine, withoutMembers(summary.reach.bases, exit.mine));
  out.childOf = exit.childOf;
  out.hypothesis = exit.hypothesis;
  out.returnedAt = exit.returnedAt;
  out.turnover += exit.turnover - summary.entry.turnover;
  out.trace = rebase(exit.trace, summary, { step: call, previous: state.trace });
  return out;
}

/** The call ends in this situation; processes, locks and what was waited for are the caller's. */
function leaveIn(state: State, exit: Situation): void {
  const { kept, cut, unordered, renamed, refused, wasRefused } = state.situation;
  if (exit === state.situation) return;
  const after = {
    kept: union(kept, exit.kept),
    cut: cut || exit.cut,
    unordered: unordered || exit.unordered,
    renamed: renamed || exit.renamed,
    refused: exit.refused,
    wasRefused: exit.wasRefused,
  };
  const isSame =
    after.kept === kept &&
    after.cut === cut &&
    after.unordered === unordered &&
    after.renamed === renamed &&
    after.refused === refused &&
    after.wasRefused === wasRefused;
  if (!isSame) state.change(after);
}

/** The steps that the callee added, behind the steps that led to this call. */
export function rebase(
  trace: Trace | undefined,
  summary: { readonly entry: State; readonly call: Trace | undefined },
  call: Trace,
): Trace | undefined {
  if (trace === undefined || trace === summary.entry.trace) return call.previous;
  if (trace === summary.call) return call;
  return { step: trace.step, previous: rebase(trace.previous, summary, call) };
}

export function remember({ tables }: Context, key: string, summary: LocalSummary): void {
  const known = tables.get('locals', key) ?? [];
  tables.set('locals', key, [summary, ...known].slice(0, MAX_LOCAL_SUMMARIES));
}

const texts = new WeakMap<LocalSummary, string>();

/** Equal for summaries that answer the same calls with the same. */
export function textOfLocal(summary: LocalSummary): string {
  let text = texts.get(summary);
  if (text === undefined) {
    const { entry, exits, globals, reach } = summary;
    const ofExit = (exit: State) => [
      textWithin(exit, exit.reach([], [...reach.bases, RETURN_BASE]).bases, reach),
      textOf([
        exit.situation.kept,
        exit.mine,
        exit.situation.cut,
        exit.situation.unordered,
        exit.situation.renamed,
        exit.childOf,
        exit.hypothesis,
        exit.situation.refused,
        exit.returnedAt,
        exit.situation.wasRefused,
      ]),
      exit.turnover - entry.turnover,
    ];
    text = [textOf([globals, reach]), textWithin(entry, reach.bases, reach), ...exits.flatMap(ofExit)].join('\n');
    text = brief(text);
    texts.set(summary, text);
  }
  return text;
}

/** What a state holds in these bases and in those that the call reached, and the userfaultfds named there. */
function textWithin(state: State, bases: ReadonlySet<string>, reach: Reach): string {
  const { memory, mine, objects } = state;
  const { kept } = state.situation;
  const all = new Set([...reach.bases, ...bases]);
  const cells = [...all].map((base) =>
    memory.has(base)
      ? [base, memory.isSummary(base), kept.has(base), mine.has(base), textOfCells(memory.cellsOf(base))]
      : [base],
  );
  return textOf([cells, [...new Set([...reach.objects, ...objectsIn(state, bases)])].map((id) => objects.get(id))]);
}
