/** Evaluation of side-effect-free expressions and places in a state. */
import type { CType, Expr, Place, Variable } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import { applyBinary, applyUnary, displace, indexText, MAX_INDEX } from './arithmetic.ts';
import { type Context, ERRNO_BASE, spanId, variableBase } from './context.ts';
import { noteEventTest, noteTableUse } from './event-tests.ts';
import { noteArgumentUse, noteBytesOf, noteMemoryUse } from './observe.ts';
import { moveToOlder } from './recency.ts';
import type { State } from './state.ts';
import {
  anyElement,
  asConstant,
  constant,
  interval,
  join,
  type Location,
  NO_DESCRIPTORS,
  numeric,
  objectsOf,
  pointerTo,
  type Reference,
  reference,
  TOP_NUMBER,
  UNKNOWN,
  type Value,
  withTag,
} from './value.ts';

/** Longest chain of unknown pointers that is told apart. */
const MAX_SYMBOLIC_DEPTH = 4;

export interface EvaluateOptions {
  /** The value is only shown to a person: looking at it is no use of it. */
  readonly printing: boolean;
}

/** Names of errors whose number is not in the table. */
const ERROR_NAME = /^E(?!OF$)[A-Z0-9]{2,}$/;
const ERROR_NUMBER = numeric(interval(1, 4095));

const NORMAL: EvaluateOptions = { printing: false };

export function evaluate(ctx: Context, state: State, expr: Expr, options: EvaluateOptions = NORMAL): Value {
  switch (expr.kind) {
    case 'constant': {
      const n = Number(expr.value);
      return constant(n);
    }
    case 'string':
      return pointerTo(`string:${spanId(expr.span)}`, '[0]');
    case 'function':
      return reference({ kind: 'function', name: expr.name });
    case 'unknown':
      return expr.name !== undefined && ERROR_NAME.test(expr.name) ? ERROR_NUMBER : UNKNOWN;
    case 'load':
      return load(ctx, state, expr.place, options);
    case 'address': {
      const locations = placeLocations(ctx, state, expr.place);
      if (locations.length === 0) return UNKNOWN;
      let value: Value | undefined;
      for (const l of locations) {
        const p = pointerTo(l.base, behindFirst(ctx, state, expr.place, l.path));
        value = value === undefined ? p : join(value, p);
      }
      return value!;
    }
    case 'unary': {
      const operand = evaluate(ctx, state, expr.operand, options);
      return applyUnary(expr.op, operand);
    }
    case 'binary': {
      const left = evaluate(ctx, state, expr.left, options);
      const right = evaluate(ctx, state, expr.right, options);
      noteEventTest(ctx, state, expr, left, right, (place) => placeLocations(ctx, state, place));
      return applyBinary(expr.op, left, right);
    }
    case 'cast': {
      const operand = evaluate(ctx, state, expr.operand, options);
      return castValue(operand, expr.type);
    }
    case 'container': {
      const pointer = evaluate(ctx, state, expr.pointer, options);
      const suffix = expr.member.map((m) => `.${m}`).join('');
      if (expr.as !== 'container') return alongFirst(pointer, suffix, expr.as);
      let value: Value | undefined;
      for (const r of pointer.references) {
        if (r.kind !== 'location') continue;
        const p = aroundMember(r.location, suffix);
        value = value === undefined ? p : join(value, p);
      }
      return value ?? UNKNOWN;
    }
  }
}

/** Null stays null, and a pointer to a record that was never taken for its first member stays what it is. */
function alongFirst({ number, references, any, tag }: Value, member: string, as: 'outer' | 'first'): Value {
  let value: Value = { number, references: [], any, tag };
  for (const r of references) value = join(value, reference(r.kind === 'location' ? besideFirst(r, member, as) : r));
  return value;
}

function besideFirst(r: Reference & { kind: 'location' }, member: string, as: 'outer' | 'first'): Reference {
  const { base, path } = r.location;
  if (as === 'first') return { kind: 'location', location: { base, path: path + member } };
  return path.endsWith(member) ? { kind: 'location', location: { base, path: path.slice(0, -member.length) } } : r;
}

/**
 * The record around a member. What has another name is in no such record: it is the head of a list, and nobody looks at
 * more than this member of what would be around it.
 */
function aroundMember({ base, path }: Location, member: string): Value {
  // A pointer to an array is one to its first element.
  for (const end of [member, `${member}[0]`])
    if (path.endsWith(end)) return pointerTo(base, path.slice(0, -end.length));
  const isNamed = path === '' ? base.startsWith('var:') : /\.\w+$/.test(path);
  return isNamed ? pointerTo(base, `${path}^${member}`) : UNKNOWN;
}

/** The member of what is around it is itself. */
function withoutAround(location: Location): Location {
  if (!location.path.includes('^')) return location;
  return { base: location.base, path: location.path.replace(/\^((?:\.\w+)+?)\1/, '') };
}

/** The operation that a condition is, casts and negations apart, and what its operands are in a state. */
export interface Operands {
  readonly of: Expr & { readonly kind: 'binary' };
  readonly left: Value;
  readonly right: Value;
}

/** Undefined where the condition is no operation on two operands. */
export function operandsOf(ctx: Context, state: State, condition: Expr): Operands | undefined {
  switch (condition.kind) {
    case 'cast':
      return operandsOf(ctx, state, condition.operand);
    case 'unary':
      return condition.op === '!' ? operandsOf(ctx, state, condition.operand) : undefined;
    case 'binary':
      return {
        of: condition,
        left: evaluate(ctx, state, condition.left),
        right: evaluate(ctx, state, condition.right),
      };
    default:
      return undefined;
  }
}

/** The condition in the state in which its operands were found. */
export function evaluateCondition(ctx: Context, state: State, condition: Expr, operands: Operands | undefined): Value {
  if (operands === undefined) return evaluate(ctx, state, condition);
  if (condition === operands.of) {
    const { left, right } = operands;
    noteEventTest(ctx, state, operands.of, left, right, (place) => placeLocations(ctx, state, place));
    return applyBinary(operands.of.op, left, right);
  }
  if (condition.kind === 'cast')
    return castValue(evaluateCondition(ctx, state, condition.operand, operands), condition.type);
  if (condition.kind === 'unary')
    return applyUnary(condition.op, evaluateCondition(ctx, state, condition.operand, operands));
  return evaluate(ctx, state, condition);
}

function castValue(value: Value, type: CType): Value {
  if (type.kind !== 'integer' || value.number?.set === undefined) return value;
  if (type.signed || type.bytes >= 8 || value.references.length > 0 || value.any) return value;
  const modulus = 2 ** (8 * type.bytes);
  if (value.number.set.length !== 1) return value;
  const n = value.number.set[0]!;
  return n < 0 ? withTag(constant(((n % modulus) + modulus) % modulus), value.tag) : value;
}

function load(ctx: Context, state: State, place: Place, options: EvaluateOptions): Value {
  const locations = placeLocations(ctx, state, place);
  notePointerUse(ctx, state, place, locations, place.span, 'read');
  if (locations.length === 0) return UNKNOWN;
  const result = ctx.slice.ignores(place) ? ignoredValue(place) : loadAll(ctx, state, place, locations);
  const fixed = fixedPlace(place);
  if (!options.printing && fixed?.inUnion !== false) noteArgumentUse(ctx, state, place, locations, result);
  if (place.type.kind === 'integer' && place.path.at(-1)?.kind === 'index') noteBytesOf(state, locations);
  if (fixed === undefined) noteTableUse(ctx, state, place, locations, result, (e) => evaluate(ctx, state, e, options));
  return result;
}

/** A child of fork() uses memory behind a pointer. One that is a number (MAP_FAILED, null) leads nowhere. */
export function notePointerUse(
  ctx: Context,
  state: State,
  { base }: Place,
  locations: readonly Location[],
  span: Span,
  access: 'read' | 'write',
): void {
  if (state.childOf === undefined || base.kind !== 'deref') return;
  if (locations.length === 0 && asConstant(evaluate(ctx, state, base.pointer)) !== undefined) return;
  noteMemoryUse(ctx, state, locations, span, access);
}

/** `&buf[n]` of an element that is surely behind the first ones: what a loop's end points to. */
function behindFirst(ctx: Context, state: State, { path: elements }: Place, path: string): string {
  const last = elements.at(-1);
  if (last?.kind !== 'index' || !path.endsWith('[*]')) return path;
  const { number, any, references } = evaluate(ctx, state, last.index);
  const low = any || references.length > 0 ? undefined : number?.low;
  return low === undefined || low < 1 || low > MAX_INDEX ? path : path.replace(/\[\*\]$/, `[>${Math.ceil(low)}]`);
}

/** What is not followed holds no descriptor: a number is one of any value. */
function ignoredValue(place: Place): Value {
  return place.type.kind === 'integer' ? anyNumber() : UNKNOWN;
}

function loadAll(ctx: Context, state: State, place: Place, locations: readonly Location[]): Value {
  let result = loadLocation(ctx, state, locations[0]!);
  for (let i = 1; i < locations.length; i++) result = join(result, loadLocation(ctx, state, locations[i]!));
  const { base } = place;
  return base.kind === 'variable' && base.variable.volatile && result.references.length === 0 ? UNKNOWN : result;
}

export function loadLocation(ctx: Context, state: State, location: Location): Value {
  const own = state.memory.load(location);
  // Nobody looks there but after a failure, when it is positive, or where the program stored itself.
  if (location.base === ERRNO_BASE) return own ?? ERROR_NUMBER;
  // A pointer or descriptor that this root saw stored is the likely value; flags and counters are joined.
  if (own !== undefined && own.references.length > 0) return own;
  if ((!ctx.thread && state.threads.size === 0) || isPrivate(ctx, state, location.base)) return own ?? UNKNOWN;
  return ctx.facts.withOthers(ctx.root, location, own) ?? UNKNOWN;
}

/** Descriptors that lie there: those that this root stored, or that it finds of others. */
export function descriptorsAt(ctx: Context, state: State, location: Location): readonly string[] {
  const own = state.memory.load(location);
  if (location.base === ERRNO_BASE) return NO_DESCRIPTORS;
  if (own !== undefined && own.references.length > 0) return objectsOf(own);
  if ((!ctx.thread && state.threads.size === 0) || isPrivate(ctx, state, location.base)) return NO_DESCRIPTORS;
  return ctx.facts.descriptorsOfOthers(ctx.root, location, own);
}

/** Nobody else can find what was allocated there. */
export function isPrivate(ctx: Context, state: State, base: string): boolean {
  const { mine, memory } = state;
  if (!mine.has(base) || memory.isSummary(base)) return false;
  const seen = memory.baseNames().filter((b) => !mine.has(b) && (b.startsWith('outside:') || ctx.facts.isVisible(b)));
  return !state.reach([], seen).bases.has(base);
}

/** Where a place lies in every state. */
interface FixedPlace {
  readonly locations: readonly [Location];
  readonly isGlobal: boolean;
  /** It may be a part of a message's union. */
  readonly inUnion: boolean;
}

const fixedPlaces = new WeakMap<Place, FixedPlace | 'depends'>();

/** Undefined where it depends on the state. */
function fixedPlace(place: Place): FixedPlace | undefined {
  let found = fixedPlaces.get(place);
  if (found === undefined) {
    found = findFixed(place) ?? 'depends';
    fixedPlaces.set(place, found);
  }
  return found === 'depends' ? undefined : found;
}

function findFixed(place: Place): FixedPlace | undefined {
  if (place.base.kind !== 'variable') return undefined;
  let path = '';
  for (const element of place.path) {
    if (element.kind === 'field') path += `.${element.name}`;
    else if (element.index.kind === 'constant') path += `[${indexText(Number(element.index.value))}]`;
    else return undefined;
  }
  const { variable } = place.base;
  const location = { base: variableBase(variable), path };
  return { locations: [location], isGlobal: isGlobal(variable), inUnion: path.includes('.arg.') };
}

/** It is there while other functions run. */
function isGlobal({ storage }: Variable): boolean {
  return storage === 'global' || storage === 'static';
}

/** Where a place can lie; empty when nothing is known of the pointer. */
export function placeLocations(ctx: Context, state: State, place: Place): readonly Location[] {
  const fixed = fixedPlace(place);
  if (fixed !== undefined) {
    if (fixed.isGlobal) ctx.footprint.globals.add(fixed.locations[0].base);
    return fixed.locations;
  }
  let locations: Location[];
  if (place.base.kind === 'variable') {
    const { variable } = place.base;
    const base = variableBase(variable);
    if (isGlobal(variable)) ctx.footprint.globals.add(base);
    locations = [{ base, path: '' }];
  } else {
    locations = pointees(ctx, state, place.base.pointer);
  }
  let first = place.base.kind === 'deref';
  for (const element of place.path) {
    if (element.kind === 'field') {
      locations = locations.map((l) => ({ base: l.base, path: `${l.path}.${element.name}` }));
    } else {
      const index = asConstant(evaluate(ctx, state, element.index));
      locations = locations.map((l) =>
        first ? displace(l, index) : { base: l.base, path: `${l.path}[${indexText(index)}]` },
      );
    }
    first = false;
  }
  return locations.some((l) => l.path.includes('^')) ? locations.map(withoutAround) : locations;
}

/** What a pointer expression points to; a pointer of unknown origin gets an object of its own, the same at each use. */
export function pointees(ctx: Context, state: State, pointer: Expr): Location[] {
  const value = evaluate(ctx, state, pointer);
  const found: Location[] = [];
  for (const r of anyElement(value.references)) if (r.kind === 'location') found.push(whole(r.location));
  if (found.length > 0 || !value.any) return found;
  const place = placeOf(pointer);
  if (place === undefined) {
    return [{ base: `outside:${spanId(pointer.span)}`, path: '[0]' }];
  }
  const holders = placeLocations(ctx, state, place);
  if (holders.length !== 1) return [];
  const holder = holders[0]!;
  const depth = holder.base.split('outside:').length - 1;
  const name = depth >= MAX_SYMBOLIC_DEPTH ? 'outside:deep' : `outside:${holder.base}|${holder.path}`;
  const location = { base: name, path: '[0]' };
  // Not the pointer that it was before, for all that is known.
  if (state.memory.has(name) && mayLeadElsewhere(ctx, holder)) moveToOlder(state, name);
  state.memory.store(holder, withTag(reference({ kind: 'location', location }), value.tag));
  return [location];
}

/** What a variable of the function holds was put there since; a parameter is what all calls of it are given. */
function mayLeadElsewhere({ body }: Context, { base }: Location): boolean {
  return body.locals.some((v) => v.storage === 'local' && variableBase(v) === base);
}

/** A place of which only a least index is known is any element to whoever looks there. */
function whole(location: Location): Location {
  if (!location.path.includes('[>')) return location;
  return { base: location.base, path: location.path.replace(/\[>\d+\]$/, '[*]') };
}

/** The place that an expression loads, casts apart. */
export function placeOf(expr: Expr): Place | undefined {
  if (expr.kind === 'load') return expr.place;
  if (expr.kind === 'cast') return placeOf(expr.operand);
  return undefined;
}

/** Type of an expression as far as the IR says. */
export function typeOf(expr: Expr): CType | undefined {
  switch (expr.kind) {
    case 'load':
      return expr.place.type;
    case 'address':
      return { kind: 'pointer', to: expr.place.type };
    case 'cast': {
      if (expr.type.kind === 'pointer' && expr.type.to.kind !== 'void') return expr.type;
      return typeOf(expr.operand) ?? expr.type;
    }
    default:
      return undefined;
  }
}

export function isRecord(type: CType): boolean {
  return type.kind === 'record';
}

export function anyNumber(): Value {
  return numeric(TOP_NUMBER);
}
