/** Calls of functions that the program does not show: what they may have done, and what their answers leave open. */
import type { Expr, FunctionBody, Variable } from '../ir/ir.ts';
import { libraryFunction } from '../libc/effects.ts';
import { type CallInstruction, forget, mayFail, setResult } from './call.ts';
import { type Context, eventBase, spanId } from './context.ts';
import { evaluate } from './evaluate.ts';
import { letEscape, noteAct, noteChildUse, noteGoesOn, recognise, refusalsIn } from './observe.ts';
import type { State } from './state.ts';
import { unsurePointer, type Value } from './value.ts';

/** A function without a body here: what it is given escapes; its value is unknown. */
export function unknownCall(ctx: Context, state: State, instruction: CallInstruction, name: string | undefined): State {
  mayFail(state);
  if (name !== undefined && isReport(instruction, name)) {
    for (const a of instruction.arguments) evaluate(ctx, state, a, { printing: true });
    leaveDecision(state, instruction, name);
    return state;
  }
  const values = instruction.arguments.map((a) => evaluate(ctx, state, a));
  // What is given neither memory nor a descriptor may only say that the event came: fatal("unexpected %d", msg.event).
  if (state.hypothesis !== undefined && values.some(leadsSomewhere)) noteAct(ctx, state);
  if (state.childOf !== undefined) noteChildUse(ctx, state, instruction.span);
  // Who is told a number and is asked nothing decides nothing about the message.
  const isTold = instruction.result === undefined && !values.some(leadsSomewhere);
  for (const { tag } of values) {
    if (tag?.part !== 'event' || tag.child === undefined || isTold) continue;
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

function leadsSomewhere({ references }: Value): boolean {
  return references.some((r) => r.kind !== 'location' || !r.location.base.startsWith('string:'));
}

/** What a function that is not shown returns: a number, a descriptor, or a pointer to memory that others see too. */
function elsewhere(instruction: CallInstruction): Value {
  const location = { base: `outside:${spanId(instruction.span)}`, path: '[0]' };
  return unsurePointer(location);
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

/** Names that say that the function only tells of something, or that it may end the program. */
const TELLS = /log|print|warn|debug|dbg|info|trace|perror|msg|note|report/i;
const ENDS = /exit|die|fatal|abort|panic|fail|bail|assert|check|expect|(?<!de)bug/i;

/**
 * A function that is not shown may end the program: `CHECK(ret == 0)` sees the result of a failed handshake, and
 * `bail_out()` is called where it was tested.
 */
function leaveDecision(state: State, instruction: CallInstruction, name: string | undefined): void {
  for (const argument of instruction.arguments) {
    for (const id of refusalsIn(state, argument)) leaveHandshake(state, id);
  }
  for (const o of state.objects.values())
    if (o.handshake === 'failed' && o.refusalTested && !onlyTells(name)) leaveHandshake(state, o.id);
}

function onlyTells(name: string | undefined): boolean {
  return name !== undefined && TELLS.test(name) && !ENDS.test(name);
}

/** Whether the program goes on where the handshake failed is not known, and no feature is missed where it does. */
function leaveHandshake(state: State, id: string): void {
  const object = state.objects.get(id);
  if (object !== undefined) state.update(id, { handshake: 'unknown', features: { ...object.features, unknown: true } });
}
