/** The userfaultfd requests: abstract outcomes of ioctl(2), as fs/userfaultfd.c has them. */

import { ALL_FEATURE_BITS, FEATURES } from '../../uffd/features.ts';
import { FILL_RESULTS, REQUESTS_BY_NUMBER } from '../../uffd/requests.ts';
import { overwriteBelow } from '../assign.ts';
import { type ModelCall, setResult } from '../call.ts';
import { type Context, decidingSite, eventBase } from '../context.ts';
import { evaluate, loadLocation, pointees } from '../evaluate.ts';
import type { Catches, FeatureWord, RepeatedHandshakeEvent } from '../events.ts';
import { ZERO } from '../memory.ts';
import { letEscape, noteDisarmed } from '../observe.ts';
import type { State } from '../state.ts';
import { anyOf, MAX_RANGES } from '../userfaultfd.ts';
import {
  asConstant,
  constant,
  contains,
  knownBits,
  type Location,
  numeric,
  oneOf,
  UNKNOWN,
  type Value,
  withTag,
} from '../value.ts';
import { createUffd, type Named, namedUffds, requireHandshake } from './descriptor.ts';

const UFFD_API = 0xaa;
/** UFFDIO_REGISTER_MODE_…: include/uapi/linux/userfaultfd.h. */
const MODE_MISSING = 1n;
const MODE_WP = 2n;
const MODE_MINOR = 4n;

export function ioctlModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const number = call.values[1] === undefined ? undefined : asConstant(call.values[1]);
  const request = number === undefined ? undefined : REQUESTS_BY_NUMBER.get(number);
  if (request === undefined) {
    // Another device's request, or one that is not known: an unknown one may do anything to a userfaultfd.
    if (number === undefined) letEscape(ctx, state, call.values.slice(0, 1), instruction.span);
    for (const value of call.values.slice(2)) forgetPointee(state, value);
    setResult(ctx, state, instruction, UNKNOWN);
    return [state];
  }
  if (request.kind === 'new') return createUffd(call, state, call.values[2]);
  const named = namedUffds(ctx, state, instruction.arguments[0]!, true);
  if (named.length === 0) {
    for (const value of call.values.slice(2)) forgetPointee(state, value);
    setResult(ctx, state, instruction, oneOf(-1, 0));
    return [state];
  }
  const results: State[] = [];
  for (const [i, n] of named.entries()) {
    const branch = i === named.length - 1 ? state : state.clone();
    if (request.kind === 'handshake') results.push(...handshake(call, branch, n));
    else {
      requireHandshake(ctx, branch, n, request.name, decidingSite(ctx, instruction.arguments[1], instruction.span));
      if (request.kind === 'register') results.push(...register(call, branch, n));
      else if (request.kind === 'unregister') results.push(...unregister(call, branch, n));
      else results.push(...plain(call, branch));
    }
  }
  return results;
}

function forgetPointee(state: State, value: Value): void {
  for (const r of value.references) {
    if (r.kind === 'location' && state.memory.isStrong(r.location)) state.memory.fill(r.location, undefined);
  }
}

function argument(ctx: Context, state: State, call: ModelCall): Location | undefined {
  const expr = call.instruction.arguments[2];
  return expr === undefined ? undefined : pointees(ctx, state, expr)[0];
}

function wordOf(value: Value): FeatureWord {
  const n = value.number;
  if (value.any && n?.must === 0n && n.may === 0n) return { must: 0n, may: 0n, unknown: true };
  if (n === undefined) return { must: 0n, may: 0n, unknown: true };
  return { must: n.must & 0x7fffffffn, may: n.may & 0x7fffffffn, unknown: n.unknownBits };
}

/** UFFDIO_API: enabled with the requested features; or nothing enabled and the argument zeroed. */
function handshake(call: ModelCall, state: State, named: Named): State[] {
  const { ctx, instruction } = call;
  const { object } = named;
  const at = argument(ctx, state, call);
  const site = decidingSite(ctx, instruction.arguments[1], instruction.span);
  const features =
    at === undefined
      ? { must: 0n, may: 0n, unknown: true }
      : wordOf(loadLocation(ctx, state, { base: at.base, path: `${at.path}.features` }));
  if (object.handshake === 'enabled' && named.sure && state.hypothesis === undefined && !object.escaped) {
    const event: RepeatedHandshakeEvent = {
      kind: 'repeated-handshake',
      firstSpan: object.handshakeSpan,
      child: object.origin === 'child',
      ...eventBase(ctx, state, object.id, site.span),
      function: site.function,
    };
    state.update(object.id, { handshake: 'unknown' });
    if (at !== undefined) overwriteBelow(ctx, state, at, undefined);
    if (instruction.result === undefined) {
      ctx.facts.emit(event);
      return [state];
    }
    const refused = state.clone();
    setResult(ctx, refused, instruction, constant(-1));
    setResult(ctx, state, instruction, constant(0));
    state.change({ refused: { event, functionId: ctx.body.id } });
    return [state, refused];
  }
  const failed = state.clone();
  if (at !== undefined) overwriteBelow(ctx, failed, at, ZERO);
  if (object.handshake === 'fresh' || object.handshake === 'failed') {
    failed.update(object.id, {
      handshake: 'failed',
      handshakeSpan: site.span,
      handshakeFunction: site.function,
      refusalTested: false,
    });
  }
  failed.change({ wasRefused: true });
  failed.step(
    'handshake',
    instruction.span,
    'UFFDIO_API fails: the descriptor stays unusable and the argument is zeroed',
  );
  const refusal = { part: 'refusal', source: object.id, child: undefined, site: site.span, offset: 0 } as const;
  setResult(ctx, failed, instruction, withTag(constant(-1), refusal));
  // Without an argument it is EFAULT, and a retry with the argument that a failure zeroed is refused again:
  // userfaultfd_api() in fs/userfaultfd.c.
  const isNull = call.values[2] !== undefined && asConstant(call.values[2]) === 0;
  if (isNull) return [failed];
  if (at !== undefined && !canBe(loadLocation(ctx, state, { base: at.base, path: `${at.path}.api` }), UFFD_API))
    return [failed];

  if (at !== undefined) {
    overwriteBelow(ctx, state, at, undefined);
    state.memory.store({ base: at.base, path: `${at.path}.api` }, constant(UFFD_API));
    state.memory.store(
      { base: at.base, path: `${at.path}.features` },
      numeric(knownBits(features.must, ALL_FEATURE_BITS, false)),
    );
  }
  state.update(object.id, {
    handshake: 'enabled',
    handshakeSpan: site.span,
    handshakeFunction: site.function,
    features,
  });
  state.step('handshake', instruction.span, `UFFDIO_API succeeds ${describeFeatures(features)}`);
  ctx.facts.emit({
    kind: 'handshake',
    root: ctx.root,
    concurrent: isConcurrent(ctx, state),
    features,
    ...eventBase(ctx, state, object.id, instruction.span),
  });
  setResult(ctx, state, instruction, constant(0));
  return [state, failed];
}

function canBe(value: Value, n: number): boolean {
  return value.any || value.references.length > 0 || value.number === undefined || contains(value.number, n);
}

function isConcurrent(ctx: Context, state: State): boolean {
  return ctx.thread || [...state.threads.values()].includes('running');
}

function describeFeatures({ must, may, unknown }: FeatureWord): string {
  const surely = namesOf(must);
  const maybe = namesOf(may & ~must);
  if (maybe.length > 0)
    return `${surely.length > 0 ? `with ${join(surely)} ` : ''}and may have requested ${join(maybe)}`;
  if (surely.length > 0) return `with ${join(surely)}`;
  return unknown ? 'with features that are not known' : 'with no features requested';
}

function namesOf(bits: bigint): string[] {
  return FEATURES.filter((f) => (bits & f.bit) !== 0n).map((f) => f.name);
}

/** Names that a person reads in a step of a path. */
const MAX_NAMES = 4;

function join(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return more > 0 ? `${names.slice(0, MAX_NAMES).join(', ')} and ${more} more` : names.join(', ');
}

function register(call: ModelCall, state: State, named: Named): State[] {
  const { ctx, instruction } = call;
  const at = argument(ctx, state, call);
  const start =
    at === undefined ? undefined : loadLocation(ctx, state, { base: at.base, path: `${at.path}.range.start` });
  const failed = state.clone();
  setResult(ctx, failed, instruction, constant(-1));
  // MAP_FAILED is not the start of a page: validate_range() in fs/userfaultfd.c.
  if (start !== undefined && asConstant(start) === -1) return [failed];
  const region = start === undefined ? '?' : regionOf(start);
  const object = state.objects.get(named.object.id)!;
  if (at !== undefined) state.memory.store({ base: at.base, path: `${at.path}.ioctls` }, UNKNOWN);
  const mode = at === undefined ? undefined : loadLocation(ctx, state, { base: at.base, path: `${at.path}.mode` });
  const range = { region, start: startIn(start), span: instruction.span, catches: caughtBy(mode) };
  const armed = [...object.armed.filter((r) => r.region !== region), range];
  state.update(object.id, { armed: armed.length > MAX_RANGES ? [anyOf([range, ...armed])] : armed });
  // What a child registers anew is served again.
  const { childOf } = state;
  if (region === '?' || childOf?.regions.some((r) => r === region || r === '?') === true) state.childOf = undefined;
  state.step('arm', instruction.span, 'UFFDIO_REGISTER arms a range');
  ctx.facts.emit({
    kind: 'arm',
    root: ctx.root,
    concurrent: isConcurrent(ctx, state),
    region,
    start: range.start,
    catches: range.catches,
    ...eventBase(ctx, state, object.id, instruction.span),
  });
  setResult(ctx, state, instruction, constant(0));
  return [state, failed];
}

/** A mode that is not known may ask for missing pages. */
function caughtBy(mode: Value | undefined): Catches {
  const n = mode?.number;
  if (n === undefined || mode!.any || n.unknownBits || (n.may & MODE_MISSING) !== 0n) return 'missing';
  if ((n.may & MODE_WP) !== 0n) return 'writes';
  return (n.may & MODE_MINOR) !== 0n ? 'minor' : 'missing';
}

function unregister(call: ModelCall, state: State, named: Named): State[] {
  const { ctx, instruction } = call;
  const at = argument(ctx, state, call);
  const region =
    at === undefined
      ? '?'
      : regionOf(
          state.memory.load({ base: at.base, path: `${at.path}.range.start` }) ??
            loadLocation(ctx, state, { base: at.base, path: `${at.path}.start` }),
        );
  disarm(state, region, named.object.id);
  noteDisarmed(ctx, state, named.object.id, instruction.span);
  setResult(ctx, state, instruction, oneOf(-1, 0));
  return [state];
}

/** Takes a range out of what is armed; an unknown range takes all, since nothing is claimed then. */
export function disarm(state: State, region: string, only?: string): void {
  for (const object of [...state.objects.values()]) {
    if (only !== undefined && object.id !== only) continue;
    if (object.armed.length === 0) continue;
    const armed = region === '?' ? [] : object.armed.filter((r) => r.region !== region && r.region !== '?');
    if (armed.length !== object.armed.length) state.update(object.id, { armed });
  }
}

/** Base object of an address, or `?`. */
export function regionOf(value: Value): string {
  const bases = new Set(value.references.flatMap((r) => (r.kind === 'location' ? [r.location.base] : [])));
  return bases.size === 1 ? [...bases][0]! : '?';
}

/** Where in its base object an address lies, or `?`. */
function startIn(value: Value | undefined): string {
  const paths = new Set(value?.references.flatMap((r) => (r.kind === 'location' ? [r.location.path] : [])));
  return paths.size === 1 ? [...paths][0]! : '?';
}

/** COPY, ZEROPAGE, WAKE, WRITEPROTECT, CONTINUE, POISON, MOVE. */
function plain(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const at = argument(ctx, state, call);
  if (at !== undefined) {
    for (const field of FILL_RESULTS) {
      const location = { base: at.base, path: `${at.path}.${field}` };
      if (state.memory.isStrong(location)) state.memory.store(location, UNKNOWN);
    }
  }
  setResult(ctx, state, instruction, oneOf(-1, 0));
  return [state];
}

export { evaluate };
