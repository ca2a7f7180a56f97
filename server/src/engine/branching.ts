/**
 * Branches and switches: which targets a state can go to and what it knows there, what a test of a message's event
 * says, and paths of events that cannot come, followed only to see whether the code acts on them.
 */
import type { BasicBlock, Expr, FunctionBody, Place, Terminator } from '../ir/ir.ts';
import { successors } from '../ir/simplify.ts';
import { visitExpr } from '../ir/visit.ts';
import { type Span, sameSpan } from '../text/span.ts';
import { EVENTS_BY_VALUE, FORK_EVENT } from '../uffd/events.ts';
import { FORK_FIELD, matches } from './cells.ts';
import type { Context } from './context.ts';
import { endBatch } from './countdown.ts';
import { dominates } from './dominators.ts';
import { leaveEmptied } from './emptied.ts';
import { evaluate, evaluateCondition, type Operands, operandsOf, placeLocations, placeOf } from './evaluate.ts';
import { isUnnamed } from './object-names.ts';
import { recognise, refusalsIn, swallow } from './observe.ts';
import { assume, assumeValue } from './refine.ts';
import type { Hypothesis, State } from './state.ts';
import type { Uffd } from './userfaultfd.ts';
import {
  type AbstractNumber,
  asConstant,
  constant,
  contains,
  type MessageTag,
  oneOf,
  UNKNOWN,
  type Value,
  withTag,
} from './value.ts';

type Branch = Terminator & { readonly kind: 'branch' };
type Switch = Terminator & { readonly kind: 'switch' };

/** Where a state can go from the end of a block. */
export interface Ways {
  enter(target: number, state: State): void;
  /** To a block of the body as it is written, with a message of an event that it cannot have. */
  suppose(target: number, state: State): void;
}

/** The body as it is written, and how the block ends there. */
function asWritten<T extends Branch | Switch>(body: FunctionBody, terminator: T): { body: FunctionBody; written: T } {
  const { whole } = body;
  if (whole === undefined || terminator.origin === undefined) return { body, written: terminator };
  return { body: whole, written: whole.blocks[terminator.origin]!.terminator as T };
}

export function branch(ctx: Context, state: State, terminator: Branch, block: number, { enter, suppose }: Ways): void {
  const { condition } = terminator;
  for (const id of refusalsIn(state, condition)) state.update(id, { refusalTested: true });
  const { written } = asWritten(ctx.body, terminator);
  const operands = operandsOf(ctx, state, condition);
  const comparison = operands?.of === condition ? operands : undefined;
  const unlikely = hypothesisOf(ctx, state, written, comparison);
  const asked = eventsAskedOf(ctx, state, condition);
  const value = evaluateCondition(ctx, state, condition, operands);
  const whenTrue = state.clone();
  const whenFalse = state;
  const evaluated = { condition, value, operands };
  const canBeTrue = assumeValue(ctx, whenTrue, evaluated, true);
  const canBeFalse = assumeValue(ctx, whenFalse, evaluated, false);
  // The event is known, and what it is compared with is not: which way its message goes is not known either.
  if (canBeTrue && canBeFalse)
    for (const child of asked) for (const s of [whenTrue, whenFalse]) s.update(child, { escaped: true });
  const isEnd = comparison !== undefined && asksForEnd(comparison);
  if (isEnd) leaveUntold(comparison.of.op === '==' ? whenTrue : whenFalse);
  // A child is lost on some paths alone: which of them it is has to be seen.
  if (canBeTrue && canBeFalse && leadsToLoss(ctx, state, block)) {
    whenTrue.step('branch', condition.span, 'the test holds here');
    whenFalse.step('branch', condition.span, 'the test does not hold here');
  }
  const test = eventTestOf(comparison);
  const isEqual = test?.equal === 'true' ? whenTrue : whenFalse;
  const target = test?.equal === 'true' ? terminator.whenTrue : terminator.whenFalse;
  if (state.hypothesis !== undefined)
    tellEvent(ctx, isEqual, test?.event, { span: condition.span, region: undefined, target });
  if (test !== undefined && test.event === FORK_EVENT) leaveEmptyArm(ctx.body, written, isEqual, test);
  if (canBeTrue) {
    if (comparison?.of.op === '==') requestedEvent(ctx, whenTrue, comparison);
    endBatch(whenTrue, ctx.body, block, terminator.whenTrue);
    leaveEmptied(ctx, whenTrue, block, terminator.whenTrue);
    enter(terminator.whenTrue, whenTrue);
  } else if (unlikely?.side === 'true') {
    suppose(written.whenTrue, unlikely.state);
  }
  if (canBeFalse) {
    if (comparison?.of.op === '!=') requestedEvent(ctx, whenFalse, comparison);
    endBatch(whenFalse, ctx.body, block, terminator.whenFalse);
    leaveEmptied(ctx, whenFalse, block, terminator.whenFalse);
    enter(terminator.whenFalse, whenFalse);
  } else if (unlikely?.side === 'false') {
    suppose(written.whenFalse, unlikely.state);
  }
}

/** `if (event == FORK) continue;`: a test behind which nothing is done is no more than an empty case. */
function leaveEmptyArm(body: FunctionBody, { condition, ...ways }: Branch, state: State, test: EventTest): void {
  const child = test.tagged.tag?.child;
  const told = child === undefined ? undefined : state.objects.get(child)?.duty?.recognised;
  if (child === undefined || told === undefined || !sameSpan(told, condition.span)) return;
  const whole = body.whole ?? body;
  const next = follow(whole, test.equal === 'true' ? ways.whenTrue : ways.whenFalse);
  const into = whole.blocks.filter((b) =>
    successors(b.terminator).some((s) => s === next || follow(whole, s) === next),
  );
  // Code of its own, whatever that does.
  if (into.filter((b) => !isEmpty(b)).length === 1) return;
  state.updateDuty(child, { recognised: undefined });
  if (state.trace?.step.kind === 'event') state.trace = state.trace.previous;
  swallow(state, child, condition.span);
}

/**
 * The test lies on the way to the loss of a child. Where its message passed as something else the fault is made, and
 * where the code for FORK was left with the child in the message alone it is lost.
 */
function leadsToLoss(ctx: Context, state: State, block: number): boolean {
  for (const { id, duty, escaped } of state.objects.values()) {
    if (duty === undefined || escaped) continue;
    const { recognised, swallowed } = duty;
    if (recognised === undefined ? swallowed === undefined : isUnderTest(ctx.body, recognised, block) !== false)
      return true;
    if (recognised !== undefined && state.heldOutsideMessages().has(id)) return true;
  }
  return false;
}

/**
 * The block runs only for a message that was told to be FORK: a return there is an early one. Undefined where the test
 * that told it is not in this body.
 */
export function isUnderTest(body: FunctionBody, recognised: Span | undefined, block: number): boolean | undefined {
  if (recognised === undefined) return undefined;
  for (const { terminator } of body.blocks) {
    if (terminator.kind === 'branch' && sameSpan(terminator.condition.span, recognised)) {
      const negated = terminator.condition.kind === 'binary' && terminator.condition.op === '!=';
      return dominates(body, negated ? terminator.whenFalse : terminator.whenTrue, block);
    }
    const found = terminator.kind === 'switch' ? terminator.cases.find((c) => sameSpan(c.span, recognised)) : undefined;
    if (found !== undefined) return dominates(body, found.target, block);
  }
  return undefined;
}

/** The greatest unsigned int, which programs use for no number at all. */
const GREATEST = 2 ** 32 - 1;

/** `n == (size_t)-1`, where what is known of `n` is a range: what counts has no end there, and does not come that far. */
function asksForEnd({ of, left, right }: Operands): boolean {
  if (of.op !== '==' && of.op !== '!=') return false;
  const [end, number] =
    asConstant(right) === undefined ? [asConstant(left), right.number] : [asConstant(right), left.number];
  return end !== undefined && end >= GREATEST && number !== undefined && number.set === undefined;
}

/** Nothing is claimed here of messages at which nobody looked so far. */
function leaveUntold(state: State): void {
  for (const { id, duty } of state.objects.values())
    if (duty !== undefined && duty.recognised === undefined) state.update(id, { escaped: true });
}

/** Children of FORK messages that nobody told apart yet and whose event stands in the condition. */
function eventsAskedOf(ctx: Context, state: State, condition: Expr): string[] {
  const found: string[] = [];
  for (const o of state.objects.values()) if (o.duty !== undefined && o.duty.recognised === undefined) found.push(o.id);
  if (found.length === 0) return found;
  const asked = new Set<string>();
  visitExpr(condition, {
    expr: (e) => {
      if (e.kind !== 'load' || e.place.type.kind === 'record') return;
      const { tag } = evaluate(ctx, state, e);
      if (tag?.part === 'event' && tag.child !== undefined) asked.add(tag.child);
      else for (const child of childrenOfAny(ctx, state, e.place)) asked.add(child);
    },
    place: () => {},
  });
  return found.filter((id) => asked.has(id));
}

/** Children of messages of which one is looked at, and it is not known which. */
function childrenOfAny(ctx: Context, state: State, place: Place): string[] {
  const found = new Set<string | undefined>();
  for (const { base, path } of placeLocations(ctx, state, place)) {
    if (!path.includes('[*]') || !path.endsWith('.event')) continue;
    for (const [key, { tag }] of state.memory.cellsOf(base).values) if (matches(key, path)) found.add(tag?.child);
  }
  return found.size < 2 ? [] : [...found].filter((child) => child !== undefined);
}

/** A way that no message can take, and the state in which one takes it after all. */
interface Supposed {
  readonly side: 'true' | 'false';
  readonly state: State;
}

/**
 * For `event == X` where the source never requested X's feature: the message is X after all. Where it can only be X: it
 * is one of those that were not requested, and the code behind the test may ask which.
 */
function hypothesisOf(
  ctx: Context,
  state: State,
  terminator: Branch,
  comparison: Operands | undefined,
): Supposed | undefined {
  const test = eventTestOf(comparison);
  if (test === undefined) return undefined;
  const { tagged, number, place, equal, other } = test;
  const isEvent = tagged.number !== undefined && contains(tagged.number, number);
  const side = isEvent ? other : equal;
  const target = side === 'true' ? terminator.whenTrue : terminator.whenFalse;
  const under = { span: terminator.condition.span, region: undefined, target };
  const supposed = isEvent
    ? anyUnrequestedEvent(ctx, state, tagged, place, under)
    : unrequestedEvent(ctx, state, tagged, number, place, under);
  return supposed === undefined ? undefined : { side, state: supposed };
}

interface EventTest {
  readonly tagged: Value;
  /** What it is compared with, and the event that this is. */
  readonly number: number;
  readonly event: number;
  readonly place: Place | undefined;
  /** The way on which the message has the event, and the other one. */
  readonly equal: 'true' | 'false';
  readonly other: 'true' | 'false';
}

/** `event == X`, or `!=`, of a message. */
function eventTestOf(comparison: Operands | undefined): EventTest | undefined {
  if (comparison === undefined || (comparison.of.op !== '==' && comparison.of.op !== '!=')) return undefined;
  const { of: condition, left, right } = comparison;
  if (left.tag === undefined && right.tag === undefined) return undefined;
  const tagged = left.tag !== undefined ? left : right;
  const number = asConstant(tagged === left ? right : left);
  if (number === undefined) return undefined;
  const event = eventOf(tagged.tag, number);
  const place = placeOf(tagged === left ? condition.left : condition.right);
  const isEqual = condition.op === '==';
  return { tagged, number, event, place, equal: isEqual ? 'true' : 'false', other: isEqual ? 'false' : 'true' };
}

/** The event for which the program has that number. */
function eventOf(tag: MessageTag | undefined, number: number): number {
  return number - (tag?.offset ?? 0);
}

/** The code that only a message of the event that is supposed comes to. */
interface Under {
  readonly span: Span;
  readonly region: Span | undefined;
  readonly target: number | undefined;
}

function unrequestedEvent(
  ctx: Context,
  state: State,
  tagged: Value,
  number: number,
  place: Place | undefined,
  under: Under,
): State | undefined {
  const source = sourceOf(state, tagged);
  if (source === undefined || tagged.number === undefined || contains(tagged.number, number)) return undefined;
  const feature = unrequestedFeature(source, eventOf(tagged.tag, number));
  return feature === undefined
    ? undefined
    : suppose(ctx, state, tagged, constant(number), place, source, under, feature);
}

/** The message has an event that was not requested, and may be asked which. */
function anyUnrequestedEvent(
  ctx: Context,
  state: State,
  tagged: Value,
  place: Place | undefined,
  under: Under,
): State | undefined {
  const source = sourceOf(state, tagged);
  if (source === undefined || tagged.number?.set?.length !== 1) return undefined;
  const events = [...EVENTS_BY_VALUE.keys()].filter((e) => unrequestedFeature(source, e) !== undefined);
  if (events.length === 0) return undefined;
  const numbers = events.map((event) => event + (tagged.tag?.offset ?? 0));
  return suppose(ctx, state, tagged, oneOf(...numbers), place, source, under, undefined);
}

/** The userfaultfd that a message without a child came from, where its features are known. */
function sourceOf(state: State, { tag }: Value): Uffd | undefined {
  if (tag?.part !== 'event' || tag.child !== undefined || state.hypothesis !== undefined) return undefined;
  const source = state.objects.get(tag.source);
  return source === undefined || source.handshake !== 'enabled' || source.features.unknown ? undefined : source;
}

/** The feature that the event needs, where the source surely did not request it. */
function unrequestedFeature({ features }: Uffd, event: number): string | undefined {
  const row = EVENTS_BY_VALUE.get(event);
  if (row?.featureBit === undefined || (features.may & row.featureBit) !== 0n) return undefined;
  return row.featureName;
}

function suppose(
  ctx: Context,
  state: State,
  { tag }: Value,
  event: Value,
  place: Place | undefined,
  source: Uffd,
  under: Under,
  feature: string | undefined,
): State {
  const supposed = state.clone();
  const location = place === undefined ? undefined : placeLocations(ctx, supposed, place)[0];
  if (location !== undefined) {
    supposed.memory.store(location, withTag(event, tag));
    const at = location.path.lastIndexOf('.event');
    if (at >= 0) supposed.memory.store({ base: location.base, path: location.path.slice(0, at) + FORK_FIELD }, UNKNOWN);
  }
  const { span, region, target } = under;
  const { id } = ctx.body;
  supposed.hypothesis = { span, feature, source: source.id, answered: false, functionId: id, region, target };
  return supposed;
}

/** Of a message that has some event that was not requested this test tells which. */
function tellEvent(ctx: Context, state: State, event: number | undefined, under: Under): void {
  const { hypothesis } = state;
  if (hypothesis === undefined || hypothesis.feature !== undefined || event === undefined) return;
  const source = state.objects.get(hypothesis.source);
  const feature = source === undefined ? undefined : unrequestedFeature(source, event);
  if (feature !== undefined) state.hypothesis = { ...hypothesis, ...under, feature, functionId: ctx.body.id };
}

/** The path is over when its question is answered, and when it leaves the code that is under the test. */
export function hasLeft(hypothesis: Hypothesis, body: FunctionBody, target: number): boolean {
  if (hypothesis.answered) return true;
  if (hypothesis.functionId !== body.id) return false;
  if (hypothesis.target !== undefined) return !dominates(body, hypothesis.target, target);
  const { region } = hypothesis;
  const first = body.blocks[target]!.instructions.find((i) => i.kind !== 'end-scope' && i.kind !== 'declare');
  if (region === undefined || first === undefined || first.span.file !== region.file) return false;
  return first.span.start < region.start || first.span.start >= region.end;
}

/** The same test, reached by a message whose source requested the feature. */
function requestedEvent(ctx: Context, state: State, { of, left, right }: Operands): void {
  if (state.hypothesis !== undefined) return;
  const tag = left.tag ?? right.tag;
  if (tag?.part === 'event') noteRequested(ctx, tag, asConstant(tag === left.tag ? right : left), of.span);
}

/** `number`: that of the event that the code there is for; undefined where it is for several. */
function noteRequested(ctx: Context, tag: MessageTag, number: number | undefined, span: Span): void {
  const row = number === undefined ? undefined : EVENTS_BY_VALUE.get(eventOf(tag, number));
  // That comes whatever is requested, and may stand in one place with others, where a macro makes the cases.
  if (row !== undefined && row.featureName === undefined) return;
  // What is not known of it says nothing of one that is.
  if (isUnnamed(tag.source)) return;
  ctx.facts.emit({
    kind: 'requested-feature',
    feature: row?.featureName,
    span,
    function: ctx.body.name,
    trace: [],
    through: [],
    quarantined: false,
    object: tag.source,
  });
}

export function switchOver(ctx: Context, state: State, terminator: Switch, { enter, suppose }: Ways): void {
  const { body, written } = asWritten(ctx.body, terminator);
  const value = evaluate(ctx, state, terminator.value);
  const place = placeOf(terminator.value);
  const tag = value.tag?.part === 'event' ? value.tag : undefined;
  if (tag === undefined && place !== undefined)
    for (const child of childrenOfAny(ctx, state, place)) state.update(child, { escaped: true });
  const rest = state.clone();
  let restPossible = true;
  /** Values that no case had so far, where all are known. */
  let left = value.any || value.references.length > 0 ? undefined : value.number?.set;
  // A computed goto: what a label stands for may not be known, but the event was looked at.
  const computed = terminator.bodySpan === undefined;
  for (const [index, c] of terminator.cases.entries()) {
    const low = asConstant(evaluate(ctx, state, c.low));
    const high = asConstant(evaluate(ctx, state, c.high));
    if (low === undefined || high === undefined) {
      const taken = state.clone();
      if (computed && tag?.child !== undefined) {
        recognise(taken, tag.child, terminator.span);
        recognise(rest, tag.child, terminator.span);
      }
      enter(c.target, taken);
      continue;
    }
    const n = value.number;
    const possible = value.any || (n !== undefined && overlaps(n, low, high));
    if (!possible) {
      const target = computed ? written.cases[index]!.target : undefined;
      const under = { span: c.span, region: terminator.bodySpan, target };
      const event = low === high ? unrequestedEvent(ctx, state, value, low, place, under) : undefined;
      if (event !== undefined && !isEmptyArm(written, index, body)) suppose(written.cases[index]!.target, event);
      continue;
    }
    const taken = state.clone();
    const equal = { kind: 'constant', value: BigInt(low), span: c.span } as const;
    if (place !== undefined && low === high) {
      const location = placeLocations(ctx, taken, place);
      if (location.length === 1 && taken.memory.isStrong(location[0]!) && !value.any) {
        taken.memory.store(location[0]!, withTag(constant(low), value.tag));
      } else if (value.any && location.length === 1) {
        assume(ctx, taken, { kind: 'binary', op: '==', left: terminator.value, right: equal, span: c.span }, true);
      }
    }
    if (low === high && !isEmptyArm(written, index, body)) {
      const target = computed ? c.target : undefined;
      tellEvent(ctx, taken, tag === undefined ? undefined : eventOf(tag, low), {
        span: c.span,
        region: terminator.bodySpan,
        target,
      });
    }
    if (tag !== undefined) {
      if (tag.child !== undefined) {
        const told = low === high && !isEmptyArm(written, index, body) && !isGrouped(written, index, body);
        if (told) recognise(taken, tag.child, c.span);
        else swallow(taken, tag.child, terminator.span);
      } else if (state.hypothesis === undefined) {
        noteRequested(ctx, tag, low === high ? low : undefined, c.span);
      }
      if (tag.child !== undefined) noteRequested(ctx, tag, FORK_EVENT + tag.offset, c.span);
    }
    enter(c.target, taken);
    left = left?.filter((v) => v < low || v > high);
    if (left?.length === 0) restPossible = false;
    if (restPossible && low === high) {
      restPossible = assume(
        ctx,
        rest,
        { kind: 'binary', op: '!=', left: terminator.value, right: equal, span: terminator.span },
        true,
      );
    } else if (!value.any && n !== undefined && n.low >= low && n.high <= high) restPossible = false;
  }
  if (!restPossible) return;
  if (tag?.child !== undefined) swallow(rest, tag.child, terminator.span);
  enter(terminator.otherwise, rest);
}

function overlaps(n: AbstractNumber, low: number, high: number): boolean {
  if (n.set !== undefined) return n.set.some((v) => low <= v && v <= high);
  return n.low <= high && low <= n.high;
}

/** Text between this label and the next one that contains an instruction with an effect. */
function isEmptyArm(terminator: Switch, index: number, body: FunctionBody): boolean {
  const own = terminator.cases[index]!;
  // A macro's labels and its code stand in one place: what lies between them in the text says nothing.
  const isOfMacro =
    hasEffect(body, own.span.start, own.span.end) ||
    terminator.cases.some((c) => c.target !== own.target && c.span.start === own.span.start);
  if (isOfMacro) return !isOwnCode(body, terminator, follow(body, own.target));
  const start = own.span.end;
  return !hasEffect(body, start, nextLabel(terminator, start));
}

/** Control comes to the block from the labels of the switch alone: not from behind other ones, nor past all of them. */
function isOwnCode(body: FunctionBody, terminator: Switch, block: number): boolean {
  if (follow(body, terminator.otherwise) === block) return false;
  const from = new Set([block]);
  for (const to of from)
    for (const { id, terminator: last } of body.blocks) {
      if (last === terminator || !successors(last).includes(to)) continue;
      if (follow(body, id) !== block) return false;
      from.add(id);
    }
  return true;
}

function nextLabel(terminator: Switch, after: number): number {
  const starts = terminator.cases.map((c) => c.span.start);
  if (terminator.defaultSpan !== undefined) starts.push(terminator.defaultSpan.start);
  const later = starts.filter((s) => s >= after);
  const end = terminator.bodySpan?.end ?? Infinity;
  return later.length === 0 ? end : Math.min(end, ...later);
}

/** The label before this one has nothing of its own and falls into this one: `case A: case FORK:`. */
function isGrouped(terminator: Switch, index: number, body: FunctionBody): boolean {
  const own = terminator.cases[index]!;
  // Two events of a computed goto with one label.
  if (terminator.cases.some((c) => c !== own && c.span.start === own.span.start && c.target === own.target))
    return true;
  const labels = [...terminator.cases.map((c) => ({ span: c.span, target: c.target }))];
  if (terminator.defaultSpan !== undefined) labels.push({ span: terminator.defaultSpan, target: terminator.otherwise });
  let previous: { span: Span; target: number } | undefined;
  for (const l of labels) {
    if (l.span.end <= own.span.start && (previous === undefined || l.span.start > previous.span.start)) previous = l;
  }
  if (previous === undefined || hasEffect(body, previous.span.end, own.span.start)) return false;
  return follow(body, previous.target) === follow(body, own.target);
}

function follow(body: FunctionBody, target: number): number {
  const seen = new Set<number>();
  for (let at = target; !seen.has(at); ) {
    seen.add(at);
    const block = body.blocks[at]!;
    if (block.terminator.kind !== 'goto' || !isEmpty(block)) return at;
    at = block.terminator.target;
  }
  return target;
}

/** Nothing is done there but what leads on. */
function isEmpty({ instructions, terminator }: BasicBlock): boolean {
  return terminator.kind === 'goto' && instructions.every((i) => i.kind === 'end-scope' || i.kind === 'declare');
}

function hasEffect(body: FunctionBody, start: number, end: number): boolean {
  for (const block of body.blocks) {
    for (const i of block.instructions) {
      if (i.kind === 'end-scope' || i.kind === 'declare') continue;
      if (start <= i.span.start && i.span.start < end) return true;
    }
    const t = block.terminator;
    if (t.kind === 'return' && t.explicit && start <= t.span.start && t.span.start < end) return true;
  }
  return false;
}
