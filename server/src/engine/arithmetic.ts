/** Transfer functions of C's operators on abstract values. Integers are mathematical; wrap-around is not modelled. */
import type { BinaryOperator, UnaryOperator } from '../ir/ir.ts';
import {
  type AbstractNumber,
  asConstant,
  between,
  canBeNonZero,
  canBeZero,
  constant,
  contains,
  interval,
  join,
  knownBits,
  type Location,
  MAX_SET,
  type MessageTag,
  movedTag,
  numberSet,
  numeric,
  oneOf,
  orAnything,
  type Reference,
  referenceKey,
  TOP_NUMBER,
  UNKNOWN,
  type Value,
  withNumber,
  withoutZero,
} from './value.ts';

/** A distance that is only known to be at least so many elements forward. */
interface Forward {
  readonly atLeast: number;
}

/**
 * Moves a location by a number of elements; `undefined` is an unknown distance. `[>2]` is a place of index two or
 * more: the end pointer of a loop, which elements before index two are surely before.
 */
export function displace(location: Location, elements: number | Forward | undefined): Location {
  if (elements === 0) return location;
  const match = location.path.endsWith(']') ? /^(.*)\[(\d+|[*+]|>\d+)\]$/s.exec(location.path) : null;
  const head = match === null ? location.path : match[1]!;
  const index = match === null ? '0' : match[2]!;
  if (typeof elements === 'object') {
    const from = /^>?(\d+)$/.exec(index)?.[1];
    const behind = from === undefined ? '*' : `>${Number(from) + elements.atLeast}`;
    return { base: location.base, path: `${head}[${behind}]` };
  }
  if (!/^\d/.test(index) || elements === undefined) return { base: location.base, path: `${head}[*]` };
  return { base: location.base, path: `${head}[${indexText(Number(index) + elements)}]` };
}

/** Elements above this index are not told apart. */
export const MAX_INDEX = 64;

export function indexText(index: number | undefined): string {
  return index === undefined || !Number.isInteger(index) || index < 0 || index > MAX_INDEX ? '*' : String(index);
}

export function applyUnary(op: UnaryOperator, value: Value): Value {
  switch (op) {
    case '+':
      return value;
    case '!': {
      const zero = canBeZero(value);
      const nonZero = canBeNonZero(value);
      return zero && nonZero ? oneOf(0, 1) : constant(zero ? 1 : 0);
    }
    case '-':
      return negate(value);
    case '~':
      return mapSet(value, (n) => Number(~BigInt(n)));
  }
}

function negate(value: Value): Value {
  const n = value.number;
  if (value.any || value.references.length > 0 || n === undefined || n.set !== undefined)
    return mapSet(value, (v) => -v);
  const negative = interval(-n.high, -n.low);
  return numeric(contains(n, 0) ? negative : withoutZero(negative));
}

function mapSet(value: Value, f: (n: number) => number): Value {
  const set = value.number?.set;
  if (value.any || value.references.length > 0 || set === undefined || !set.every(Number.isSafeInteger))
    return numeric(TOP_NUMBER);
  return oneOf(...set.map(f));
}

const ARITHMETIC: Partial<Record<BinaryOperator, (a: number, b: number) => number | undefined>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0 ? undefined : Math.trunc(a / b)),
  '%': (a, b) => (b === 0 ? undefined : a % b),
  '&': (a, b) => Number(BigInt(a) & BigInt(b)),
  '|': (a, b) => Number(BigInt(a) | BigInt(b)),
  '^': (a, b) => Number(BigInt(a) ^ BigInt(b)),
  '<<': (a, b) => (b < 0 || b > 63 ? undefined : Number(BigInt(a) << BigInt(b))),
  '>>': (a, b) => (b < 0 || b > 63 ? undefined : Number(BigInt(a) >> BigInt(b))),
};

export function applyBinary(op: BinaryOperator, left: Value, right: Value): Value {
  switch (op) {
    case '==':
    case '!=':
    case '<':
    case '>':
    case '<=':
    case '>=':
      return compare(op, left, right);
  }
  if ((op === '+' || op === '-') && (left.references.length > 0 || right.references.length > 0)) {
    return movePointer(op, left, right);
  }
  if (op === '&' && left.references.length > 0) return maskPointer(left, right);
  // Flags beside a descriptor in one word: the word still names it.
  if (op === '|' && (left.references.length > 0 || right.references.length > 0)) {
    if (right.references.length === 0) return left;
    return left.references.length === 0 ? right : join(left, right);
  }
  // Moving a page address keeps what it points to.
  if ((op === '<<' || op === '>>') && left.references.length > 0) return left;
  if (left.references.length > 0 || right.references.length > 0) return numeric(TOP_NUMBER);
  const a = left.number;
  const b = right.number;
  if (a === undefined || b === undefined) return numeric(TOP_NUMBER);
  const tag = tagBehind(op, left, right);
  const f = ARITHMETIC[op]!;
  if (a.set !== undefined && b.set !== undefined && !left.any && !right.any && a.set.length * b.set.length <= 64) {
    const results = new Set<number>();
    for (const x of a.set) {
      for (const y of b.set) {
        if (!Number.isSafeInteger(x) || !Number.isSafeInteger(y)) return numeric(TOP_NUMBER, tag);
        const r = f(x, y);
        if (r === undefined) return numeric(TOP_NUMBER, tag);
        results.add(r);
      }
    }
    if (results.size <= 8) return numeric(numberSet([...results].sort((x, y) => x - y)), tag);
  }
  const result = numeric(general(op, a, b), tag);
  // What may be a pointer is one still, a distance on.
  const moves = op === '+' ? left.any || right.any : op === '-' && left.any && !right.any;
  return moves ? orAnything(result) : result;
}

/** What of a message the result tells. */
function tagBehind(op: BinaryOperator, { tag }: Value, right: Value): MessageTag | undefined {
  if (tag === undefined || (op !== '-' && op !== '+' && op !== '&')) return undefined;
  const by = op === '&' ? undefined : asConstant(right);
  return by === undefined || by === 0 || tag.part !== 'event' ? tag : movedTag(tag, op === '+' ? by : -by);
}

/** Bits that tell where in a mapping an address lies, and not in which one. */
const OFFSET_BITS = 2 ** 32 - 1;

/**
 * The page of an address points where the address does; its place in the page is a number, and so may be what a mask
 * leaves that is not known. Of a word with a descriptor in it a mask leaves the descriptor.
 */
function maskPointer(left: Value, mask: Value): Value {
  if (left.references.some((r) => r.kind !== 'location')) return left;
  const { number } = mask;
  if (mask.any || number === undefined) return withNumber(left, TOP_NUMBER);
  if (number.low >= 0 && number.high <= OFFSET_BITS) return numeric(interval(0, number.high));
  return number.set === undefined ? withNumber(left, TOP_NUMBER) : left;
}

function general(op: BinaryOperator, a: AbstractNumber, b: AbstractNumber): AbstractNumber {
  switch (op) {
    case '+':
      return interval(a.low + b.low, a.high + b.high);
    case '-':
      return interval(a.low - b.high, a.high - b.low);
    case '/':
      if (b.set?.length === 1 && b.low > 0) return interval(Math.trunc(a.low / b.low), Math.trunc(a.high / b.low));
      return TOP_NUMBER;
    case '>>':
      if (b.set?.length === 1 && b.low >= 0 && b.low < 53 && a.low >= 0)
        return interval(Math.floor(a.low / 2 ** b.low), Math.floor(a.high / 2 ** b.low));
      return TOP_NUMBER;
    case '%':
      if (b.set?.length === 1 && b.low > 0 && a.low >= 0) {
        const high = Math.min(a.high, b.low - 1);
        return high < MAX_SET ? numberSet(Array.from({ length: high + 1 }, (_, n) => n)) : interval(0, high);
      }
      return TOP_NUMBER;
    case '&': {
      // A constant mask bounds the bits of an unknown word; that the program names them is some evidence that it wants
      // them, where they are not just the lowest ones.
      const may = (a.may | (a.unknownBits ? b.must : 0n)) & (b.may | (b.unknownBits ? a.must : 0n));
      const evidence = (a.may | (a.unknownBits ? namedBits(b) : 0n)) & (b.may | (b.unknownBits ? namedBits(a) : 0n));
      const unknownBits = (a.unknownBits && b.unknownBits) || may !== evidence;
      const bounded =
        b.set !== undefined && b.low >= 0 ? b.high : a.set !== undefined && a.low >= 0 ? a.high : Infinity;
      if (evidence === 0n && !unknownBits) return numberSet([0]);
      const bits = knownBits(a.must & b.must, evidence, unknownBits);
      return between(bits, bounded === Infinity ? -Infinity : 0, bounded);
    }
    case '|':
      return knownBits(a.must | b.must, a.may | b.may, a.unknownBits || b.unknownBits);
    case '*':
      if (a.low >= 0 && b.low >= 0) return interval(a.low * b.low, a.high * b.high || 0);
      return TOP_NUMBER;
    default:
      return TOP_NUMBER;
  }
}

/** The bits of a constant that picks some out of a word. */
function namedBits({ set, must }: AbstractNumber): bigint {
  return set?.length === 1 && must > 0n && (must & (must + 1n)) !== 0n ? must : 0n;
}

function movePointer(op: '+' | '-', left: Value, right: Value): Value {
  const leftPointers = left.references.filter((r) => r.kind === 'location');
  const rightPointers = right.references.filter((r) => r.kind === 'location');
  if (leftPointers.length > 0 && rightPointers.length > 0)
    return numeric(op === '-' ? elementsBetween(left, right) : TOP_NUMBER);
  const pointers = leftPointers.length > 0 ? leftPointers : rightPointers;
  if (pointers.length === 0) return numeric(TOP_NUMBER);
  const moves = leftPointers.length > 0 ? right : left;
  const set = moves.any ? undefined : moves.number?.set;
  const low = op === '+' && !moves.any ? moves.number?.low : undefined;
  const forward = low !== undefined && low >= 1 && low <= MAX_INDEX ? { atLeast: Math.ceil(low) } : undefined;
  const distance = set?.length === 1 ? (op === '-' ? -set[0]! : set[0]!) : forward;
  const moved = new Map<string, Reference>();
  for (const p of pointers) {
    const r: Reference = { kind: 'location', location: displace(p.location, distance) };
    moved.set(referenceKey(r), r);
  }
  return { number: undefined, references: [...moved.values()], any: left.any || right.any, tag: undefined };
}

/**
 * From one place of an array to another one: at least as many as elements lie between. In which unit the program counts
 * (elements, or the bytes of a cast) is not known here, so nothing bounds it away from zero.
 */
function elementsBetween(left: Value, right: Value): AbstractNumber {
  if (left.any || right.any || left.number !== undefined || right.number !== undefined) return TOP_NUMBER;
  const pairs = indexPairs(left, right);
  if (pairs === undefined) return TOP_NUMBER;
  const low = Math.min(...pairs.map(([i, j]) => i.low - j.high));
  const high = Math.max(...pairs.map(([i, j]) => i.high - j.low));
  return interval(low < 0 ? -Infinity : low, high > 0 ? Infinity : high);
}

/** The indexes of each two places that lie in one array; undefined where some do not, or are not known. */
function indexPairs(left: Value, right: Value): [AbstractNumber, AbstractNumber][] | undefined {
  const pairs: [AbstractNumber, AbstractNumber][] = [];
  for (const a of left.references) {
    for (const b of right.references) {
      const [i, j] = [lastIndex(a), lastIndex(b)];
      const same = a.kind === 'location' && b.kind === 'location' && a.location.base === b.location.base;
      if (!same || i === undefined || j === undefined) return undefined;
      pairs.push([i, j]);
    }
  }
  return pairs;
}

type Truth = { readonly canBeTrue: boolean; readonly canBeFalse: boolean };
const BOTH: Truth = { canBeTrue: true, canBeFalse: true };

export function compare(op: BinaryOperator, left: Value, right: Value): Value {
  const truth = compareTruth(op, left, right);
  if (truth.canBeTrue && truth.canBeFalse) return oneOf(0, 1);
  return constant(truth.canBeTrue ? 1 : 0);
}

function compareTruth(op: BinaryOperator, left: Value, right: Value): Truth {
  if (op === '==' || op === '!=') {
    const other = asConstant(right) === 0 ? left : asConstant(left) === 0 ? right : undefined;
    if (other !== undefined && !canBeZero(other)) return { canBeTrue: op === '!=', canBeFalse: op === '==' };
  }
  if (left.any || right.any) return BOTH;
  let canBeTrue = false;
  let canBeFalse = false;
  const add = (t: Truth) => {
    canBeTrue ||= t.canBeTrue;
    canBeFalse ||= t.canBeFalse;
  };
  if (left.number !== undefined && right.number !== undefined) add(compareNumbers(op, left.number, right.number));
  for (const r of left.references) if (right.number !== undefined) add(compareReference(op, r, right.number, false));
  for (const r of right.references) if (left.number !== undefined) add(compareReference(op, r, left.number, true));
  if (left.references.length > 0 && right.references.length > 0) add(compareReferences(op, left, right));
  return { canBeTrue, canBeFalse };
}

function compareReferences(op: BinaryOperator, left: Value, right: Value): Truth {
  if (op !== '==' && op !== '!=') return compareOrder(op, left, right);
  if (left.references.some((a) => right.references.some((b) => canBeSame(a, b)))) return BOTH;
  return { canBeTrue: op === '!=', canBeFalse: op === '==' };
}

export function canBeSame(a: Reference, b: Reference): boolean {
  if (a.kind !== 'location' || b.kind !== 'location') return referenceKey(a) === referenceKey(b);
  if (a.location.base !== b.location.base) return false;
  const x = a.location.path;
  const y = b.location.path;
  if (x === y || x.includes('[*]') || y.includes('[*]')) return true;
  const [i, j] = [lastIndex(a), lastIndex(b)];
  return i !== undefined && j !== undefined && i.low <= j.high && j.low <= i.high;
}

/** The index that a path ends with, as an interval. */
function lastIndex(r: Reference): AbstractNumber | undefined {
  const match = r.kind === 'location' ? /\[(>?)(\d+)\]$/.exec(r.location.path) : null;
  if (match === null) return undefined;
  const low = Number(match[2]);
  return interval(low, match[1] === '>' ? Infinity : low);
}

/** `m < end` over one array. */
function compareOrder(op: BinaryOperator, left: Value, right: Value): Truth {
  const truths = indexPairs(left, right)?.map(([i, j]) => compareNumbers(op, i, j));
  if (truths === undefined) return BOTH;
  return { canBeTrue: truths.some((t) => t.canBeTrue), canBeFalse: truths.some((t) => t.canBeFalse) };
}

function compareNumbers(op: BinaryOperator, a: AbstractNumber, b: AbstractNumber): Truth {
  switch (op) {
    case '<':
      return { canBeTrue: a.low < b.high, canBeFalse: a.high >= b.low };
    case '<=':
      return { canBeTrue: a.low <= b.high, canBeFalse: a.high > b.low };
    case '>':
      return compareNumbers('<', b, a);
    case '>=':
      return compareNumbers('<=', b, a);
    case '!=': {
      const t = compareNumbers('==', a, b);
      return { canBeTrue: t.canBeFalse, canBeFalse: t.canBeTrue };
    }
    default: {
      if (a.set !== undefined && b.set !== undefined) {
        const common = a.set.some((v) => b.set!.includes(v));
        const single = a.set.length === 1 && b.set.length === 1;
        return { canBeTrue: common, canBeFalse: !(single && common) };
      }
      const overlap = a.low <= b.high && b.low <= a.high;
      // A word whose surely set bits are not in the constant cannot equal it.
      const excluded = b.set?.length === 1 && Number.isSafeInteger(b.low) && (a.must & ~BigInt(b.low)) !== 0n;
      return { canBeTrue: overlap && !excluded, canBeFalse: true };
    }
  }
}

/** The lowest free number is given, and none above sysctl_nr_open_max: fs/file.c. */
const MAX_DESCRIPTOR = 0x7fffffbf;

/** Compares a pointer (never null) or a descriptor (never negative) with a number. */
function compareReference(op: BinaryOperator, ref: Reference, n: AbstractNumber, swapped: boolean): Truth {
  if (ref.kind === 'descriptor' || ref.kind === 'thread' || ref.kind === 'process') {
    // Zero is standard input: a slot that holds zero, or a result that is zero, is no descriptor here.
    const number = interval(1, ref.kind === 'descriptor' ? MAX_DESCRIPTOR : Infinity);
    return swapped ? compareNumbers(op, n, number) : compareNumbers(op, number, n);
  }
  const negativeOrZero = n.high <= 0;
  switch (op) {
    case '==':
      return { canBeTrue: !(n.low === 0 && n.high === 0) && !negativeOrZero, canBeFalse: true };
    case '!=':
      return { canBeTrue: true, canBeFalse: !negativeOrZero };
    default: {
      const address = interval(1, Infinity);
      return swapped ? compareNumbers(op, n, address) : compareNumbers(op, address, n);
    }
  }
}

export { UNKNOWN };
