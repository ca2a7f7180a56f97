/**
 * The fixpoint over one function's control-flow graph.
 *
 * Each block holds a bounded number of states, one for each typestate key; a state that comes in is joined with the
 * one of its key, and the block is visited again only when that one grew. Loop heads join once before they widen:
 * a descriptor lost to the next turn of a loop needs the second turn to be seen as it is. The functions are generators:
 * they yield at a step quota, so that the caller can stop or give way to the event loop.
 */
import type { BasicBlock, Expr, FunctionBody, Instruction, Variable } from '../ir/ir.ts';
import { mergeAlternatives } from './alternatives.ts';
import { assign, keepDisguised, zeroPlace } from './assign.ts';
import { branch, hasLeft, switchOver, type Ways } from './branching.ts';
import { executeCall, executeLibraryCall } from './call.ts';
import { type Context, entering, RETURN_BASE, variableBase } from './context.ts';
import { type EndOfScope, endScope } from './end-of-scope.ts';
import { evaluate, isRecord, placeLocations } from './evaluate.ts';
import { apartKey, maskKey } from './masks.ts';
import { checkLost, descriptorsIn, letEscape, noteAct, noteGoesOn } from './observe.ts';
import { endsOf } from './process-end.ts';
import { joinStates, type State } from './state.ts';
import { forgetTemporaries, temporariesOf } from './temporaries.ts';
import { thresholdsOf } from './thresholds.ts';
import { hasChildren } from './userfaultfd.ts';
import { asConstant, UNKNOWN, type Value } from './value.ts';
import { Worklist } from './worklist.ts';

/** Joins at a loop head before numbers are widened. */
const JOINS_BEFORE_WIDENING = 1;
/** States of one block that are kept apart. */
const MAX_STATES = 40;
/** The same where rows of a table are told apart, and up to how many states they are. */
const MAX_STATES_OF_ROWS = 80;
const MAX_STATES_BY_ROW = 60;
/** Whoever watches the visits sees those, too. */
const NO_ENDS: readonly undefined[] = [];
/** Instructions between two yields. */
export const STEP_QUOTA = 4000;

export interface Budget {
  /** Instructions that may still be executed for this root. */
  steps: number;
  /** Those for all roots of the program together. */
  readonly program: { steps: number };
  untilYield: number;
  readonly exceeded: Set<string>;
}

interface Slot {
  state: State;
  joins: number;
  dirty: boolean;
}

export type Run = Generator<void, State[], void>;

/** A state that comes to the start of a block. */
interface Entry {
  readonly block: number;
  readonly state: State;
}

/** Runs a body from the given entry states; the result's states hold the value in the return base. */
export function* runBody(ctx: Context, entry: readonly State[], budget: Budget): Run {
  const exits = new Map<string, State>();
  const supposed: Entry[] = [];
  yield* runFrom(
    ctx,
    entry.map((state) => ({ block: 0, state })),
    budget,
    exits,
    supposed,
  );
  // Whether code does something under an event is asked of the code as it is written.
  const whole = supposed.length > 0 ? ctx.facts.wholeOf(ctx.body) : undefined;
  if (whole !== undefined) yield* runFrom(entering(ctx, { body: whole }), supposed, budget, exits, supposed);
  if (budget.exceeded.has(ctx.body.id)) for (const exit of exits.values()) exit.change({ cut: true });
  const found = [...exits.values()];
  noteSuccess(ctx, found);
  if (found.length < 2) return found;
  const before = new Set(entry.flatMap((s) => [...s.objects.keys()]));
  return mergeAlternatives(found, before, (s) => outcomeOf(s));
}

/** `supposed` is filled with what a slice does not tell: states in which a message has an event that it cannot have. */
function* runFrom(
  ctx: Context,
  entries: readonly Entry[],
  budget: Budget,
  exits: Map<string, State>,
  supposed: Entry[],
): Generator<void, void, void> {
  const { body } = ctx;
  const blocks: (Map<string, Slot> | undefined)[] = [];
  const temporaries = temporariesOf(body);
  const thresholds = thresholdsOf(body);
  const dirty: (Slot[] | undefined)[] = [];
  const worklist = new Worklist(body);
  const ends = ctx.program.visiting === undefined ? endsOf(body) : NO_ENDS;
  const isLibrary = (name: string) => ctx.program.function(name, body.file) === undefined;
  const maxStates = ctx.slice.walkersOf(body).length > 0 ? MAX_STATES_OF_ROWS : MAX_STATES;
  const mark = (target: number, slot: Slot) => {
    if (slot.dirty) return;
    slot.dirty = true;
    const others = dirty[target];
    if (others === undefined) dirty[target] = [slot];
    else others.push(slot);
    worklist.add(target);
  };
  const enter = (target: number, state: State) => {
    if (state.hypothesis !== undefined && hasLeft(state.hypothesis, body, target)) return;
    // Nothing is said of a process that ends without a child.
    const end = ends[target];
    if (end !== undefined && !hasChildren(state.objects) && isLibrary(end)) return;
    const block = body.blocks[target]!;
    blocks[target] ??= new Map();
    const slots = blocks[target];
    const apart = slots.size < MAX_STATES_BY_ROW ? apartKey : maskKey;
    const key = state.key() + apart(ctx.slice, body, state);
    const slot = slots.get(key);
    if (slot === undefined) {
      if (slots.size >= maxStates) {
        budget.exceeded.add(body.id);
        return;
      }
      const added: Slot = { state, joins: 0, dirty: false };
      slots.set(key, added);
      mark(target, added);
      return;
    }
    const widen = block.loopHead && slot.joins >= JOINS_BEFORE_WIDENING;
    const joined = joinStates(slot.state, state, widen ? thresholds : undefined);
    if (!joined.changed) return;
    slot.state = joined.state;
    // What comes in before the next visit is one step of the iteration.
    if (!slot.dirty) slot.joins++;
    mark(target, slot);
  };
  for (const { block, state } of entries) enter(block, state);
  for (let next = worklist.next(); next !== undefined; next = worklist.next()) {
    const slot = dirty[next]!.shift()!;
    if (dirty[next]!.length > 0) worklist.add(next);
    const block = body.blocks[next]!;
    slot.dirty = false;
    ctx.program.visiting?.(ctx, block.id, slot.state);
    const steps = 1 + block.instructions.length;
    budget.steps -= steps;
    budget.program.steps -= steps;
    budget.untilYield -= steps;
    if (budget.steps <= 0 || budget.program.steps <= 0) {
      budget.exceeded.add(body.id);
      break;
    }
    if (budget.untilYield <= 0) {
      budget.untilYield = STEP_QUOTA;
      yield;
    }
    let states: State[] = [slot.state.clone()];
    for (const instruction of block.instructions) {
      if (isPlain(instruction)) {
        for (const state of states) executePlain(ctx, state, instruction, block);
      } else {
        const next: State[] = [];
        for (const state of states) {
          const after = instruction.kind === 'call' ? executeLibraryCall(ctx, state, instruction) : undefined;
          next.push(...(after ?? (yield* execute(ctx, state, instruction, block, budget))));
          if (after !== undefined && ctx.facts.hasStarted) yield* ctx.facts.runStarted();
        }
        states = next;
      }
      if (states.some(isAnswered)) states = states.filter((s) => !isAnswered(s));
      if (states.length > 1 && instruction.kind === 'call') states = mergeAfterCall(ctx, states, instruction.result);
      if (states.length === 0) break;
    }
    const dying = temporaries[block.id]!;
    const leave = (target: number, state: State) => {
      forgetTemporaries(ctx, state, dying);
      enter(target, state);
    };
    const suppose = (block: number, state: State) => {
      if (body.whole === undefined) leave(block, state);
      else supposed.push({ block, state });
    };
    for (const state of states) {
      terminate(ctx, state, block, { enter: leave, suppose }, (exit) => {
        const key = `${exit.key()}#${outcomeOf(exit)}${apartKey(ctx.slice, body, exit)}`;
        const before = exits.get(key);
        exits.set(key, before === undefined ? exit : joinStates(before, exit).state);
      });
    }
  }
}

function isAnswered({ hypothesis }: State): boolean {
  return hypothesis?.answered === true;
}

/** A handshake that is always refused, and a function that returns for its success what it returns for nothing else. */
function noteSuccess(ctx: Context, exits: readonly State[]): void {
  if (!exits.some((s) => s.situation.refused !== undefined)) return;
  const result = (s: State) => asConstant(s.memory.load({ base: RETURN_BASE, path: '' }) ?? UNKNOWN);
  const others = exits.filter((s) => s.situation.refused === undefined).map(result);
  for (const exit of exits) {
    if (exit.situation.refused?.functionId !== ctx.body.id) continue;
    const value = result(exit);
    if (value !== undefined && isFailure(ctx.body, value)) continue;
    if ((value !== undefined && others.length > 0 && !others.includes(value)) || returnsRefused(exit))
      noteGoesOn(ctx, exit);
  }
}

/** By convention: the code demands that the handshake is refused. */
function isFailure({ name }: FunctionBody, value: number): boolean {
  return value < 0 || (name === 'main' && value !== 0);
}

/** The function gives out the descriptor on which it takes the refused handshake for a success. */
function returnsRefused({ memory, situation: { refused } }: State): boolean {
  const value = memory.load({ base: RETURN_BASE, path: '' });
  return value?.references.some((r) => r.kind === 'descriptor' && r.object === refused?.event.object) === true;
}

/** Members of a returned record that a test of it may ask for; larger records are no answers. */
const MAX_ANSWERS = 4;

/** What a test of the result would tell apart: the one number it is, a reference, or anything else. */
export function outcomeOf(state: State, base = RETURN_BASE): string {
  const value = state.memory.load({ base, path: '' });
  if (value !== undefined) return outcome(value);
  const { values } = state.memory.cellsOf(base);
  if (values.size === 0 || values.size > MAX_ANSWERS) return '';
  return [...values].map(([path, member]) => `${path}=${outcome(member)}`).join();
}

function outcome(value: Value): string {
  return String(asConstant(value) ?? (value.references.length > 0 ? 'r' : ''));
}

/** The callees of one call meet here: what a join point would join is joined at once. */
function mergeAfterCall({ slice, body }: Context, states: readonly State[], result: Variable | undefined): State[] {
  const merged = new Map<string, State>();
  for (const state of states) {
    const outcome = result === undefined ? '' : outcomeOf(state, variableBase(result));
    const key = `${state.key()}#${outcome}${apartKey(slice, body, state)}`;
    const before = merged.get(key);
    merged.set(key, before === undefined ? state : joinStates(before, state).state);
  }
  return [...merged.values()];
}

type PlainInstruction = Exclude<Instruction, { readonly kind: 'call' }>;

/** Nothing is called: the state stays one, and no generator has to be made for it. */
function isPlain(instruction: Instruction): instruction is PlainInstruction {
  if (instruction.kind === 'end-scope') return instruction.variables.every((v) => v.cleanup === undefined);
  return instruction.kind !== 'call';
}

function executePlain(ctx: Context, state: State, instruction: PlainInstruction, block: BasicBlock): void {
  switch (instruction.kind) {
    case 'assign':
      assign(ctx, state, instruction.target, instruction.value, instruction.span);
      return;
    case 'zero':
      zeroPlace(ctx, state, instruction.target, instruction.span);
      return;
    case 'declare': {
      const base = variableBase(instruction.variable);
      const candidates = descriptorsIn(state, base);
      state.memory.deleteBase(base);
      if (candidates.length > 0) checkLost(ctx, state, candidates, { how: 'dropped' });
      return;
    }
    case 'end-scope':
      endScope(ctx, state, instruction, block);
      return;
    case 'opaque':
      letEscape(
        ctx,
        state,
        instruction.operands.map((o) => evaluate(ctx, state, o)),
        instruction.span,
      );
      return;
  }
}

/** What calls something: a call, or the end of a scope that cleans up. */
function* execute(ctx: Context, state: State, instruction: Instruction, block: BasicBlock, budget: Budget): Run {
  if (instruction.kind === 'call') return yield* executeCall(ctx, state, instruction, budget);
  if (instruction.kind !== 'end-scope') return [state];
  const states = yield* cleanUp(ctx, state, instruction, budget);
  for (const s of states) endScope(ctx, s, instruction, block);
  return states;
}

function* cleanUp(ctx: Context, state: State, instruction: EndOfScope, budget: Budget): Run {
  let states = [state];
  for (const variable of instruction.variables) {
    if (variable.cleanup === undefined) continue;
    const { span } = instruction;
    const place = { base: { kind: 'variable' as const, variable }, path: [], type: variable.type, span };
    const call = {
      kind: 'call' as const,
      callee: { kind: 'function' as const, name: variable.cleanup, span },
      arguments: [{ kind: 'address' as const, place, span }],
      result: undefined,
      span,
    };
    const next: State[] = [];
    for (const s of states) next.push(...(yield* executeCall(ctx, s, call, budget)));
    states = next;
  }
  return states;
}

function terminate(ctx: Context, state: State, block: BasicBlock, ways: Ways, exit: (state: State) => void): void {
  const { terminator } = block;
  switch (terminator.kind) {
    case 'goto':
      ways.enter(terminator.target, state);
      return;
    case 'unreachable':
      return;
    case 'return': {
      state.returnedAt = terminator.explicit ? terminator.span : undefined;
      if (terminator.value !== undefined) storeReturn(ctx, state, terminator.value);
      else state.memory.deleteBase(RETURN_BASE);
      // Code that only says that something came does not act on it.
      if (state.hypothesis?.functionId === ctx.body.id) return;
      exit(state);
      return;
    }
    case 'branch':
      branch(ctx, state, terminator, block.id, ways);
      return;
    case 'switch':
      switchOver(ctx, state, terminator, ways);
      return;
  }
}

function storeReturn(ctx: Context, state: State, value: Expr): void {
  if (value.kind === 'load' && isRecord(value.place.type)) {
    const from = placeLocations(ctx, state, value.place)[0];
    if (from !== undefined) {
      state.memory.copy(from, { base: RETURN_BASE, path: '' });
      return;
    }
  }
  const v = evaluate(ctx, state, value);
  keepDisguised(ctx, state, value, value.span);
  if (v.references.some((r) => r.kind === 'descriptor') && state.hypothesis !== undefined) noteAct(ctx, state);
  state.memory.deleteBase(RETURN_BASE);
  state.memory.store({ base: RETURN_BASE, path: '' }, v);
}
