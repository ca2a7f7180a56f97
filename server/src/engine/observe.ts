/**
 * What evaluation notices on its way: uses of a message's union, the child's use of memory after fork(), and descriptors
 * that nobody holds any more.
 */
import type { Expr, Place } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import { FORK_EVENT } from '../uffd/events.ts';
import { FEATURES } from '../uffd/features.ts';
import { FORK_FIELD } from './cells.ts';
import { holdsAll, union, withoutMembers } from './collections.ts';
import { type Context, eventBase, spanId, variableBase } from './context.ts';
import type { ForkEvent, UnhandledForkEvent } from './events.ts';
import type { State } from './state.ts';
import type { ChildDuty, Uffd } from './userfaultfd.ts';
import { type Location, type MessageTag, objectsOf, referring, UNKNOWN, type Value } from './value.ts';

/**
 * The message is known to be FORK from here on, by a test of its event, because its `fork.ufd` is taken, or because
 * a table chose this handler.
 */
export function recognise(state: State, child: string, span: Span, handler?: string): void {
  const duty = state.objects.get(child)?.duty;
  if (duty !== undefined && duty.recognised === undefined) {
    state.updateDuty(child, { recognised: span, byTable: handler !== undefined });
    const how = handler === undefined ? 'the code tells it apart here' : `${handler}() is called for it here`;
    state.step('event', span, `the message is UFFD_EVENT_FORK and ${how}`);
  }
}

/** The message passes this test as something else, or what a table has for it leaves it alone. */
export function swallow(state: State, child: string, span: Span, table?: Pick<ChildDuty, 'entry'>): void {
  const duty = state.objects.get(child)?.duty;
  if (duty === undefined || duty.recognised !== undefined) return;
  state.updateDuty(child, { swallowed: span, byTable: table !== undefined, entry: table?.entry });
}

/** The union of a message was read. */
export function noteArgumentUse(
  ctx: Context,
  state: State,
  place: Place,
  locations: readonly Location[],
  value: Value,
): void {
  for (const r of value.references) {
    if (r.kind !== 'descriptor' || !locations.some((l) => l.path.endsWith(FORK_FIELD))) continue;
    recognise(state, r.object, place.span);
    // The handler that was chosen for it knows it from here on.
    const duty = state.objects.get(r.object)?.duty;
    if (duty?.recognised !== undefined && duty.byTable)
      state.updateDuty(r.object, { recognised: place.span, byTable: false });
    if (state.hypothesis !== undefined) noteAct(ctx, state);
  }
  for (const l of locations) {
    const at = l.path.lastIndexOf('.arg.');
    if (at < 0) continue;
    if (state.hypothesis !== undefined) noteAct(ctx, state);
    if (l.path.endsWith(FORK_FIELD)) continue;
    const head = l.path.slice(0, at);
    for (const r of state.memory.load({ base: l.base, path: head + FORK_FIELD })?.references ?? []) {
      if (r.kind !== 'descriptor') continue;
      const duty = state.objects.get(r.object)?.duty;
      if (duty !== undefined && duty.recognised === undefined && duty.firstUse === undefined) {
        state.updateDuty(r.object, { firstUse: place.span });
      }
    }
    if (l.path.endsWith('.feat.ptid')) {
      const tag = state.memory.load({ base: l.base, path: `${head}.event` })?.tag;
      if (tag !== undefined) noteFeatureUse(ctx, state, tag, THREAD_ID, place.span);
    }
  }
}

/** A message's bytes are taken one by one: what the code makes of them is not followed. */
export function noteBytesOf(state: State, locations: readonly Location[]): void {
  for (const { base } of locations)
    for (const head of ['', '[0]']) {
      const { tag } = state.memory.cellsOf(base).values.get(`${head}.event`) ?? UNKNOWN;
      if (tag?.child !== undefined) state.update(tag.child, { escaped: true });
    }
}

const THREAD_ID = FEATURES.find((f) => f.name === 'UFFD_FEATURE_THREAD_ID')!;

export function noteFeatureUse(
  ctx: Context,
  state: State,
  tag: MessageTag,
  feature: { readonly bit: bigint; readonly name: string },
  span: Span,
): void {
  const source = state.objects.get(tag.source);
  if (source === undefined || source.features.unknown || source.handshake !== 'enabled') return;
  if ((source.features.may & feature.bit) !== 0n) {
    ctx.facts.emit({ kind: 'requested-feature', feature: feature.name, ...eventBase(ctx, state, source.id, span) });
    return;
  }
  ctx.facts.emit({
    kind: 'unrequested-feature',
    feature: feature.name,
    handshakeSpan: source.handshakeSpan,
    ...eventBase(ctx, state, source.id, span),
  });
}

/** Code under an event that cannot come does something on purpose. */
export function noteAct(ctx: Context, state: State): void {
  const hypothesis = state.hypothesis;
  if (hypothesis?.feature === undefined || hypothesis.answered) return;
  state.hypothesis = { ...hypothesis, answered: true };
  const source = state.objects.get(hypothesis.source);
  ctx.facts.emit({
    kind: 'unrequested-feature',
    feature: hypothesis.feature,
    handshakeSpan: source?.handshakeSpan,
    ...eventBase(ctx, state, hypothesis.source, hypothesis.span),
  });
}

/** Nothing is claimed of children whose messages lie there and were not told apart: which is which is not followed. */
export function leaveMessagesIn(state: State, base: string, isMeant = (_duty: ChildDuty) => true): void {
  for (const [path, value] of state.memory.cellsOf(base).values) {
    if (!path.endsWith(FORK_FIELD)) continue;
    for (const id of objectsOf(value)) {
      const duty = state.objects.get(id)?.duty;
      if (duty?.recognised === undefined && duty !== undefined && isMeant(duty)) state.update(id, { escaped: true });
    }
  }
}

/** What a thread does there is not taken over by whoever joins it. */
export function noteDisarmed(ctx: Context, state: State, object: string, span: Span): void {
  if (ctx.thread) ctx.facts.emit({ kind: 'disarm', root: ctx.root, ...eventBase(ctx, state, object, span) });
}

/** The child of a fork() without EVENT_FORK reads or writes memory that may be the armed range. */
export function noteMemoryUse(
  ctx: Context,
  state: State,
  locations: readonly Location[],
  span: Span,
  access: 'read' | 'write' = 'read',
): void {
  const fork = state.childOf;
  if (fork === undefined) return;
  const { regions, writesOnly } = fork;
  const lie = (within: readonly string[]) =>
    locations.length === 0 ||
    locations.some(
      (l) =>
        within.includes(l.base) ||
        (within.includes('?') && !l.base.startsWith('var:') && !l.base.startsWith('string:')),
    );
  const others = regions.filter((r) => !writesOnly.includes(r));
  if (others.length > 0 && lie(others)) noteUse(ctx, state, fork, span, false);
  else if (access === 'write' && lie(writesOnly)) noteUse(ctx, state, fork, span, true);
}

/** It does what nobody sees: to memory of which only writes are caught that is no harm for sure. */
export function noteChildUse(ctx: Context, state: State, span: Span): void {
  const fork = state.childOf;
  if (fork === undefined || fork.regions.every((r) => fork.writesOnly.includes(r))) return;
  noteUse(ctx, state, fork, span, false);
}

function noteUse(ctx: Context, state: State, fork: ForkEvent, span: Span, writesOnly: boolean): void {
  state.childOf = undefined;
  const base = eventBase(ctx, state, fork.object, span);
  ctx.facts.emit({ kind: 'child-uses-memory', fork: fork.span, writesOnly, ...base });
}

/** Userfaultfds whose refused handshake an expression looks at the result of. */
export function refusalsIn(state: State, e: Expr, found: string[] = []): string[] {
  switch (e.kind) {
    case 'load': {
      const { base, path } = e.place;
      if (base.kind !== 'variable' || path.length > 0) return found;
      const tag = state.memory.load({ base: variableBase(base.variable), path: '' })?.tag;
      if (tag?.part === 'refusal') found.push(tag.source);
      return found;
    }
    case 'binary':
      refusalsIn(state, e.left, found);
      return refusalsIn(state, e.right, found);
    case 'unary':
    case 'cast':
      return refusalsIn(state, e.operand, found);
    default:
      return found;
  }
}

/** The path that took a refused handshake for a success goes on. */
export function noteGoesOn(ctx: Context, state: State): void {
  if (state.situation.refused === undefined) return;
  ctx.facts.emit(state.situation.refused.event);
  state.change({ refused: undefined });
  // Nothing comes this way: that was the defect, and what lies behind it is none.
  state.change({ cut: true });
}

/** How the last copy of a descriptor went away. */
export type Loss =
  | { readonly how: 'overwritten'; readonly span: Span }
  | { readonly how: 'returned'; readonly span: Span }
  | { readonly how: 'dropped' };

/** Reports those of the candidates that nothing holds any more and whose duty is open; they are not tracked further. */
export function checkLost(ctx: Context, state: State, candidates: Iterable<string>, loss: Loss): void {
  let held: Set<string> | undefined;
  for (const id of candidates) {
    const object = state.objects.get(id);
    if (object?.duty === undefined) continue;
    if (object.escaped || state.hypothesis !== undefined) {
      continue;
    }
    ctx.footprint.bound = true;
    held ??= state.held(ctx.inherited);
    if (held.has(id)) continue;
    reportLost(ctx, state, object, loss);
    state.turnover++;
    state.removeObject(id);
  }
}

function reportLost(ctx: Context, state: State, object: Uffd, loss: Loss): void {
  const duty = object.duty!;
  if (duty.recognised === undefined) {
    if (duty.batch && duty.isRequested && duty.swallowed === undefined && duty.firstUse === undefined) {
      const base = eventBase(ctx, state, object.id, duty.read);
      ctx.facts.emit({
        kind: 'lost-child',
        how: 'batch',
        root: ctx.root,
        readSpan: duty.read,
        given: duty.given,
        ...base,
      });
      return;
    }
    reportUnhandled(ctx, state, object);
    return;
  }
  const span = loss.how === 'dropped' ? (duty.droppedAt ?? duty.recognised) : loss.span;
  const how = loss.how === 'dropped' && duty.droppedAt !== undefined ? 'returned' : loss.how;
  ctx.facts.emit({
    kind: 'lost-child',
    how,
    root: ctx.root,
    readSpan: duty.read,
    given: duty.given,
    ...eventBase(ctx, state, object.id, span),
  });
}

function reportUnhandled(ctx: Context, state: State, object: Uffd): void {
  const duty = object.duty!;
  if (!duty.isRequested) return;
  const span = duty.swallowed ?? duty.firstUse ?? duty.read;
  ctx.facts.emit({
    kind: 'unhandled-fork',
    place: placeOfFault(duty),
    readSpan: duty.read,
    entry: duty.entry,
    ...eventBase(ctx, state, object.id, span),
  });
}

/** What it is that does not handle the event. */
function placeOfFault({ swallowed, byTable, firstUse }: ChildDuty): UnhandledForkEvent['place'] {
  if (swallowed === undefined) return firstUse === undefined ? 'read' : 'first-use';
  return byTable ? 'table' : 'swallowed';
}

/** exit(), abort(), return from main: descriptors go with the process, but a FORK message taken for another is one. */
export function processEnds(ctx: Context, state: State): void {
  if (state.hypothesis !== undefined || state.situation.process !== '') return;
  for (const object of state.objects.values()) {
    const duty = object.duty;
    if (duty === undefined || object.escaped || duty.recognised !== undefined || duty.swallowed === undefined) continue;
    reportUnhandled(ctx, state, object);
  }
}

/** Descriptors referred to by the cells of a base. */
export function descriptorsIn(state: State, base: string, isMeant: (path: string) => boolean = () => true): string[] {
  const found: string[] = [];
  for (const [path, value] of state.memory.cellsOf(base).values) {
    if (!isMeant(path)) continue;
    for (const r of value.references) if (r.kind === 'descriptor') found.push(r.object);
  }
  return found;
}

/** Everything reachable from the values may be kept by somebody the program does not show. */
export function letEscape(ctx: Context, state: State, values: Iterable<Value>, span: Span): void {
  const { bases, descriptors } = state.reach(values);
  // A local's storage ends with its function; what lies on the heap may be looked into at any time.
  const kept = new Set([...bases].filter((base) => base.startsWith('heap:')));
  if (!holdsAll(state.situation.kept, kept)) state.change({ kept: union(state.situation.kept, kept) });
  state.mine = withoutMembers(state.mine, bases);
  for (const id of descriptors) {
    const object = state.objects.get(id);
    if (object === undefined) continue;
    if (!object.escaped) {
      const { process } = state.situation;
      ctx.facts.emit({ kind: 'escape', root: ctx.root, process, ...eventBase(ctx, state, id, span) });
      state.update(id, { escaped: true });
    }
    if (object.duty !== undefined && object.duty.recognised === undefined) recognise(state, id, span);
    // Whoever has it now may close it: nothing is owed here any more.
    state.update(id, { duty: undefined });
  }
}

/** Another process gets a reference of its own: it may read, but what this one owes it still owes. */
export function share(ctx: Context, state: State, values: Iterable<Value>, span: Span): void {
  for (const object of state.reach(values).descriptors) {
    const duty = state.objects.get(object)?.duty;
    if (duty === undefined) letEscape(ctx, state, [referring(UNKNOWN, [{ kind: 'descriptor', object }])], span);
    else if (duty.recognised === undefined) recognise(state, object, span);
  }
}

export { FORK_EVENT, spanId };
