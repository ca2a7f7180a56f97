/** Calls: library models, bodies of the program, threads, and functions the program does not show. */
import { type Expr, type FunctionBody, type Instruction, REST, type Variable } from '../ir/ir.ts';
import { visitBody } from '../ir/visit.ts';
import { type LibraryFunction, type LibraryKind, libraryFunction } from '../libc/effects.ts';
import { assign, keepDisguised, storeTo } from './assign.ts';
import { type Context, ERRNO_BASE, eventBase, objectId, RETURN_BASE, spanId, variableBase } from './context.ts';
import { evaluate, isRecord, placeLocations } from './evaluate.ts';
import { heldIn, restoreFrame, saveFrame, setAside, setAsideUnreached } from './frame.ts';
import type { Budget, Run } from './interpreter.ts';
import { MODELS } from './models/index.ts';
import {
  checkLost,
  descriptorsIn,
  letEscape,
  noteAct,
  noteChildUse,
  noteGoesOn,
  noteMemoryUse,
  recognise,
  refusalsIn,
} from './observe.ts';
import type { State } from './state.ts';
import { callContext, summarised } from './summaries.ts';
import { asConstant, canBeZero, constant, type Location, numeric, TOP_NUMBER, UNKNOWN, type Value } from './value.ts';

export type CallInstruction = Instruction & { kind: 'call' };

/** What a library model gets. `values` are the evaluated arguments. */
export interface ModelCall {
  readonly ctx: Context;
  readonly instruction: CallInstruction;
  readonly name: string;
  readonly row: LibraryFunction;
  readonly values: readonly Value[];
}

export function* executeCall(ctx: Context, state: State, instruction: CallInstruction, budget: Budget): Run {
  const names = calleeNames(ctx, state, instruction.callee);
  if (names.length === 0) return [unknownCall(ctx, state, instruction, undefined)];
  const states: State[] = [];
  const walked = names.length > 1 && walksTable(ctx, state, instruction.callee);
  for (const [i, name] of names.entries()) {
    const branch = i === names.length - 1 ? state : state.clone();
    if (walked && names.some((other) => other !== name && prepares(ctx, other))) branch.cut = true;
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
  for (const argument of instruction.arguments) {
    for (const r of evaluate(ctx, state, argument).references) {
      if (r.kind !== 'location') continue;
      const tag = state.memory.load({ base: r.location.base, path: `${r.location.path}.event` })?.tag;
      if (tag?.child !== undefined) recognise(state, tag.child, instruction.span);
    }
  }
}

const forkHandlers = new WeakMap<FunctionBody, boolean>();

function namesForkDescriptor(body: FunctionBody): boolean {
  let found = forkHandlers.get(body);
  if (found === undefined) {
    found = false;
    visitBody(body, {
      expr: () => {},
      place: ({ path }) => {
        const [last, before] = [path.at(-1), path.at(-2)];
        if (last?.kind === 'field' && last.name === 'ufd' && before?.kind === 'field' && before.name === 'fork')
          found = true;
      },
    });
    forkHandlers.set(body, found);
  }
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
  const row = libraryFunction(name);
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

function libraryCall(ctx: Context, state: State, instruction: CallInstruction, row: LibraryFunction): State[] {
  const printing = row.kind === 'print';
  mayFail(state);
  const values = instruction.arguments.map((a) => evaluate(ctx, state, a, { printing }));
  if (
    state.hypothesis !== undefined &&
    !printing &&
    row.noreturn !== true &&
    row.kind !== 'pure' &&
    row.kind !== 'exit'
  )
    noteAct(ctx, state);
  if (!CLEARS_UP.has(row.kind) && row.noreturn !== true) noteGoesOn(ctx, state);
  if (state.childOf !== undefined) {
    for (const v of values) {
      const at = v.references.flatMap((r): Location[] => (r.kind === 'location' ? [r.location] : []));
      if (at.length > 0) noteMemoryUse(ctx, state, at, instruction.span);
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
function mayFail(state: State): void {
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
  storeTo(ctx, state, [{ base: variableBase(instruction.result), path: '' }], value, instruction.span);
}

/** A function without a body here: what it is given escapes; its value is unknown. */
function unknownCall(ctx: Context, state: State, instruction: CallInstruction, name: string | undefined): State {
  mayFail(state);
  if (name !== undefined && isReport(instruction, name)) {
    for (const a of instruction.arguments) evaluate(ctx, state, a, { printing: true });
    leaveDecision(state, instruction, name);
    return state;
  }
  const values = instruction.arguments.map((a) => evaluate(ctx, state, a));
  if (state.hypothesis !== undefined) noteAct(ctx, state);
  if (state.childOf !== undefined) noteChildUse(ctx, state, instruction.span);
  for (const { tag } of values) {
    if (tag?.part !== 'event' || tag.child === undefined) continue;
    recognise(state, tag.child, instruction.span);
    // What it answers may be which way the message goes.
    if (instruction.result !== undefined) state.update(tag.child, { escaped: true });
  }
  leaveDecision(state, instruction, name);
  leaveMessage(ctx, state, instruction);
  // A function that is not shown may report the failure; one that is given the descriptor goes on with it.
  if (values.some((v) => v.references.some((r) => r.kind === 'descriptor'))) noteGoesOn(ctx, state);
  letEscape(ctx, state, values, instruction.span);
  for (const v of values) {
    for (const r of v.references) if (r.kind === 'location') forget(state, r.location);
  }
  if (name === undefined)
    ctx.facts.emit({ kind: 'unknown-call', root: ctx.root, ...eventBase(ctx, state, '', instruction.span) });
  setResult(ctx, state, instruction, elsewhere(instruction));
  return state;
}

/** What a function that is not shown returns: a number, a descriptor, or a pointer to memory that others see too. */
function elsewhere(instruction: CallInstruction): Value {
  const location = { base: `outside:${spanId(instruction.span)}`, path: '[0]' };
  return { ...UNKNOWN, references: [{ kind: 'location', location }] };
}

/** It is given the text of what it is to tell and is asked for nothing: it keeps nothing of what it prints. */
function isReport({ arguments: list, result }: CallInstruction, name: string): boolean {
  const isText = (a: Expr) => a.kind === 'string' && a.value.includes('%');
  return result === undefined && TELLS.test(name) && !ENDS.test(name) && list.some(isText);
}

/**
 * A function that is not shown and is given the result of a read() may say whether there is a message at all: where it
 * is asked, what becomes of a child on the way that follows is not known.
 */
function leaveMessage(ctx: Context, state: State, { arguments: list, result }: CallInstruction): void {
  if (result === undefined) return;
  const results = resultsOfReads(ctx.body);
  if (!list.some((a) => isResult(results, a))) return;
  const { file, start, end } = ctx.body.span;
  for (const { id, duty } of state.objects.values()) {
    if (duty === undefined || duty.recognised !== undefined) continue;
    const { read } = duty;
    if (read.file === file && start <= read.start && read.end <= end) state.update(id, { escaped: true });
  }
}

const readResults = new WeakMap<FunctionBody, ReadonlySet<Variable>>();

/** Variables of a body that hold what read() returned. */
function resultsOfReads(body: FunctionBody): ReadonlySet<Variable> {
  let found = readResults.get(body);
  if (found === undefined) {
    found = findResultsOfReads(body);
    readResults.set(body, found);
  }
  return found;
}

function findResultsOfReads({ blocks }: FunctionBody): Set<Variable> {
  const found = new Set<Variable>();
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const i of blocks.flatMap((b) => b.instructions)) {
      if (i.kind === 'call' && i.callee.kind === 'function' && i.result !== undefined) {
        if (libraryFunction(i.callee.name)?.kind === 'read') found.add(i.result);
      } else if (i.kind === 'assign' && i.target.base.kind === 'variable' && isResult(found, i.value)) {
        if (i.target.path.length === 0) found.add(i.target.base.variable);
      }
    }
  }
  return found;
}

/** The value is one of these results, or a comparison of it. */
function isResult(results: ReadonlySet<Variable>, e: Expr): boolean {
  switch (e.kind) {
    case 'load':
      return e.place.base.kind === 'variable' && e.place.path.length === 0 && results.has(e.place.base.variable);
    case 'cast':
    case 'unary':
      return isResult(results, e.operand);
    case 'binary':
      return isResult(results, e.left) || isResult(results, e.right);
    default:
      return false;
  }
}

/** A name that says that the function only tells of something. */
const TELLS = /log|print|warn|debug|info|trace|perror|msg|note|report/i;
const ENDS = /exit|die|fatal|abort|panic|fail|bail|assert|check|expect|bug/i;

/**
 * A function that is not shown may end the program: `CHECK(ret == 0)` sees the result of a failed handshake, and
 * `bail_out()` is called where it was tested.
 */
function leaveDecision(state: State, instruction: CallInstruction, name: string | undefined): void {
  for (const argument of instruction.arguments) {
    for (const id of refusalsIn(state, argument)) leaveHandshake(state, id);
  }
  if (name !== undefined && TELLS.test(name) && !ENDS.test(name)) return;
  for (const o of state.objects.values()) if (o.handshake === 'failed' && o.refusalTested) leaveHandshake(state, o.id);
}

/** Whether the program goes on where the handshake failed is not known, and no feature is missed where it does. */
function leaveHandshake(state: State, id: string): void {
  const object = state.objects.get(id);
  if (object !== undefined) state.update(id, { handshake: 'unknown', features: { ...object.features, unknown: true } });
}

/**
 * Somebody may have written scalars behind the pointer; descriptors and pointers are believed to stay. A pointer to an
 * element is one to the array.
 */
function forget(state: State, location: Location): void {
  const whole: Location = { base: location.base, path: location.path.replace(/\[[^[\]]*\]$/, '') };
  if (state.memory.isStrong(whole)) state.memory.forgetNumbers(whole);
}

function* callBody(ctx: Context, state: State, instruction: CallInstruction, body: FunctionBody, budget: Budget): Run {
  if (instruction.result === undefined && !ctx.slice.acts(body) && cannotMatter(ctx, state, instruction)) {
    return [state];
  }
  const saved = ctx.stack.includes(body.id) ? saveFrame(state, body) : undefined;
  // While the inner activation runs nobody sees that the outer one holds them.
  for (const id of saved === undefined ? [] : heldIn(saved)) state.update(id, { duty: undefined });
  bindArguments(ctx, state, instruction, body);
  const context = callContext(ctx, state, instruction, body);
  const aside = context.shared ? setAsideUnreached(ctx.program, state, body) : setAside(state, ctx.body, body);
  const exits = yield* summarised(ctx, state, { instruction, body, ...context }, budget);
  for (const exit of exits) {
    // What is left of the frame: temporaries, which no scope ends.
    for (const variable of body.locals) exit.memory.deleteBase(variableBase(variable));
    for (const variable of body.parameters) exit.memory.deleteBase(variableBase(variable));
    restoreFrame(exit, aside);
    if (saved !== undefined) restoreFrame(exit, saved);
    takeResult(ctx, exit, instruction);
  }
  return exits;
}

/** No argument leads to a descriptor or to a message, and no consequence of a fork() waits for a use of memory. */
function cannotMatter(ctx: Context, state: State, instruction: CallInstruction): boolean {
  if (state.childOf !== undefined) return false;
  for (const argument of instruction.arguments) {
    const value = evaluate(ctx, state, argument);
    if (value.tag !== undefined) return false;
    for (const r of value.references) {
      if (r.kind === 'descriptor') return false;
      if (r.kind !== 'location') continue;
      for (const cell of state.memory.cellsOf(r.location.base).values.values()) {
        if (cell.tag !== undefined || cell.references.some((c) => c.kind === 'descriptor')) return false;
      }
    }
  }
  return true;
}

function bindArguments(ctx: Context, state: State, instruction: CallInstruction, body: FunctionBody): void {
  const stores: (() => void)[] = [];
  for (const [i, parameter] of body.parameters.entries()) {
    const argument = instruction.arguments[i];
    const to = { base: variableBase(parameter), path: '' };
    if (parameter.name === REST) {
      const further = instruction.arguments.slice(i).map((a) => evaluate(ctx, state, a));
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
        });
        continue;
      }
    }
    const value = evaluate(ctx, state, argument);
    keepDisguised(ctx, state, argument, argument.span);
    stores.push(() => {
      state.memory.deleteBase(to.base);
      state.memory.store(to, value);
    });
  }
  for (const extra of instruction.arguments.slice(body.parameters.length)) evaluate(ctx, state, extra);
  for (const store of stores) store();
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
