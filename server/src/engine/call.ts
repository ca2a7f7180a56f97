/** Calls: library models, bodies of the program, threads, and functions the program does not show. */
import { type Expr, type FunctionBody, type Instruction, REST } from '../ir/ir.ts';
import type { LibraryFunction, LibraryKind } from '../libc/effects.ts';
import { namesForkDescriptor } from './as-written.ts';
import { assign, keepDisguised, storeTo } from './assign.ts';
import { type Context, ERRNO_BASE, objectId, RETURN_BASE, spanId, variableBase } from './context.ts';
import { evaluate, isRecord, placeLocations, placeOf } from './evaluate.ts';
import { heldIn, restoreFrame, saveFrame, setAside, setAsideUnreached } from './frame.ts';
import type { Budget, Run } from './interpreter.ts';
import { isTemporary } from './memory.ts';
import { MODELS } from './models/index.ts';
import { checkLost, descriptorsIn, letEscape, noteAct, noteGoesOn, noteMemoryUse, recognise } from './observe.ts';
import { targetsOf } from './refine.ts';
import { rowOf, WRITES_FIRST } from './slice/library.ts';
import type { State } from './state.ts';
import { callContext, summarised } from './summaries.ts';
import { descriptorsOf } from './temporaries.ts';
import { unknownCall } from './unknown-call.ts';
import {
  asConstant,
  canBeZero,
  constant,
  type Location,
  numeric,
  type Reference,
  TOP_NUMBER,
  UNKNOWN,
  type Value,
} from './value.ts';

export type CallInstruction = Instruction & { kind: 'call' };

/** What a library model gets. `values` are the evaluated arguments. */
export interface ModelCall {
  readonly ctx: Context;
  readonly instruction: CallInstruction;
  readonly name: string;
  readonly row: LibraryFunction;
  readonly values: readonly Value[];
}

/**
 * Executes a call of a library function, or of one that the program does not show, named by the call itself: most calls,
 * and none of them runs a body. Undefined for other calls. Threads that it starts are left to the caller.
 */
export function executeLibraryCall(ctx: Context, state: State, instruction: CallInstruction): State[] | undefined {
  const { callee } = instruction;
  if (callee.kind !== 'function' || ctx.program.function(callee.name, ctx.body.file) !== undefined) return undefined;
  const row = rowOf(callee.name, instruction.arguments);
  if (row === undefined) return [unknownCall(ctx, state, instruction, callee.name)];
  return row.kind === 'call-once' ? undefined : libraryCall(ctx, state, instruction, row);
}

export function* executeCall(ctx: Context, state: State, instruction: CallInstruction, budget: Budget): Run {
  const names = calleeNames(ctx, state, instruction.callee);
  if (names.length === 0) return [unknownCall(ctx, state, instruction, undefined)];
  const states: State[] = [];
  if (names.length > 1 && instruction.callee.kind === 'load') {
    // Each object calls its own function, and is mostly given to it.
    const targets = targetsOf(ctx, state, instruction.callee.place);
    for (const target of targets) states.push(...(yield* executeCall(ctx, target.state, instruction, budget)));
    if (targets.length > 0) return states;
  }
  const walked = names.length > 1 && walksTable(ctx, state, instruction.callee);
  for (const [i, name] of names.entries()) {
    const branch = i === names.length - 1 ? state : state.clone();
    if (walked && names.some((other) => other !== name && prepares(ctx, other))) branch.change({ unordered: true });
    if (instruction.callee.kind !== 'function') noteHandler(ctx, branch, instruction, name);
    states.push(...(yield* callNamed(ctx, branch, instruction, name, budget)));
  }
  return states;
}

/** The functions of a table are called one after the other: which of them were called before this one is not known. */
function walksTable(ctx: Context, state: State, callee: Expr): boolean {
  if (callee.kind !== 'load') return false;
  if (callee.place.path.some((e) => e.kind === 'index' && e.index.kind !== 'constant')) return true;
  return placeLocations(ctx, state, callee.place).some(({ path }) => /\[[*>]/.test(path));
}

function prepares(ctx: Context, name: string): boolean {
  const body = ctx.program.function(name, ctx.body.file);
  return body !== undefined && ctx.slice.prepares(body);
}

/** A handler out of a table that knows `arg.fork`: that it was chosen is the test of the event. */
function noteHandler(ctx: Context, state: State, instruction: CallInstruction, name: string): void {
  const body = ctx.program.function(name, ctx.body.file);
  if (body === undefined || !namesForkDescriptor(body)) return;
  for (const argument of instruction.arguments)
    for (const r of evaluate(ctx, state, argument).references)
      if (r.kind === 'location')
        for (const child of childrenAt(state, r.location)) recognise(state, child, instruction.span, name);
}

/** Children of the messages that a record is, that lie in it, or to which its members lead. */
function childrenAt({ memory }: State, record: Location): string[] {
  const found: string[] = [];
  const note = (cells: readonly [string, Value][]) => {
    for (const [path, { tag }] of cells)
      if (tag?.child !== undefined && tag.part === 'event' && path.endsWith('.event')) found.push(tag.child);
  };
  const cells = memory.below(record);
  note(cells);
  for (const [, { references }] of cells)
    for (const r of references) if (r.kind === 'location') note(memory.below(r.location));
  return found;
}

function calleeNames(ctx: Context, state: State, callee: Expr): string[] {
  if (callee.kind === 'function') return [callee.name];
  const value = evaluate(ctx, state, callee);
  const names = value.references.flatMap((r) => (r.kind === 'function' ? [r.name] : []));
  return value.any || names.length > 6 ? [] : names;
}

function* callNamed(ctx: Context, state: State, instruction: CallInstruction, name: string, budget: Budget): Run {
  const body = ctx.program.function(name, ctx.body.file);
  if (body !== undefined) return yield* callBody(ctx, state, instruction, body, budget);
  const row = rowOf(name, instruction.arguments);
  if (row === undefined) return [unknownCall(ctx, state, instruction, name)];
  const once = row.kind === 'call-once' ? instruction.arguments[1] : undefined;
  if (once !== undefined)
    return yield* executeCall(ctx, state, { ...instruction, callee: once, arguments: [] }, budget);
  const states = libraryCall(ctx, state, instruction, row);
  if (ctx.facts.hasStarted) yield* ctx.facts.runStarted();
  return states;
}

/** Kinds whose models look at nothing but what their arguments lead to, and make nothing. */
const TOUCHES_ARGUMENTS_ONLY: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'ioctl',
  'close',
  'poll',
  'select',
  'munmap',
  'free',
  'memset',
  'memcpy',
  'print',
  'pure',
  'exit',
  'write',
  'open',
  'pipe',
  'sleep',
  'error-exit',
  'search',
]);

/** What a path that gives up does too. */
const CLEARS_UP: ReadonlySet<LibraryKind> = new Set<LibraryKind>([
  'print',
  'pure',
  'error-exit',
  'exit',
  'close',
  'free',
  'munmap',
  'memset',
  'sleep',
]);

/** What these do to memory looks at none of its content. */
const HANDLES_PAGES: ReadonlySet<LibraryKind> = new Set<LibraryKind>(['mmap', 'munmap', 'madvise']);

function libraryCall(ctx: Context, state: State, instruction: CallInstruction, row: LibraryFunction): State[] {
  const printing = row.kind === 'print';
  mayFail(state);
  const values = instruction.arguments.map((a) => evaluate(ctx, state, a, { printing }));
  if (
    state.hypothesis !== undefined &&
    !printing &&
    row.noreturn !== true &&
    row.kind !== 'pure' &&
    row.kind !== 'search' &&
    row.kind !== 'exit'
  )
    noteAct(ctx, state);
  if (!CLEARS_UP.has(row.kind) && row.noreturn !== true) noteGoesOn(ctx, state);
  if (state.childOf !== undefined && !HANDLES_PAGES.has(row.kind)) {
    for (const [i, v] of values.entries()) {
      const at = v.references.flatMap((r): Location[] => (r.kind === 'location' ? [r.location] : []));
      const isWritten = row.writes.includes(i) || (i === 0 && WRITES_FIRST.has(row.kind));
      if (at.length > 0) noteMemoryUse(ctx, state, at, instruction.span, isWritten ? 'write' : 'read');
    }
  }
  if (!TOUCHES_ARGUMENTS_ONLY.has(row.kind)) ctx.footprint.bound = true;
  for (const i of row.writes) {
    for (const r of values[i]?.references ?? []) if (r.kind === 'location') forget(state, r.location);
  }
  const model = MODELS[row.kind];
  const call: ModelCall = { ctx, instruction, name: row.name, row, values };
  if (model !== undefined) return model(call, state);
  if (row.noreturn === true) return [];
  const kept = Array.isArray(row.keepsArguments) ? row.keepsArguments : [];
  if (kept.length > 0)
    letEscape(
      ctx,
      state,
      kept.flatMap((i) => values[i] ?? []),
      instruction.span,
    );
  setResult(ctx, state, instruction, UNKNOWN_NUMBER);
  return [state];
}

const UNKNOWN_NUMBER = numeric(TOP_NUMBER);

/** Where the program stored zero in errno itself, the call may have stored there since. */
export function mayFail(state: State): void {
  const stored = state.memory.load(ERRNO);
  if (stored === undefined) return;
  if (canBeZero(stored)) state.memory.store(ERRNO, UNKNOWN_NUMBER);
  else state.memory.deleteBase(ERRNO_BASE);
}

const ERRNO: Location = { base: ERRNO_BASE, path: '' };

export function setResult(ctx: Context, state: State, instruction: CallInstruction, value: Value): void {
  // What the program stored in errno is gone with a call that fails.
  if (asConstant(value) === -1) state.memory.deleteBase(ERRNO_BASE);
  if (instruction.result === undefined) return;
  const location: Location = { base: variableBase(instruction.result), path: '' };
  storeTo(ctx, state, [location], value, instruction.span);
}

/**
 * Somebody may have written scalars behind the pointer; descriptors and pointers are believed to stay. A pointer to an
 * element is one to the array.
 */
export function forget(state: State, location: Location): void {
  const whole: Location = { base: location.base, path: location.path.replace(/\[[^[\]]*\]$/, '') };
  if (state.memory.isStrong(whole)) state.memory.forgetNumbers(whole);
}

function* callBody(ctx: Context, state: State, instruction: CallInstruction, body: FunctionBody, budget: Budget): Run {
  if (instruction.result === undefined && !ctx.slice.acts(body) && cannotMatter(ctx, state, instruction, body)) {
    return [state];
  }
  const saved = ctx.stack.includes(body.id) ? saveFrame(state, body) : undefined;
  // While the inner activation runs nobody sees that the outer one holds them.
  for (const id of saved === undefined ? [] : heldIn(saved)) state.update(id, { duty: undefined });
  bindArguments(ctx, state, instruction, body);
  const context = callContext(ctx, state, instruction, body);
  const makesNothing = state.objects.size === 0 && !ctx.slice.makes(body);
  const aside = context.shared
    ? setAsideUnreached(ctx.program, state, body, makesNothing)
    : setAside(state, ctx.body, body, makesNothing);
  const exits = yield* summarised(ctx, state, { instruction, body, ...context }, budget);
  for (const exit of exits) {
    // What is left of the frame: temporaries, which no scope ends.
    const left = descriptorsOf(exit.memory.removeEach(frameOf(body)));
    restoreFrame(exit, aside);
    if (saved !== undefined) restoreFrame(exit, saved);
    takeResult(ctx, exit, instruction);
    if (left.length > 0) checkLost(ctx, exit, left, { how: 'dropped' });
  }
  return exits;
}

const frames = new WeakMap<FunctionBody, readonly string[]>();

/** Bases of all variables of a body. */
function frameOf(body: FunctionBody): readonly string[] {
  let frame = frames.get(body);
  if (frame === undefined) {
    frame = [...body.locals, ...body.parameters].map(variableBase);
    frames.set(body, frame);
  }
  return frame;
}

/**
 * No argument leads to a child's descriptor or to a message, none to one whose handshake may be missing, and no
 * consequence of a fork() waits for a use of memory.
 */
function cannotMatter(ctx: Context, state: State, instruction: CallInstruction, body: FunctionBody): boolean {
  if (state.childOf !== undefined) return false;
  let isSliced: boolean | undefined;
  // What a slice leaves out does nothing to a userfaultfd that is ready, and nobody waits for what becomes of that.
  const isIdle = (r: Reference) => {
    if (r.kind !== 'descriptor') return true;
    const { objects, hypothesis } = state;
    const object = objects.get(r.object);
    if (hypothesis !== undefined || object === undefined || object.duty !== undefined) return false;
    isSliced ??= ctx.facts.bodyFor(state, body) !== body;
    return isSliced;
  };
  for (const argument of instruction.arguments) {
    const value = evaluate(ctx, state, argument);
    if (value.tag !== undefined) return false;
    for (const r of value.references) {
      if (!isIdle(r)) return false;
      if (r.kind !== 'location') continue;
      for (const cell of state.memory.cellsOf(r.location.base).values.values())
        if (cell.tag !== undefined || !cell.references.every(isIdle)) return false;
    }
  }
  return true;
}

function bindArguments(ctx: Context, state: State, instruction: CallInstruction, body: FunctionBody): void {
  const stores: (() => void)[] = [];
  for (const [i, parameter] of body.parameters.entries()) {
    const argument = instruction.arguments[i];
    const to = { base: variableBase(parameter), path: '' };
    // Nobody finds there what it is given: calls that differ in that alone are one.
    const isIgnored = ctx.slice.ignoresParameter(parameter);
    if (parameter.name === REST) {
      const further = instruction.arguments.slice(i).map((a) => evaluate(ctx, state, a));
      if (isIgnored) continue;
      stores.push(() => {
        state.memory.deleteBase(to.base);
        for (const [n, value] of further.entries()) state.memory.store({ base: to.base, path: `[${n}]` }, value);
      });
      continue;
    }
    if (argument === undefined) {
      stores.push(() => state.memory.deleteBase(to.base));
      continue;
    }
    if (argument.kind === 'load' && (isRecord(argument.place.type) || isRecord(parameter.type))) {
      const from = placeLocations(ctx, state, argument.place)[0];
      if (from !== undefined) {
        stores.push(() => {
          state.memory.deleteBase(to.base);
          state.memory.copy(from, to);
          // What a call returned is the parameter now.
          if (isTemporary(from.base)) state.memory.deleteBase(from.base);
        });
        continue;
      }
    }
    const value = evaluate(ctx, state, argument);
    keepDisguised(ctx, state, argument, argument.span);
    leaveBatch(ctx, state, argument);
    if (isIgnored) continue;
    stores.push(() => {
      state.memory.deleteBase(to.base);
      state.memory.store(to, value);
    });
  }
  for (const extra of instruction.arguments.slice(body.parameters.length)) evaluate(ctx, state, extra);
  for (const store of stores) store();
}

/**
 * The event of one of several messages, handed on as a number: what the function makes of it, as the choice of a
 * handler, is not followed to the message that it came from.
 */
function leaveBatch(ctx: Context, state: State, argument: Expr): void {
  const place = placeOf(argument);
  const last = place?.path.at(-1);
  if (place === undefined || last?.kind !== 'field' || last.name !== 'event') return;
  for (const { base } of placeLocations(ctx, state, place))
    for (const { tag } of state.memory.cellsOf(base).values.values())
      if (tag?.child !== undefined && state.objects.get(tag.child)?.duty?.batch === true)
        state.update(tag.child, { escaped: true });
}

function takeResult(ctx: Context, state: State, instruction: CallInstruction): void {
  const from = { base: RETURN_BASE, path: '' };
  if (instruction.result !== undefined) {
    const to = { base: variableBase(instruction.result), path: '' };
    // A record has no value of its own, whatever its members were set to.
    const value = state.memory.cellsOf(RETURN_BASE).values.get('');
    if (value !== undefined) storeTo(ctx, state, [to], value, instruction.span);
    else if (state.memory.has(RETURN_BASE)) state.memory.copy(from, to);
    else storeTo(ctx, state, [to], UNKNOWN, instruction.span);
    state.memory.deleteBase(RETURN_BASE);
    return;
  }
  const candidates = descriptorsIn(state, RETURN_BASE);
  state.memory.deleteBase(RETURN_BASE);
  checkLost(ctx, state, candidates, { how: 'overwritten', span: instruction.span });
}

export { assign, constant, objectId, spanId };
