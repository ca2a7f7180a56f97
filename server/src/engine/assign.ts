/** Stores, and what a store can lose: the last copy of a child descriptor, or the variable of the parent uffd. */
import type { Expr, FunctionBody, Instruction, Place } from '../ir/ir.ts';
import { successors } from '../ir/simplify.ts';
import { exprsOf } from '../ir/visit.ts';
import type { Span } from '../text/span.ts';
import { FORK_FIELD, isForkPlace } from './cells.ts';
import { type Context, eventBase, variableBase } from './context.ts';
import { descriptorsAt, evaluate, isPrivate, isRecord, notePointerUse, placeLocations, placeOf } from './evaluate.ts';
import { isTemporary, ZERO } from './memory.ts';
import { isUnnamed } from './object-names.ts';
import { checkLost, letEscape, noteAct, share } from './observe.ts';
import { locationKey, type State } from './state.ts';
import type { Replacement, Uffd } from './userfaultfd.ts';
import { join, type Location, objectsOf, type Value, withNumber } from './value.ts';

/** Copies a record over another one, whose descriptors may be lost. */
export function copyRecord(ctx: Context, state: State, from: Location, to: Location, span: Span): void {
  const taken = overwritten(state, to, (path) => !path.endsWith(FORK_FIELD));
  const inMessage = overwritten(state, to, (path) => path.endsWith(FORK_FIELD));
  if (isNowhere(to) || state.situation.kept.has(to.base)) {
    const copied = state.memory.below(from).map(([, value]) => value);
    letEscape(ctx, state, copied, span);
  }
  state.memory.copy(from, to);
  // A record that a call returned is this one now.
  if (isTemporary(from.base)) state.memory.deleteBase(from.base);
  checkLost(ctx, state, taken, { how: 'overwritten', span });
  // The next message in its place: the child of the last one was let go before.
  checkLost(ctx, state, inMessage, { how: 'dropped' });
}

export function assign(ctx: Context, state: State, target: Place, expr: Expr, span: Span): void {
  if (expr.kind === 'load' && (isRecord(target.type) || mayBeRecord(ctx, state, expr.place))) {
    const from = placeLocations(ctx, state, expr.place);
    const to = placeLocations(ctx, state, target);
    if (from.length === 1 && to.length === 1) {
      copyRecord(ctx, state, from[0]!, to[0]!, span);
      return;
    }
    // Each of several places may have it now.
    if (from.length === 1 && to.length > 1)
      for (const [suffix, member] of state.memory.below(from[0]!))
        storeTo(
          ctx,
          state,
          to.map(({ base, path }) => ({ base, path: path + suffix })),
          member,
          span,
        );
  }
  const value = evaluate(ctx, state, expr);
  keepDisguised(ctx, state, expr, span);
  noteNoNull(ctx, state, target);
  const locations = placeLocations(ctx, state, target);
  for (const e of target.path) if (e.kind === 'index') keepByNumber(ctx, state, e.index, span);
  notePointerUse(ctx, state, target, locations, span, 'write');
  if (
    state.hypothesis !== undefined &&
    !(
      target.base.kind === 'variable' &&
      target.base.variable.storage !== 'global' &&
      target.base.variable.storage !== 'static'
    )
  ) {
    noteAct(ctx, state);
  }
  storeTo(ctx, state, locations, value, span);
  deferMessages(ctx, state, locations, value);
}

/** A path on which there is a store behind a pointer does not have the null pointer there. */
function noteNoNull(ctx: Context, state: State, { base }: Place): void {
  const pointer = base.kind === 'deref' ? placeOf(base.pointer) : undefined;
  if (pointer === undefined) return;
  const at = placeLocations(ctx, state, pointer);
  const value = at.length === 1 && state.memory.isStrong(at[0]!) ? state.memory.load(at[0]!) : undefined;
  if (value === undefined || value.references.length === 0 || value.any || value.number === undefined) return;
  if (value.number.set?.length === 1 && value.number.low === 0)
    state.memory.store(at[0]!, withNumber(value, undefined));
}

/**
 * A message in allocated memory that is put into a list or a queue before anybody looked at its event: whoever takes it
 * out may, and which of the list's messages that is is not followed.
 */
function deferMessages(ctx: Context, state: State, locations: readonly Location[], value: Value): void {
  const isShared = ({ base }: Location) => base.startsWith('heap:') || ctx.program.global(base) !== undefined;
  if (!locations.some(isShared)) return;
  for (const r of value.references) {
    if (r.kind !== 'location' || !r.location.base.startsWith('heap:')) continue;
    if (locations.every((l) => l.base === r.location.base)) continue;
    for (const [path, { references }] of state.memory.cellsOf(r.location.base).values) {
      if (!path.endsWith(FORK_FIELD)) continue;
      for (const to of references) {
        const duty = to.kind === 'descriptor' ? state.objects.get(to.object)?.duty : undefined;
        if (to.kind === 'descriptor' && duty !== undefined && duty.recognised === undefined)
          state.update(to.object, { escaped: true });
      }
    }
  }
}

/** By its type, or where that is in a header that is not read, by what lies in it. */
function mayBeRecord(ctx: Context, state: State, place: Place): boolean {
  if (place.type.kind !== 'unknown') return isRecord(place.type);
  if (!place.path.some((e) => e.kind === 'field')) return false;
  return placeLocations(ctx, state, place).some((l) =>
    state.memory.below(l).some(([suffix]) => suffix.startsWith('.')),
  );
}

/**
 * `fd + 1`, `~fd`, `map | 1 << fd` or `&table[fd]`, stored or passed on: whoever has that has the descriptor, and what he makes
 * of it is not followed.
 */
export function keepDisguised(ctx: Context, state: State, expr: Expr, span: Span): void {
  if (expr.kind === 'cast') keepDisguised(ctx, state, expr.operand, span);
  if (expr.kind === 'address')
    for (const e of expr.place.path) if (e.kind === 'index') keepByNumber(ctx, state, e.index, span);
  if (expr.kind !== 'binary' && expr.kind !== 'unary') return;
  for (const operand of expr.kind === 'unary' ? [expr.operand] : [expr.left, expr.right]) {
    keepDisguised(ctx, state, operand, span);
    // What is joined with other bits is followed: it can be cut out again.
    if (!DISGUISES.has(expr.op)) continue;
    const value = evaluate(ctx, state, operand);
    const owed = value.references.some(
      (r) => r.kind === 'descriptor' && state.objects.get(r.object)?.duty !== undefined,
    );
    if (owed) letEscape(ctx, state, [value], span);
  }
}

const DISGUISES: ReadonlySet<string> = new Set(['+', '-', '<<', '*', '^', '~']);

/** `table[fd].used = 1`: whoever walks the table finds the descriptor by its number. */
function keepByNumber(ctx: Context, state: State, index: Expr, span: Span): void {
  switch (index.kind) {
    case 'load': {
      const value = evaluate(ctx, state, index);
      if (value.references.some((r) => r.kind === 'descriptor')) letEscape(ctx, state, [value], span);
      return;
    }
    case 'unary':
    case 'cast':
      keepByNumber(ctx, state, index.operand, span);
      return;
    case 'binary':
      keepByNumber(ctx, state, index.left, span);
      keepByNumber(ctx, state, index.right, span);
      return;
    default:
      return;
  }
}

export function storeTo(ctx: Context, state: State, locations: readonly Location[], value: Value, span: Span): void {
  if (locations.length > 0 && locations.every(isControlData)) {
    share(ctx, state, [value], span);
    return;
  }
  if (value.references.length > 0 && locations.every((l) => isNowhere(l) || state.situation.kept.has(l.base)))
    letEscape(ctx, state, [value], span);
  if (locations.length === 1 && state.memory.isStrong(locations[0]!)) {
    strongStore(ctx, state, locations[0]!, value, span);
    return;
  }
  if (locations.length > 1 || locations.some((l) => state.memory.isSummary(l.base))) leaveUnfollowed(state, value);
  for (const location of locations) {
    const old = state.memory.load(location);
    // One of several places: it keeps its old value or takes the new one.
    if (old !== undefined && state.memory.isStrong(location)) state.memory.store(location, join(old, value));
    else state.memory.store(location, value);
    ctx.facts.noteStore(ctx.root, location, value, isAlone(ctx, state));
  }
}

/**
 * What lies in memory that one of several places leads to now, or one of several records that have one name: which of them
 * that is is not followed, so nothing is said of who holds it last.
 */
function leaveUnfollowed(state: State, value: Value): void {
  if (!value.references.some((r) => r.kind === 'location' && r.location.base.startsWith('heap:'))) return;
  for (const id of state.reach([value]).descriptors)
    if (state.objects.get(id)?.duty?.recognised !== undefined) state.update(id, { duty: undefined });
}

/** No thread of the root runs yet. */
export function isAlone(ctx: Context, state: State): boolean {
  return !ctx.thread && state.threads.size === 0 && !state.situation.unknownThreads;
}

/** What stands for the data of control messages begins with this. */
export const CONTROL_DATA = 'outside:control:';

/** What is stored there goes to another process, which gets a reference of its own. */
export function isControlData({ base }: Location): boolean {
  return base.startsWith(CONTROL_DATA);
}

/** Behind a pointer that some call returned: whoever gave it can see what is stored there. */
export function isNowhere(location: Location): boolean {
  return isUnnamed(location.base);
}

function strongStore(ctx: Context, state: State, location: Location, value: Value, span: Span): void {
  const lost = descriptorsAt(ctx, state, location);
  ctx.facts.noteStore(ctx.root, location, value, isAlone(ctx, state));
  // A thread that looks there again finds what others may have counted meanwhile: loops learn that a turn earlier.
  const isShared = ctx.thread && value.references.length === 0 && !isPrivate(ctx, state, location.base);
  state.memory.store(location, (isShared ? ctx.facts.withOthers(ctx.root, location, value) : value) ?? value);
  if (lost.length === 0) return;
  checkParent(ctx, state, location, lost, value, span);
  // One of several: which of them it held is not known.
  if (lost.length > 1) return;
  checkLost(ctx, state, lost, isToldIn(state, lost[0]!, span) ? { how: 'dropped' } : { how: 'overwritten', span });
}

/** `event == FORK ? ufd : -1` told it from others: what held it is the value of that, and no variable that is assigned. */
function isToldIn({ objects }: State, child: string, { file, start, end }: Span): boolean {
  const told = objects.get(child)?.duty?.recognised;
  return told !== undefined && told.file === file && start <= told.start && told.end <= end;
}

/** `uffd = msg.arg.fork.ufd` over the variable that the message was read through. */
function checkParent(
  ctx: Context,
  state: State,
  location: Location,
  lost: readonly string[],
  value: Value,
  span: Span,
): void {
  if (lost.length !== 1 || value.references.length !== 1 || state.hypothesis !== undefined) return;
  // What a statement put together for itself is no variable of the parent's.
  if (isTemporary(location.base)) return;
  const parent = state.objects.get(lost[0]!);
  if (parent === undefined || parent.escaped) return;
  for (const r of value.references) {
    if (r.kind !== 'descriptor') continue;
    const child = state.objects.get(r.object);
    if (child?.duty === undefined || child.duty.source !== parent.id) continue;
    ctx.footprint.bound = true;
    const through = child.duty.through;
    const isSame = through !== undefined && locationKey(through) === locationKey(location);
    const direct = through !== undefined && (isSame || !state.memory.has(through.base));
    // A slot of a table that is filled anew in each round is not what the message was read through.
    if (!isSame && location.path.includes('[')) return;
    if (isSetAgain(ctx.body, location, span)) return;
    const replacement = { span, read: child.duty.read, inSlot: false };
    if (direct && !isHeldHere(ctx, state, parent)) {
      // A helper read it: from which of its copies is not known.
      if (!isSame && looksIntoSlots(ctx.body) && isInPollSlot(state, parent.id))
        state.update(parent.id, { replaced: { ...replacement, inSlot: true } });
      else reportReplaced(ctx, state, parent, replacement);
    } else if (direct && !isHeldHere(ctx, state, parent, ownBases(ctx.body))) {
      // `old = target; target = child;`: what becomes of it is seen where the function's own variables end.
      state.update(parent.id, { replaced: replacement });
    } else if (through !== undefined && !direct && ownBases(ctx.body).has(through.base)) {
      // Read through a copy that ends with this function, as those do that its callers handed on to it. What it came
      // from may lie behind a pointer that it has.
      const own = ownBases(ctx.body);
      const copies = new Set(own);
      for (const { caller } of ctx.calls) for (const base of ownBases(caller)) copies.add(base);
      const isElsewhere = isHeldHere(ctx, state, parent, copies, state.reach([], own).bases);
      const inSlot = isPollSlot(state, through.base, through.path);
      if (!isElsewhere) state.update(parent.id, { replaced: { ...replacement, inSlot } });
    }
    return;
  }
}

function reportReplaced(ctx: Context, state: State, parent: Uffd, { span, read }: Replacement): void {
  ctx.facts.emit({ kind: 'overwritten-parent', readSpan: read, ...eventBase(ctx, state, parent.id, span) });
  // One defect, one report: what becomes of the child in the wrong variable is part of it.
  state.removeObject(parent.id);
  for (const { id, duty } of state.objects.values())
    if (duty?.source === parent.id) state.update(id, { duty: undefined });
}

/** The last copies of parents whose place a child took may have ended. */
export function checkReplaced(ctx: Context, state: State): void {
  for (const object of state.objects.values()) {
    const { id, replaced, escaped } = object;
    if (replaced === undefined || escaped || state.hypothesis !== undefined) continue;
    if (isHeldHere(ctx, state, object) || isReturned(ctx.body, state, id)) continue;
    // A poll array whose slots are read holds it, until it ends before the variable that has the child.
    if (replaced.inSlot && (state.heldOutsideMessages().has(id) || !hasChildHeld(state, id))) continue;
    ctx.footprint.bound = true;
    reportReplaced(ctx, state, object, replaced);
  }
}

function hasChildHeld(state: State, parent: string): boolean {
  const held = state.heldOutsideMessages();
  for (const { id, duty } of state.objects.values()) if (duty?.source === parent && held.has(id)) return true;
  return false;
}

/** What a function returns lies in a temporary of its own while its variables end. */
function isReturned({ locals }: FunctionBody, state: State, id: string): boolean {
  return locals.some(
    (v) =>
      v.storage === 'temporary' &&
      state.memory
        .load({ base: variableBase(v), path: '' })
        ?.references.some((r) => r.kind === 'descriptor' && r.object === id) === true,
  );
}

const bases = new WeakMap<FunctionBody, ReadonlySet<string>>();

/** Variables that end with the function. */
export function ownBases(body: FunctionBody): ReadonlySet<string> {
  let own = bases.get(body);
  if (own === undefined) {
    own = new Set(
      [...body.parameters, ...body.locals].flatMap((v) => (v.storage === 'static' ? [] : [variableBase(v)])),
    );
    bases.set(body, own);
  }
  return own;
}

/**
 * The function goes on to where it takes the variable's value from somewhere else: it is a copy for a turn, and whoever
 * has the parent has it still.
 */
function isSetAgain({ blocks }: FunctionBody, { base }: Location, span: Span): boolean {
  const sets = (i: Instruction) =>
    i.kind === 'assign' &&
    i.target.base.kind === 'variable' &&
    variableBase(i.target.base.variable) === base &&
    i.value.kind === 'load' &&
    !isForkPlace(i.value.place) &&
    // The next turn of a loop stores another child there: one that lies in a variable of its own, not in a list.
    (i.span !== span || i.value.place.path.length > 0);
  const at = blocks.find((b) => b.instructions.some((i) => i.span === span));
  if (at === undefined) return false;
  const ahead = new Set(successors(at.terminator));
  for (const block of ahead) for (const next of successors(blocks[block]!.terminator)) ahead.add(next);
  const behind = at.instructions.findIndex((i) => i.span === span) + 1;
  return at.instructions.slice(behind).some(sets) || [...ahead].some((block) => blocks[block]!.instructions.some(sets));
}

const NO_BASES: ReadonlySet<string> = new Set();

/**
 * A copy that this root made itself still names the descriptor. A thread does not count its creator's copies but for
 * those in `counted`, and the copy in a poll array only waits: the read goes through the variable.
 */
function isHeldHere(
  ctx: Context,
  state: State,
  parent: Uffd,
  except: ReadonlySet<string> = NO_BASES,
  counted: ReadonlySet<string> = NO_BASES,
): boolean {
  const { id } = parent;
  // A child was born in this root: every copy of it is this root's own.
  const creators = ctx.thread && parent.origin !== 'child';
  const argument = creators ? new Set(ctx.body.parameters.map(variableBase)) : undefined;
  for (const base of state.memory.baseNames()) {
    if (isTemporary(base) || except.has(base)) continue;
    const inherited = creators && !counted.has(base) && (ctx.inherited.has(base) || argument?.has(base) === true);
    for (const [path, value] of state.memory.cellsOf(base).values) {
      if (isPollSlot(state, base, path)) continue;
      const holds = value.references.some((r) => r.kind === 'descriptor' && r.object === id);
      if (holds && (!inherited || ctx.facts.stores(ctx.root, { base, path }))) return true;
    }
  }
  return false;
}

/** It loads the `fd` of a record, as to read from it, and not of one that a constant index tells from others. */
function looksIntoSlots(body: FunctionBody): boolean {
  return exprsOf(body).some((e) => {
    if (e.kind !== 'load') return false;
    const { path } = e.place;
    const last = path.at(-1);
    const isTold = path.some((at) => at.kind === 'index' && at.index.kind === 'constant');
    return last?.kind === 'field' && last.name === 'fd' && !isTold;
  });
}

function isInPollSlot(state: State, id: string): boolean {
  for (const base of state.memory.baseNames())
    for (const [path, value] of state.memory.cellsOf(base).values)
      if (objectsOf(value).includes(id) && isPollSlot(state, base, path)) return true;
  return false;
}

/** The `fd` of a struct pollfd, in an array or alone. */
function isPollSlot(state: State, base: string, path: string): boolean {
  if (!path.endsWith('.fd')) return false;
  const { values } = state.memory.cellsOf(base);
  const head = path.slice(0, -'.fd'.length);
  if (values.has(`${head}.events`) || values.has(`${head}.revents`)) return true;
  // Another element may be the only one of which more is known.
  return path.endsWith('].fd') && [...values.keys()].some((other) => /\]\.r?events$/.test(other));
}

/** Descriptors below a location, by the whole path of the cell that names them: of several it is not known which it held. */
function overwritten(state: State, location: Location, isMeant = (_path: string) => true): string[] {
  if (!state.memory.isStrong(location)) return [];
  return state.memory
    .below(location)
    .map(([suffix, value]) => (isMeant(location.path + suffix) ? objectsOf(value) : []))
    .flatMap((held) => (held.length === 1 ? held : []));
}

export function zeroPlace(ctx: Context, state: State, target: Place, span: Span): void {
  for (const location of placeLocations(ctx, state, target)) {
    const lost = overwritten(state, location);
    state.memory.fill(location, ZERO);
    checkLost(ctx, state, lost, { how: 'overwritten', span });
  }
}

/** Clears what lies below a location, with `value` as its new content (undefined: unknown). */
export function overwriteBelow(ctx: Context, state: State, location: Location, value: Value | undefined): void {
  const lost = overwritten(state, location);
  state.memory.fill(location, value);
  checkLost(ctx, state, lost, { how: 'dropped' });
}
