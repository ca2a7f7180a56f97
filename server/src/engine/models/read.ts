/**
 * read(2) on a userfaultfd: the outcomes of userfaultfd_ctx_read() and userfaultfd_read_iter().
 *
 * One state for failure; one for a message that is not FORK; where EVENT_FORK may be enabled one for a FORK message,
 * whose child descriptor is in the table from here on; and for a buffer of several messages one more in which the
 * FORK message is not the first.
 */
import type { CType } from '../../ir/ir.ts';
import type { Span } from '../../text/span.ts';
import { EVENTS, FORK_EVENT, FORK_FEATURE } from '../../uffd/events.ts';
import { overwriteBelow } from '../assign.ts';
import { type ModelCall, setResult } from '../call.ts';
import { FORK_FIELD } from '../cells.ts';
import { withEntry } from '../collections.ts';
import { type Context, eventBase, objectId, siteAt } from '../context.ts';
import { loadLocation, placeLocations, placeOf, pointees, typeOf } from '../evaluate.ts';
import { isUnnamed, olderId, previousId } from '../object-names.ts';
import { leaveMessagesIn } from '../observe.ts';
import type { State } from '../state.ts';
import { areSeveralMade, type Uffd } from '../userfaultfd.ts';
import {
  asConstant,
  constant,
  descriptor,
  interval,
  type Location,
  type MessageTag,
  numberSet,
  numeric,
  oneOf,
  TOP_NUMBER,
  UNKNOWN,
  type Value,
  withTag,
} from '../value.ts';
import { freshId, namedUffds, requireHandshake, unnamedUffd } from './descriptor.ts';
import { PLACED } from './memory.ts';

const MESSAGE_SIZE = 32;

export function readModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const buffer = instruction.arguments[1];
  const descriptorArgument = instruction.arguments[0];
  if (buffer === undefined || descriptorArgument === undefined) {
    setResult(ctx, state, instruction, UNKNOWN);
    return [state];
  }
  if (mayBeAnother(call)) {
    for (const r of call.values[0]!.references)
      if (r.kind === 'descriptor') noteReadOf(ctx, state, r.object, false, instruction.span);
    return readOther(call, state);
  }
  const typed = pointsToMessage(typeOf(buffer));
  const named = namedUffds(ctx, state, descriptorArgument, typed);
  if (named.length === 0) {
    if (isClosed(call.values[0])) return readClosed(call, state);
    // A mere number may be a userfaultfd's that was duplicated or received.
    return typed ? readMessages(call, state, unnamedUffd(state, instruction.span)) : readOther(call, state);
  }
  const results: State[] = [];
  for (const [i, n] of named.entries()) {
    const branch = i === named.length - 1 ? state : state.clone();
    requireHandshake(ctx, branch, n, call.name, { span: instruction.span, function: ctx.body.name });
    results.push(...readMessages(call, branch, branch.objects.get(n.object.id)!));
  }
  return results;
}

/** readv(): the event is read; which buffer holds the message is not followed, so nothing is said of its child. */
export function readvModel(call: ModelCall, state: State): State[] {
  for (const { object } of namedUffds(call.ctx, state, call.instruction.arguments[0]!, true))
    noteRead(call.ctx, state, object, call.instruction.span);
  setResult(call.ctx, state, call.instruction, numeric(TOP_NUMBER));
  return [state];
}

/**
 * The descriptor may be of another kind, and what is read is no message by its type: a loop over all descriptors of a
 * program told them apart by more than is followed.
 */
function mayBeAnother({ instruction, values }: ModelCall): boolean {
  const [descriptors] = values;
  if (descriptors === undefined || descriptors.references.length === 0) return false;
  // Zero is an empty slot, and what is negative none.
  const isAnother = descriptors.any || (descriptors.number?.high ?? 0) > 0;
  return isAnother && !pointsToMessage(typeOf(instruction.arguments[1]!));
}

function pointsToMessage(type: CType | undefined): boolean {
  if (type?.kind !== 'pointer') return false;
  let to = type.to;
  while (to.kind === 'array') to = to.of;
  return to.kind === 'record' ? to.tag === 'uffd_msg' : to.kind === 'unknown' && to.name.includes('uffd_msg');
}

/** All that the number was are userfaultfds that are no more. */
function isClosed(value: Value | undefined): boolean {
  if (value === undefined || value.any) return false;
  // An empty slot of a poll array.
  if (value.references.length === 0) return value.number !== undefined && value.number.high < 0;
  return value.references.some((r) => r.kind === 'descriptor');
}

/** EBADF. */
function readClosed(call: ModelCall, state: State): State[] {
  setResult(call.ctx, state, call.instruction, constant(-1));
  return [state];
}

/** A pipe, a socket, a file: unknown bytes. */
function readOther(call: ModelCall, state: State): State[] {
  for (const r of call.values[1]?.references ?? []) {
    if (r.kind !== 'location') continue;
    const whole = { base: r.location.base, path: r.location.path.replace(/\[0\]$/, '') };
    if (state.memory.isStrong(whole)) overwriteBelow(call.ctx, state, whole, undefined);
  }
  setResult(call.ctx, state, call.instruction, numeric(TOP_NUMBER));
  return [state];
}

function readMessages(call: ModelCall, state: State, object: Uffd): State[] {
  const { ctx, instruction } = call;
  const length = call.values[2] === undefined ? undefined : asConstant(call.values[2]);
  const [at, ...others] = pointees(ctx, state, instruction.arguments[1]!);
  noteRead(ctx, state, object, instruction.span);
  const failed = state.clone();
  setResult(ctx, failed, instruction, constant(-1));
  if (length !== undefined && length < MESSAGE_SIZE) return [failed];
  if (at === undefined) {
    setResult(ctx, state, instruction, oneOf(-1, MESSAGE_SIZE));
    return [state];
  }
  const batch =
    length === undefined
      ? call.values[2]?.number?.set === undefined && isArray(instruction.arguments[1]!)
      : length >= 2 * MESSAGE_SIZE;
  const head: Location = { base: at.base, path: at.path };
  forgetServed(failed, head);
  if (state.hypothesis !== undefined) {
    // The message that was followed ends here.
    return [];
  }
  // In one of several records: whether a test looks at this message or at another one is not known.
  const isOneOfSeveral = others.length > 0 || !state.memory.isStrong(head);
  if (isOneOfSeveral) leaveMessagesIn(state, at.base);
  clearMessages(ctx, state, head, batch);
  const results = [failed];
  const other = state.clone();
  const message = {
    events: otherEvents(object),
    tag: { part: 'event', source: object.id, child: undefined, site: instruction.span, offset: 0 },
  } as const;
  // Of one that nobody names any event may come, or none: what it requested is not known.
  if (isUnnamed(object.id)) overwriteBelow(ctx, other, head, undefined);
  else writeMessage(other, head, message);
  supposeMessage(failed, head, message);
  setResult(
    ctx,
    other,
    instruction,
    numeric(batch ? interval(MESSAGE_SIZE, length ?? Infinity) : numberSet([MESSAGE_SIZE])),
  );
  results.push(other);
  if (!canFork(object)) return results;
  const through = holderOf(ctx, state, call);
  if (batch) {
    const rest = state.clone();
    // The first may be FORK as well: its own child is followed in the state where it is the only one.
    writeMessage(rest, head, { ...message, events: [...message.events, FORK_EVENT].sort((a, b) => a - b) });
    const { child, source } = bearChild(ctx, rest, object, call, head, through, true);
    writeFork(rest, restOf(head), source, child, call);
    if (isOneOfSeveral) rest.update(child, { escaped: true });
    setResult(ctx, rest, instruction, numeric(interval(2 * MESSAGE_SIZE, length ?? Infinity)));
    results.push(rest);
  }
  const { child, source } = bearChild(ctx, state, object, call, head, through, false);
  writeFork(state, head, source, child, call);
  if (isOneOfSeveral) state.update(child, { escaped: true });
  setResult(
    ctx,
    state,
    instruction,
    numeric(batch ? interval(MESSAGE_SIZE, length ?? Infinity) : numberSet([MESSAGE_SIZE])),
  );
  results.push(state);
  return results;
}

/**
 * After a read that failed the buffer holds the message before. Where that is a FORK whose child was taken already,
 * it is served, and not taken for a new one when this outcome meets that of a read which succeeded.
 */
function forgetServed(state: State, head: Location): void {
  const at: Location = { base: head.base, path: head.path + FORK_FIELD };
  const children = (state.memory.load(at)?.references ?? []).flatMap((r) =>
    r.kind === 'descriptor' ? [r.object] : [],
  );
  if (children.length === 0 || !state.memory.isStrong(at)) return;
  const held = state.heldOutsideMessages();
  const served = children.every((id) => {
    const object = state.objects.get(id);
    return object?.duty === undefined || (object.duty.recognised !== undefined && held.has(id));
  });
  if (!served) return;
  state.memory.store(at, UNKNOWN);
  state.memory.store({ base: head.base, path: `${head.path}.event` }, UNKNOWN);
}

function isArray(buffer: import('../../ir/ir.ts').Expr): boolean {
  return buffer.kind === 'address' && buffer.place.path.some((e) => e.kind === 'index');
}

function noteRead(ctx: Context, state: State, object: Uffd, span: Span): void {
  if (object.waitedAt !== undefined) {
    ctx.facts.emit({ kind: 'wait-before-read', root: ctx.root, ...eventBase(ctx, state, object.id, object.waitedAt) });
  }
  noteReadOf(ctx, state, object.id, object.nonblocking === false, span);
  noteTurn(ctx, state, object, span);
}

/** Both wait, get a message of the same fork(), and are read by this thread in an order that may be the wrong one. */
function noteTurn(ctx: Context, state: State, object: Uffd, span: Span): void {
  if (!waitsForFork(object) || state.situation.process !== '' || state.hypothesis !== undefined) return;
  for (const [key, firstRead] of state.situation.waited) {
    const first = key.startsWith(READ) ? state.objects.get(key.slice(READ.length)) : undefined;
    if (first === undefined || first.id === object.id || !waitsForFork(first) || !mayLieAbove(first, object)) continue;
    ctx.facts.emit({
      kind: 'read-in-turn',
      root: ctx.root,
      first: first.id,
      firstRead,
      ...eventBase(ctx, state, object.id, span),
    });
  }
  if (areSeveralMade(state.objects))
    state.change({ waited: withEntry(state.situation.waited, `${READ}${object.id}`, siteAt(ctx, span)) });
}

const READ = 'read:';

function waitsForFork({ origin, nonblocking, armed, features }: Uffd): boolean {
  return origin === 'created' && nonblocking === false && armed.length > 0 && (features.may & FORK_FEATURE) !== 0n;
}

/** Nothing says that the first one's range lies below the other's. */
function mayLieAbove(first: Uffd, other: Uffd): boolean {
  const [a, b] = [first.armed[0]!, other.armed[0]!];
  if (first.armed.length > 1 || other.armed.length > 1) return false;
  if (a.region === b.region) return isStart(b.start) && a.start !== '?' && !isStart(a.start);
  return [a, b].every(({ region }) => /^(?:heap|map):/.test(region) && !region.startsWith(PLACED));
}

function isStart(path: string): boolean {
  return path === '' || path === '[0]';
}

/** poll() and its like: the thread knows which of several descriptors has a message. */
export function notePoll({ ctx, instruction: { span } }: ModelCall): void {
  // Of no state: it counts however it is reached.
  const base = { span, function: ctx.body.name, trace: [], through: [], quarantined: false, object: '' };
  ctx.facts.emit({ kind: 'poll', root: ctx.root, ...base });
}

function noteReadOf(ctx: Context, state: State, object: string, blocking: boolean, span: Span): void {
  ctx.facts.emit({
    kind: 'read',
    root: ctx.root,
    process: state.situation.process,
    waited: new Map(state.situation.waited),
    blocking,
    ...eventBase(ctx, state, object, span),
  });
}

function holderOf(ctx: Context, state: State, call: ModelCall): Location | undefined {
  const place = placeOf(call.instruction.arguments[0]!);
  return place === undefined ? undefined : placeLocations(ctx, state, place)[0];
}

/** Events that the source can deliver; not FORK where a child comes with it, which is followed apart. */
function otherEvents(object: Uffd): number[] {
  const { features } = object;
  const isApart = canFork(object);
  return EVENTS.filter(
    (e) =>
      !(isApart && e.value === FORK_EVENT) &&
      (e.featureBit === undefined || features.unknown || (features.may & e.featureBit) !== 0n),
  ).map((e) => e.value);
}

/** The event may have been requested; of a descriptor from elsewhere nobody here may know. */
function canFork({ origin, handshake, features }: Uffd): boolean {
  if ((features.may & FORK_FEATURE) !== 0n) return true;
  return origin === 'outside' && handshake === 'unknown' && features.unknown;
}

function restOf(head: Location): Location {
  const match = /^(.*)\[0\]$/s.exec(head.path);
  return { base: head.base, path: match === null ? `${head.path}[+]` : `${match[1]}[+]` };
}

function clearMessages(ctx: Context, state: State, head: Location, batch: boolean): void {
  overwriteBelow(ctx, state, head, undefined);
  if (batch) overwriteBelow(ctx, state, restOf(head), undefined);
}

interface Message {
  readonly events: readonly number[];
  readonly tag: MessageTag;
}

/**
 * A buffer that holds zeros, as a static one does from the start, holds no message. Where the outcomes of the read meet
 * between two tests of its result, the message is not to be forgotten for the zeros beside it.
 */
function supposeMessage(failed: State, at: Location, message: Message): void {
  const before = failed.memory.load({ base: at.base, path: `${at.path}.event` });
  if (before !== undefined && before.tag === undefined && asConstant(before) === 0) writeMessage(failed, at, message);
}

function writeMessage(state: State, at: Location, message: Message): void {
  state.memory.store({ base: at.base, path: `${at.path}.event` }, numeric(numberSet(message.events), message.tag));
}

function writeFork(state: State, at: Location, source: string, child: string, call: ModelCall): void {
  const tag: MessageTag = { part: 'event', source, child, site: call.instruction.span, offset: 0 };
  state.memory.store({ base: at.base, path: `${at.path}.event` }, withTag(constant(FORK_EVENT), tag));
  state.memory.store({ base: at.base, path: at.path + FORK_FIELD }, descriptor(child));
  state.memory.store({ base: at.base, path: `${at.path}.arg.pagefault.address` }, UNKNOWN);
}

function bearChild(
  ctx: Context,
  state: State,
  parent: Uffd,
  call: ModelCall,
  head: Location,
  through: Location | undefined,
  batch: boolean,
): { child: string; source: string } {
  const span = call.instruction.span;
  const id = freshId(state, objectId(ctx, 'child', span));
  state.turnover++;
  // A grandchild: its parent is a child that this read made before, and has just become an older one.
  const isPrevious = parent.id === id && state.objects.has(previousId(id));
  const isOlder = parent.id === id || parent.id === previousId(id);
  const source = isPrevious ? previousId(id) : isOlder ? olderId(id) : parent.id;
  state.putObject({
    id,
    origin: 'child',
    site: span,
    handshake: 'enabled',
    handshakeSpan: parent.handshakeSpan,
    handshakeFunction: parent.handshakeFunction,
    refusalTested: false,
    features: (isUnnamed(parent.id) ? ctx.facts.programFeatures : undefined) ?? parent.features,
    nonblocking: parent.nonblocking,
    // resolve_userfault_fork() passes the parent's O_NONBLOCK on and sets O_CLOEXEC: fs/userfaultfd.c.
    survivesExec: false,
    armed: [],
    escaped: false,
    process: 'child',
    duty: {
      read: span,
      recognised: undefined,
      swallowed: undefined,
      byTable: false,
      entry: undefined,
      firstUse: undefined,
      droppedAt: undefined,
      batch,
      source,
      through,
      into: head.path,
      isRequested: (parent.features.may & FORK_FEATURE) !== 0n,
      given: undefined,
    },
    waitedAt: undefined,
    replaced: undefined,
  });
  state.step(
    'read',
    span,
    batch
      ? 'read() returns several messages and one behind the first is UFFD_EVENT_FORK: its child descriptor is installed'
      : "read() returns UFFD_EVENT_FORK: the child's descriptor is now in this process's table",
  );
  return { child: id, source };
}

/** poll(): unknown results in the caller's array; the descriptors need a handshake. */
export function pollModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  notePoll(call);
  const first = call.values[0];
  for (const r of first?.references ?? []) {
    if (r.kind !== 'location') continue;
    const prefix = /^(.*)\[\d+\]$/s.exec(r.location.path)?.[1] ?? r.location.path;
    for (const [path, value] of state.memory.cellsOf(r.location.base).values) {
      if (!path.startsWith(prefix) || !path.endsWith('.fd') || value.references.length !== 1) continue;
      const fd = value.references[0]!;
      const object = fd.kind === 'descriptor' ? state.objects.get(fd.object) : undefined;
      if (object !== undefined)
        requireHandshake(ctx, state, { object, sure: true }, call.name, {
          span: instruction.span,
          function: ctx.body.name,
        });
    }
    forgetReturnedEvents(state, r.location);
  }
  setResult(ctx, state, instruction, numeric(interval(-1, Infinity)));
  return [state];
}

function forgetReturnedEvents(state: State, location: Location): void {
  const match = /^(.*)\[\d+\]$/s.exec(location.path);
  const base = location.base;
  const prefix = match === null ? location.path : match[1]!;
  for (const path of [...state.memory.cellsOf(base).values.keys()]) {
    if (path.startsWith(prefix) && path.endsWith('.revents')) state.memory.store({ base, path }, UNKNOWN);
  }
  const paths = new Set(
    [...state.memory.cellsOf(base).values.keys()]
      .filter((p) => p.startsWith(prefix))
      .map((p) => p.slice(0, p.lastIndexOf('.'))),
  );
  for (const p of paths) state.memory.store({ base, path: `${p}.revents` }, UNKNOWN);
}

/** select(): in the sets, which are bit fields, no descriptor can be followed. */
export function selectModel(call: ModelCall, state: State): State[] {
  notePoll(call);
  setResult(call.ctx, state, call.instruction, numeric(TOP_NUMBER));
  return [state];
}

export { loadLocation };
