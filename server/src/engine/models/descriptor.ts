/** Descriptors: which userfaultfd an argument names, close, dup, and what is born where. */
import type { Expr, Place } from '../../ir/ir.ts';
import type { Span } from '../../text/span.ts';
import { type CallInstruction, type ModelCall, setResult } from '../call.ts';
import { type Context, eventBase, objectId, spanId } from '../context.ts';
import { evaluate, placeLocations, placeOf } from '../evaluate.ts';
import { type FeatureWord, NO_FEATURES } from '../events.ts';
import { olderId, previousId } from '../object-names.ts';
import { noteChildUse, noteDisarmed, noteGoesOn } from '../observe.ts';
import type { State } from '../state.ts';
import type { Site } from '../trace.ts';
import { copyOf, type Uffd } from '../userfaultfd.ts';
import {
  asConstant,
  constant,
  descriptor,
  interval,
  numeric,
  oneOf,
  type Reference,
  TOP_NUMBER,
  UNKNOWN,
  type Value,
} from '../value.ts';

const UNKNOWN_FEATURES: FeatureWord = { must: 0n, may: 0n, unknown: true };
const O_NONBLOCK = 0x800n;
const O_CLOEXEC = 0x80000n;

/** Makes room for a new object of a site: the one made there before becomes an older one. */
export function freshId(state: State, id: string): string {
  const previous = previousId(id);
  makeOlder(state, previous, id);
  if (!state.objects.has(id)) return id;
  // What a variable alone holds is not one of those in a table: it can be lost yet.
  const isLoose =
    state.objects.get(id)!.duty !== undefined &&
    state.objects.has(olderId(id)) &&
    state.heldOutsideMessages().get(id) === 'variable';
  if (isLoose) state.rename(id, previous);
  else makeOlder(state, id, id);
  return id;
}

/** One of the objects of a site becomes one of the older ones, which are not told apart. */
function makeOlder(state: State, from: string, id: string): void {
  if (!state.objects.has(from)) return;
  const old = olderId(id);
  // The children before the last one that are in a table stay there: what may become of one is seen in the last.
  const isKept = isInTable(state, from);
  state.removeObject(old);
  state.rename(from, old);
  if (isKept && state.objects.get(old)?.duty !== undefined) state.update(old, { duty: undefined });
}

/** Some element of an array, of unknown index, holds the descriptor: it is not one slot that is written again. */
function isInTable(state: State, id: string): boolean {
  if (state.heldOutsideMessages().get(id) !== 'kept') return false;
  for (const base of state.memory.baseNames())
    for (const [path, value] of state.memory.cellsOf(base).values)
      if (path.includes('[*]') && value.references.some((r) => r.kind === 'descriptor' && r.object === id)) return true;
  return false;
}

/** userfaultfd(2), or USERFAULTFD_IOC_NEW on the device: a new descriptor, or -1. */
export function createUffd(call: ModelCall, state: State, flags: Value | undefined): State[] {
  const { ctx, instruction } = call;
  const failed = state.clone();
  setResult(ctx, failed, instruction, constant(-1));
  const site = objectId(ctx, 'uffd', instruction.span);
  if (state.objects.has(site) && (state.threads.size > 0 || state.situation.unknownThreads))
    state.change({ renamed: true });
  const id = freshId(state, site);
  const n = flags?.number;
  const nonblocking =
    n === undefined || flags!.any
      ? undefined
      : (n.must & O_NONBLOCK) !== 0n
        ? true
        : (n.may & O_NONBLOCK) === 0n && !n.unknownBits
          ? false
          : undefined;
  state.putObject({
    id,
    origin: 'created',
    site: instruction.span,
    handshake: 'fresh',
    handshakeSpan: undefined,
    handshakeFunction: undefined,
    refusalTested: false,
    features: NO_FEATURES,
    nonblocking,
    survivesExec: n === undefined || flags!.any || (n.must & O_CLOEXEC) === 0n,
    armed: [],
    escaped: false,
    process: state.situation.process,
    duty: undefined,
    waitedAt: undefined,
    replaced: undefined,
  });
  state.step('create', instruction.span, 'a userfaultfd is created here');
  setResult(ctx, state, instruction, descriptor(id));
  return [state, failed];
}

export interface Named {
  readonly object: Uffd;
  /** False when the argument may name several objects: then nothing is claimed of one of them. */
  readonly sure: boolean;
}

/** The userfaultfds that an argument may name. A value of unknown origin becomes an object of unknown origin. */
export function namedUffds(ctx: Context, state: State, expr: Expr, materialise: boolean): Named[] {
  const value = evaluate(ctx, state, expr);
  const named: Named[] = [];
  const references = value.references.filter((r) => r.kind === 'descriptor');
  for (const r of references) {
    const object = state.objects.get(r.object) ?? madeElsewhere(ctx, state, r.object, expr.span);
    if (object !== undefined) named.push({ object, sure: references.length === 1 });
  }
  if (named.length > 0 || !(value.any || isSomeNumber(value)) || !materialise) return named;
  const place = placeOf(expr);
  const holders = place === undefined ? [] : placeLocations(ctx, state, place);
  // One of several cells: which of them is a userfaultfd is not known. A loop over a table sees it in the first element:
  // one for each further turn would be told apart from all others.
  if (holders.length !== 1 || holders[0]!.path.includes('[*')) return [];
  const holder = holders[0]!;
  const isCounted = place!.path.some((e) => e.kind === 'index' && e.index.kind !== 'constant');
  if (isCounted && /\[[1-9]/.test(holder.path)) return [];
  const id = `outside:${holder.base}|${holder.path}`;
  let object = state.objects.get(id);
  if (object === undefined) {
    object = fromOutside(id, expr.span, state, ctx.facts.programFeatures);
    state.putObject(object);
  }
  state.memory.store(holder, descriptor(id));
  return [{ object, sure: true }];
}

/**
 * One that is read where the number lies in one of several cells, or in none: it goes by the place of the read. What was
 * requested of it nobody says; code that takes its messages for FORK says that they may come.
 */
export function unnamedUffd(state: State, span: Span): Uffd {
  const id = `outside:${spanId(span)}`;
  let object = state.objects.get(id);
  if (object === undefined) {
    object = fromOutside(id, span, state);
    state.putObject(object);
  }
  return object;
}

/** Not one that the program writes down: a descriptor that was an index of a table comes back as a number. */
function isSomeNumber({ number, references }: Value): boolean {
  return references.length === 0 && number !== undefined && number.set === undefined && number.high > 0;
}

/** A thread that runs already finds what its creator makes only now, with the handshake that was done meanwhile. */
function madeElsewhere(ctx: Context, state: State, id: string, site: Span): Uffd | undefined {
  if (!ctx.thread) return undefined;
  const features = ctx.facts.othersHandshake(ctx.root, id);
  if (features === undefined) return undefined;
  const object = fromOutside(id, site, state, features, 'enabled');
  state.putObject(object);
  return object;
}

function fromOutside(
  id: string,
  site: Span,
  state: State,
  features: FeatureWord = UNKNOWN_FEATURES,
  handshake: Uffd['handshake'] = 'unknown',
): Uffd {
  return {
    id,
    origin: 'outside',
    site,
    handshake,
    handshakeSpan: undefined,
    handshakeFunction: undefined,
    refusalTested: false,
    features,
    nonblocking: undefined,
    survivesExec: true,
    armed: [],
    escaped: false,
    process: state.situation.process,
    duty: undefined,
    waitedAt: undefined,
    replaced: undefined,
  };
}

/** What other roots do to the object counts too. */
export function withOthers(ctx: Context, state: State, object: Uffd): Uffd {
  if (!ctx.thread && state.threads.size === 0) return object;
  let result = object;
  if (object.handshake === 'fresh' || object.handshake === 'failed') {
    const features = ctx.facts.othersHandshake(ctx.root, object.id);
    if (features !== undefined) result = Object.assign(copyOf(result), { handshake: 'enabled', features });
  }
  if (object.armed.length === 0) {
    const range = ctx.facts.othersArm(ctx.root, object.id);
    if (range !== undefined) result = Object.assign(copyOf(result), { armed: [range] });
  }
  if (result !== object) state.putObject(result);
  return result;
}

/** A request, read or poll needs a descriptor that is enabled. False when this one surely is not. */
export function requireHandshake(ctx: Context, state: State, named: Named, operation: string, site: Site): boolean {
  const object = withOthers(ctx, state, named.object);
  if (object.handshake !== 'fresh' && object.handshake !== 'failed') return true;
  if (!named.sure || state.hypothesis !== undefined) return true;
  if (object.handshake === 'fresh' && object.escaped) return true;
  ctx.facts.emit({
    kind: 'unready-use',
    handshake: object.handshake,
    handshakeSpan: object.handshakeSpan,
    handshakeFunction: object.handshakeFunction,
    operation,
    ...eventBase(ctx, state, object.id, site.span),
    function: site.function,
  });
  // Reported once: from here on the descriptor is taken for an enabled one.
  state.update(object.id, { handshake: 'unknown', features: { ...object.features, unknown: true } });
  return true;
}

/** `close(table[i])` in a loop over a table closes its elements, whatever the index is on this turn. */
function elementsOf(ctx: Context, state: State, argument: Expr): readonly Reference[] {
  const place = placeOf(argument);
  if (place === undefined || !place.path.some((e) => e.kind === 'index' && e.index.kind !== 'constant')) return [];
  const anyElement: Place = {
    ...place,
    path: place.path.map((e) =>
      e.kind === 'index' && e.index.kind !== 'constant'
        ? { kind: 'index', index: { kind: 'unknown', span: place.span } }
        : e,
    ),
  };
  return placeLocations(ctx, state, anyElement).flatMap((l) => state.memory.load(l)?.references ?? []);
}

export function closeModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const argument = instruction.arguments[0];
  if (argument !== undefined) {
    const references = [...call.values[0]!.references, ...elementsOf(ctx, state, argument)];
    for (const r of references) {
      if (r.kind !== 'descriptor') continue;
      const object = state.objects.get(r.object);
      if (object === undefined) {
        noteChildClosed(ctx, state, r.object, instruction.span);
        continue;
      }
      if (object.origin === 'outside' && call.values[0]!.references.length > 1) continue;
      state.step(
        'close',
        instruction.span,
        object.duty === undefined ? 'the userfaultfd is closed' : "the child's descriptor is closed",
      );
      if (object.origin !== 'child') noteDisarmed(ctx, state, r.object, instruction.span);
      else if (object.duty === undefined || object.duty.given !== undefined)
        noteChildClosed(ctx, state, object.id, instruction.span);
      state.removeObject(r.object);
      // Whoever took the refusal for a success gives up here; a child's descriptor needs no handshake in any case.
      if (state.situation.refused?.event.object === r.object) {
        if (state.situation.refused.event.child) noteGoesOn(ctx, state);
        state.change({ refused: undefined });
      }
    }
  }
  setResult(ctx, state, instruction, constant(0));
  return [state];
}

/** A child that another root took, or gave, is closed here. */
function noteChildClosed(ctx: Context, state: State, object: string, span: Span): void {
  if (object.startsWith('child:'))
    ctx.facts.emit({ kind: 'child-closed', root: ctx.root, ...eventBase(ctx, state, object, span) });
}

/** close_range(): which of the descriptors are among them is not followed, and nothing is owed for any. */
export function closeRangeModel(call: ModelCall, state: State): State[] {
  for (const id of state.objects.keys()) state.update(id, { escaped: true, duty: undefined });
  setResult(call.ctx, state, call.instruction, constant(0));
  return [state];
}

/** dup() and fcntl(F_DUPFD): a new reference to the same context; the original's duty stays. */
export function duplicate(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  for (const r of call.values[0]?.references ?? []) {
    const object = r.kind === 'descriptor' ? state.objects.get(r.object) : undefined;
    // The copy may be read, closed or handed on under its own number: nothing absent is claimed of the context.
    if (object === undefined || object.duty !== undefined) continue;
    const isEnabled = object.handshake === 'enabled';
    const features = isEnabled ? object.features : UNKNOWN_FEATURES;
    state.update(object.id, { escaped: true, handshake: isEnabled ? 'enabled' : 'unknown', features });
  }
  setResult(ctx, state, instruction, numeric(interval(-1, Infinity)));
  return [state];
}

const F_DUPFD = 0;
/** Its argument is FD_CLOEXEC (1) or 0: fcntl(2). */
const F_SETFD = 2;
const F_DUPFD_CLOEXEC = 1030;

export function fcntlModel(call: ModelCall, state: State): State[] {
  const command = call.values[1] === undefined ? undefined : asConstant(call.values[1]);
  if (command === F_DUPFD || command === F_DUPFD_CLOEXEC) return duplicate(call, state);
  if (command === F_SETFD) {
    const flags = call.values[2] === undefined ? undefined : asConstant(call.values[2]);
    for (const r of call.values[0]?.references ?? [])
      if (r.kind === 'descriptor') state.update(r.object, { survivesExec: flags === undefined || (flags & 1) === 0 });
  }
  setResult(call.ctx, state, call.instruction, oneOf(-1, 0));
  if (command !== undefined && command !== 4 && command !== 2) {
    setResult(call.ctx, state, call.instruction, numeric(TOP_NUMBER));
  }
  return [state];
}

export function plainResult(ctx: Context, state: State, instruction: CallInstruction): State[] {
  setResult(ctx, state, instruction, UNKNOWN);
  return [state];
}

export { noteChildUse };
