/** Conditions: restricts a state to those concrete states in which an expression is true, or false. */
import type { BinaryOperator, Expr, Place } from '../ir/ir.ts';
import { canBeSame } from './arithmetic.ts';
import { isFoundMemory } from './cells.ts';
import type { Context } from './context.ts';
import {
  anyNumber,
  evaluate,
  evaluateCondition,
  loadLocation,
  type Operands,
  operandsOf,
  placeLocations,
  placeOf,
} from './evaluate.ts';
import type { Memory } from './memory.ts';
import { isBytePointer } from './slice/names.ts';
import type { State } from './state.ts';
import {
  type AbstractNumber,
  asConstant,
  between,
  canBeNonZero,
  canBeZero,
  constant,
  contains,
  isEmpty,
  type Location,
  numberSet,
  type Reference,
  referenceKey,
  referring,
  type Value,
  withNumber,
  withoutZero,
} from './value.ts';

const NEGATED: Partial<Record<BinaryOperator, BinaryOperator>> = {
  '==': '!=',
  '!=': '==',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
};
const SWAPPED: Partial<Record<BinaryOperator, BinaryOperator>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
};

/** Narrows `state` in place; false when no concrete state is left. */
export function assume(ctx: Context, state: State, condition: Expr, truth: boolean): boolean {
  const operands = operandsOf(ctx, state, condition);
  const value = evaluateCondition(ctx, state, condition, operands);
  return assumeValue(ctx, state, { condition, value, operands }, truth);
}

/** A condition, and what it is in a state. */
interface Evaluated {
  readonly condition: Expr;
  readonly value: Value;
  readonly operands: Operands | undefined;
}

/** The same for a condition that was evaluated in this state. */
export function assumeValue(ctx: Context, state: State, evaluated: Evaluated, truth: boolean): boolean {
  const { condition, value, operands } = evaluated;
  if (truth ? !canBeNonZero(value) : !canBeZero(value)) return false;
  return narrowBy(ctx, state, condition, operands, truth);
}

function narrowBy(
  ctx: Context,
  state: State,
  condition: Expr,
  operands: Operands | undefined,
  truth: boolean,
): boolean {
  switch (condition.kind) {
    case 'cast':
      return narrowBy(ctx, state, condition.operand, operands, truth);
    case 'unary':
      return condition.op === '!' ? narrowBy(ctx, state, condition.operand, operands, !truth) : true;
    case 'load':
      return narrowPlace(ctx, state, condition, truth ? '!=' : '==', constant(0));
    case 'binary': {
      const { op } = condition;
      if (op in NEGATED) {
        const effective = truth ? op : NEGATED[op]!;
        const { left, right } = operands!;
        // (x & mask) == mask, (x & mask) != 0
        if (condition.left.kind === 'binary' && condition.left.op === '&') {
          if (!narrowMask(ctx, state, condition.left, effective, asConstant(right))) return false;
        }
        return (
          narrowPlace(ctx, state, condition.left, effective, right) &&
          narrowPlace(ctx, state, condition.right, SWAPPED[effective]!, left)
        );
      }
      if (op === '&') return narrowMask(ctx, state, condition, truth ? '!=' : '==', 0);
      return true;
    }
    default:
      return true;
  }
}

function narrowMask(
  ctx: Context,
  state: State,
  expr: Expr & { kind: 'binary' },
  op: BinaryOperator,
  to: number | undefined,
): boolean {
  if (to === undefined) return true;
  const mask = asConstant(evaluate(ctx, state, expr.right)) ?? asConstant(evaluate(ctx, state, expr.left));
  if (mask === undefined || !Number.isSafeInteger(mask) || mask < 0) return true;
  const word = asConstant(evaluate(ctx, state, expr.right)) === undefined ? expr.right : expr.left;
  const bits = BigInt(mask);
  const single = (bits & (bits - 1n)) === 0n;
  const set = (op === '==' && to === mask) || (op === '!=' && to === 0 && single);
  const clear = (op === '==' && to === 0) || (op === '!=' && to === mask && single);
  if (!set && !clear) return true;
  return replace(ctx, state, word, (value) => {
    const n = value.number;
    if (n === undefined) return value;
    if (n.set !== undefined) {
      const kept = n.set.filter((v) => Number.isSafeInteger(v) && (BigInt(v) & bits) === (set ? bits : 0n));
      return withNumber(value, kept.length === 0 ? undefined : numberSet(kept));
    }
    if (clear && (n.must & bits) !== 0n) return withNumber(value, undefined);
    const must = set ? n.must | bits : n.must;
    const may = set ? n.may | (n.unknownBits ? 0n : bits) : n.may & ~bits;
    const { low, high, unknownBits, nonzero } = n;
    return withNumber(value, { set: undefined, low, high, must, may, unknownBits, nonzero });
  });
}

function narrowPlace(ctx: Context, state: State, expr: Expr, op: BinaryOperator, bound: Value): boolean {
  if (placeOf(expr) === undefined) return true;
  const n = bound.number;
  if (bound.any) return true;
  if (n === undefined) return replace(ctx, state, expr, (value) => filterReferences(state, value, op, bound));
  return replace(ctx, state, expr, (value) => filter(value, op, n, bound.references.length > 0));
}

/** Compared with what is surely a pointer, a descriptor or a function. */
function filterReferences({ memory }: State, value: Value, op: BinaryOperator, bound: Value): Value {
  const { references } = value;
  if (op === '==') {
    const same = references.filter((r) => bound.references.some((b) => canBeSame(r, b)));
    if (value.any)
      return {
        number: undefined,
        references: same.length > 0 ? same : bound.references,
        any: false,
        tag: value.tag,
      };
    return same.length === references.length && value.number === undefined ? value : referring(value, same);
  }
  const [one, ...others] = bound.references;
  if (op !== '!=' || one === undefined || others.length > 0 || !isOneThing(memory, one)) return value;
  const left = references.filter((r) => referenceKey(r) !== referenceKey(one));
  if (left.length === references.length) return value;
  return { number: value.number, references: left, any: value.any, tag: value.tag };
}

/** The reference does not stand for several things of the program. */
function isOneThing(memory: Memory, r: Reference): boolean {
  if (r.kind === 'function') return true;
  if (r.kind === 'descriptor') return !r.object.includes('~') && !r.object.startsWith('outside:');
  if (r.kind !== 'location') return false;
  const { base, path } = r.location;
  return !memory.isSummary(base) && !base.includes('outside:') && !/\[[*>+]/.test(path);
}

function replace(ctx: Context, state: State, expr: Expr, change: (value: Value) => Value): boolean {
  const place = placeOf(expr);
  if (place === undefined) return true;
  if (place.base.kind === 'variable' && place.base.variable.volatile) return true;
  if (ctx.slice.ignores(place)) return true;
  const locations = placeLocations(ctx, state, place);
  if (locations.length > 1) return narrowPointer(ctx, state, place, expr, change);
  if (locations.length !== 1) return true;
  const location = locations[0]!;
  if (!state.memory.isStrong(location) || isSomewhereIn(location, place)) return true;
  const value = loadLocation(ctx, state, location);
  const changed = change(value);
  if (isEmpty(changed)) return false;
  if (changed === value) return true;
  // What others stored there is joined again by the next load: kept is what is learnt of this path's own value.
  const own = state.memory.load(location) ?? value;
  const kept = own === value ? changed : change(own);
  if (kept !== own) state.memory.store(location, isEmpty(kept) ? changed : kept);
  if (asConstant(changed) === 0) forgetUnmade(state, value.references);
  return true;
}

/** Where in a text a pointer is, is not followed (slice/steps.ts): what one character is says nothing of the next look. */
function isSomewhereIn({ base }: Location, place: Place): boolean {
  return place.base.kind === 'deref' && isFoundMemory(base) && isBytePointer(place.base.pointer);
}

/** Of a pointer that leads to several objects, those stay in which the member can be what it is said to be. */
function narrowPointer(ctx: Context, state: State, place: Place, expr: Expr, change: (value: Value) => Value): boolean {
  const targets = targetsOf(ctx, state, place);
  const left = targets.filter((target) => {
    const [location, ...others] = placeLocations(ctx, target.state, place);
    return location === undefined || others.length > 0 || !isEmpty(change(loadLocation(ctx, target.state, location)));
  });
  if (targets.length === 0 || left.length === targets.length) return true;
  if (left.length === 0) return false;
  const references = left.map(({ to }) => to);
  const { pointer, value } = left[0]!;
  state.memory.store(pointer, referring(value, references));
  return left.length > 1 || replace(ctx, state, expr, change);
}

/** A state in which a pointer leads to one of the objects that it may lead to. */
export interface Target {
  readonly state: State;
  readonly to: Reference;
  /** Where the pointer lies, and what it may be in all. */
  readonly pointer: Location;
  readonly value: Value;
}

/** One for each object that the pointer before a place may lead to; none where it is not told apart which it is. */
export function targetsOf(ctx: Context, state: State, { base }: Place): Target[] {
  const pointerPlace = base.kind === 'deref' ? placeOf(base.pointer) : undefined;
  if (pointerPlace === undefined) return [];
  const [pointer, ...others] = placeLocations(ctx, state, pointerPlace);
  if (pointer === undefined || others.length > 0 || !state.memory.isStrong(pointer)) return [];
  const value = state.memory.load(pointer);
  if (value === undefined || value.any || value.references.length < 2) return [];
  return value.references.map((to) => {
    const one = state.clone();
    one.memory.store(pointer, referring(value, [to]));
    return { state: one, to, pointer, value };
  });
}

/**
 * Behind a pointer that is null, what it would point to was never allocated, where nothing else leads there: on this
 * path it has no content that would have to be joined with that of others.
 */
function forgetUnmade(state: State, references: readonly Reference[]): void {
  for (const r of references) {
    if (r.kind !== 'location' || !r.location.base.startsWith('heap:')) continue;
    const { base } = r.location;
    const { memory, situation } = state;
    if (!memory.has(base) || memory.isSummary(base) || situation.kept.has(base)) continue;
    const { values } = memory.cellsOf(base);
    if ([...values.values()].some((v) => v.references.some((to) => to.kind === 'descriptor'))) continue;
    if (!memory.isReferredTo(base)) memory.deleteBase(base);
  }
}

const NO_REFERENCES: readonly Reference[] = [];

function filter(value: Value, op: BinaryOperator, n: AbstractNumber, mixed: boolean): Value {
  const number = value.number === undefined ? undefined : filterNumber(value.number, op, n);
  const references = mixed || keepsReference(op, n) ? value.references : NO_REFERENCES;
  let any = value.any;
  // A number below zero is no pointer and no descriptor.
  if (!mixed && any) {
    if (op === '==' || (op === '<' && n.high <= 0) || (op === '<=' && n.high < 0)) any = false;
  }
  if (number === value.number && references.length === value.references.length && any === value.any) return value;
  return { number, references, any, tag: value.tag };
}

/** A pointer is not null, and zero is no descriptor, as `compareReference()` has it. */
function keepsReference(op: BinaryOperator, n: AbstractNumber): boolean {
  switch (op) {
    case '==':
    case '<=':
      return n.high >= 1;
    case '<':
      return n.high > 1;
    default:
      return true;
  }
}

function filterNumber(a: AbstractNumber, op: BinaryOperator, n: AbstractNumber): AbstractNumber | undefined {
  if (a.set !== undefined) {
    const kept = a.set.filter((v) => possible(v, op, n));
    if (kept.length === a.set.length) return a;
    return kept.length === 0 ? undefined : numberSet(kept);
  }
  switch (op) {
    case '==':
      if (n.set !== undefined) {
        const kept = n.set.filter((v) => contains(a, v));
        return kept.length === 0 ? undefined : numberSet(kept);
      }
      return bound(a, n.low, n.high);
    case '!=':
      if (n.set?.length === 1) {
        if (a.low === n.low) return bound(a, a.low + 1, a.high);
        if (a.high === n.low) return bound(a, a.low, a.high - 1);
        if (n.low === 0 && contains(a, 0)) return withoutZero(a);
      }
      return a;
    case '<':
      return bound(a, -Infinity, n.high - 1);
    case '<=':
      return bound(a, -Infinity, n.high);
    case '>':
      return bound(a, n.low + 1, Infinity);
    default:
      return bound(a, n.low, Infinity);
  }
}

function bound(a: AbstractNumber, low: number, high: number): AbstractNumber | undefined {
  const l = Math.max(a.low, low);
  const h = Math.min(a.high, high);
  if (l > h) return undefined;
  if (l === a.low && h === a.high) return a;
  if (l === h) return numberSet([l]);
  return between(a, l, h);
}

function possible(v: number, op: BinaryOperator, n: AbstractNumber): boolean {
  switch (op) {
    case '==':
      return contains(n, v);
    case '!=':
      return !(n.set?.length === 1 && n.set[0] === v);
    case '<':
      return v < n.high;
    case '<=':
      return v <= n.high;
    case '>':
      return v > n.low;
    default:
      return v >= n.low;
  }
}

export { anyNumber };
