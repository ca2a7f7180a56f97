/**
 * What one base object holds, by access path. Paths are text: `.range.start`, `[0].event`, `[*].fd` (an element of
 * unknown index), `[+]` (an element other than the first: the rest of a batch of messages). `defaults` says what cells
 * that were never stored hold (zero after `= {0}` or calloc), by path prefix; where it says nothing the cell is unknown.
 */
import type { Place } from '../ir/ir.ts';
import type { Thresholds } from './thresholds.ts';
import { type Bounds, covers, join, NO_BOUNDS, UNKNOWN, type Value } from './value.ts';

/** Where a message holds the descriptor of a child: struct uffd_msg in include/uapi/linux/userfaultfd.h. */
export const FORK_FIELD = '.arg.fork.ufd';

/** The same, as a program names it. */
export function isForkPlace({ path }: Place): boolean {
  const [last, before] = [path.at(-1), path.at(-2)];
  return last?.kind === 'field' && last.name === 'ufd' && before?.kind === 'field' && before.name === 'fork';
}

export interface Cells {
  readonly values: Map<string, Value>;
  /** Replaced, not changed: copies share it. */
  defaults: ReadonlyMap<string, Value>;
}

export const NO_DEFAULTS: ReadonlyMap<string, Value> = new Map();
export const EMPTY: Cells = { values: new Map(), defaults: NO_DEFAULTS };

export function loadCell(cells: Cells, path: string): Value | undefined {
  if (path.includes('[*]')) return loadAny(cells, path);
  const exact = cells.values.get(path);
  if (exact !== undefined || !path.includes('[')) return exact ?? defaultOf(cells, path);
  const rest = fromRest(cells, path);
  const weak = fromWeak(cells, path);
  if (weak === undefined) return rest ?? defaultOf(cells, path);
  const other = rest ?? defaultOf(cells, path);
  return other === undefined ? weak : join(weak, other);
}

function fromRest(cells: Cells, path: string): Value | undefined {
  // Only the first index can name an element of a batch.
  const match = /\[(\d+)\]/.exec(path);
  if (match === null || match[1] === '0') return undefined;
  return cells.values.get(path.replace(match[0], '[+]'));
}

function fromWeak(cells: Cells, path: string): Value | undefined {
  let result: Value | undefined;
  for (const [key, value] of cells.values) {
    if (key !== path && key.includes('[*]') && matches(key, path))
      result = result === undefined ? value : join(result, value);
  }
  return result;
}

export function loadAny(cells: Cells, path: string, storedAlone = false): Value | undefined {
  const rest = cells.values.get(path.replace('[*]', '[+]'));
  if (rest !== undefined) return rest;
  let result: Value | undefined;
  for (const [key, value] of cells.values) {
    if (matches(key, path)) result = result === undefined ? value : join(result, value);
  }
  const fallback = defaultOf(cells, path);
  if (result === undefined) return fallback;
  if (storedAlone && fallback === UNKNOWN) return result;
  return fallback === undefined ? result : join(result, fallback);
}

export function defaultOf(cells: Cells, path: string): Value | undefined {
  if (cells.defaults.size === 0) return undefined;
  let best: Value | undefined;
  let length = -1;
  for (const [prefix, value] of cells.defaults) {
    if (prefix.length > length && isBelow(path, prefix)) {
      best = value;
      length = prefix.length;
    }
  }
  return best;
}

export function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix);
}

/** True when two paths can name the same cell: segments equal, or one of them an unknown index. */
export function matches(a: string, b: string): boolean {
  const x = a.split('[');
  const y = b.split('[');
  if (x.length !== y.length || x[0] !== y[0]) return false;
  for (let i = 1; i < x.length; i++) {
    const p = x[i]!;
    const q = y[i]!;
    if (p === q) continue;
    const pi = p.indexOf(']');
    const qi = q.indexOf(']');
    if (p.slice(pi) !== q.slice(qi)) return false;
    if (p[0] !== '*' && q[0] !== '*') return false;
  }
  return true;
}

export function patternLength(key: string, prefix: string): number {
  const count = prefix.split('[').length - 1;
  let at = 0;
  for (let i = 0; i < count; i++) at = key.indexOf(']', at) + 1;
  return at + (prefix.length - prefix.lastIndexOf(']') - 1);
}

export function underPattern(key: string, prefix: string): boolean {
  if (!prefix.includes('[*]') && !key.includes('[*]') && !key.includes('[+]')) return false;
  if (key.split('[').length < prefix.split('[').length) return false;
  // The rest of a batch is all but its first.
  const rest = key.indexOf('[+]');
  if (rest >= 0 && prefix.startsWith(`${key.slice(0, rest)}[0]`)) return false;
  const length = patternLength(key, prefix);
  const head = key.slice(0, length).replace('[+]', '[*]');
  return matches(head, prefix);
}

/** Memory that was there before the program named it. */
export function isFoundMemory(base: string): boolean {
  return base.startsWith('outside:') || base.startsWith('string:');
}

/**
 * Memory that was there before the program named it, with nothing but numbers that one path found out or stored: on a
 * path that did not, they are unknown.
 */
export function isLearned(base: string, { values }: Cells): boolean {
  if (!isFoundMemory(base)) return false;
  for (const { references, tag } of values.values()) if (references.length > 0 || tag !== undefined) return false;
  return true;
}

/** True when everything that `right` allows is allowed by `left`: when joining it would not change `left`. */
export function coversCells(left: Cells, right: Cells): boolean {
  if (left === right) return true;
  const whole = wholeOf(left, right);
  const other = whole && wholeOf(right, left);
  if (whole !== undefined && other !== undefined) return covers(whole, other);
  for (const [path, value] of left.values) {
    const other = right.values.get(path) ?? elsewhere(right, path);
    if (other === undefined ? !path.includes('[*]') : !covers(value, other)) return false;
  }
  for (const [path, value] of right.values) {
    if (left.values.has(path)) continue;
    const other = elsewhere(left, path);
    if (other === undefined ? path.includes('[*]') : !covers(other, value)) return false;
  }
  if (left.defaults === right.defaults) return true;
  for (const [prefix, value] of left.defaults) {
    const other = defaultOf(right, prefix);
    if (other === undefined ? value !== UNKNOWN : !covers(value, other)) return false;
  }
  return true;
}

/** The value of a base that is one cell, where both are and nothing else tells them apart: most variables. */
function wholeOf({ values, defaults }: Cells, other: Cells): Value | undefined {
  return values.size === 1 && defaults === other.defaults ? values.get('') : undefined;
}

/** What a single cell holds that was not stored by its own name. */
function elsewhere(cells: Cells, path: string): Value | undefined {
  return path.includes('[') && !path.includes('[*]') ? loadCell(cells, path) : defaultOf(cells, path);
}

export function joinCells(base: string, left: Cells, right: Cells, widen?: Thresholds): Cells {
  const whole = wholeOf(left, right);
  const wholeOther = whole && wholeOf(right, left);
  if (whole !== undefined && wholeOther !== undefined) {
    const joined = join(whole, wholeOther, widen && boundsOf(widen, base, ''));
    return joined === whole ? left : { values: new Map<string, Value>().set('', joined), defaults: left.defaults };
  }
  return joinByPath(base, left, right, widen);
}

/** What widening stops at in a cell. */
function boundsOf(widen: Thresholds, base: string, path: string): Bounds {
  return widen.get(path === '' ? base : path.slice(path.lastIndexOf('.'))) ?? NO_BOUNDS;
}

function joinByPath(base: string, left: Cells, right: Cells, widen: Thresholds | undefined): Cells {
  let values: Map<string, Value> | undefined;
  const change = () => {
    values ??= new Map(left.values);
    return values;
  };
  for (const [path, value] of left.values) {
    const other = right.values.get(path) ?? elsewhere(right, path);
    if (other === undefined) {
      // Nothing is known on one side: a weak cell keeps what it has, a single cell is forgotten, and what it held is
      // still the value of some element.
      if (path.includes('[*]')) continue;
      change().delete(path);
      if (value.references.length > 0 && path.includes('[')) {
        const some = path.replace(/\[\d+\]/g, '[*]');
        const held = values!.get(some);
        values!.set(some, held === undefined ? value : join(held, value));
      }
      continue;
    }
    const joined = join(value, other, widen && boundsOf(widen, base, path));
    if (joined !== value) change().set(path, joined);
  }
  for (const [path, value] of right.values) {
    if (left.values.has(path)) continue;
    const other = elsewhere(left, path);
    const joined = other === undefined ? value : join(other, value, widen && boundsOf(widen, base, path));
    // What a load would find there covers it already, or it is known on one side only.
    if (other === undefined ? path.includes('[*]') : joined !== other) change().set(path, joined);
  }
  let defaults: Map<string, Value> | undefined;
  for (const [prefix, value] of left.defaults === right.defaults ? NO_DEFAULTS : left.defaults) {
    const other = defaultOf(right, prefix);
    if (other === value) continue;
    const joined = other === undefined ? UNKNOWN : join(value, other);
    if (joined !== value) {
      defaults ??= new Map(left.defaults);
      defaults.set(prefix, joined);
    }
  }
  if (values === undefined && defaults === undefined) return left;
  return { values: values ?? left.values, defaults: defaults ?? left.defaults };
}
