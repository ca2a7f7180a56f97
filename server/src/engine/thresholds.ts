/** Numbers that a function compares a variable or a field with: where a counter that grows may come to rest. */
import type { BinaryOperator, Expr, FunctionBody } from '../ir/ir.ts';
import { exprsOf } from '../ir/visit.ts';
import { variableBase } from './context.ts';
import { placeOf } from './evaluate.ts';
import type { Bounds } from './value.ts';

/** By variable, or by field wherever it lies. */
export type Thresholds = ReadonlyMap<string, Bounds>;

/** What the constant on the right says: where counting up ends, and where counting down does. */
const ENDS: Partial<Record<BinaryOperator, { readonly up: number; readonly down: number }>> = {
  '<': { up: 0, down: -1 },
  '>=': { up: 0, down: -1 },
  '<=': { up: 1, down: 0 },
  '>': { up: 1, down: 0 },
  '==': { up: 0, down: 0 },
  '!=': { up: 0, down: 0 },
};

const cache = new WeakMap<FunctionBody, Thresholds>();

export function thresholdsOf(body: FunctionBody): Thresholds {
  let found = cache.get(body);
  if (found === undefined) {
    found = find(body);
    cache.set(body, found);
  }
  return found;
}

function find(body: FunctionBody): Thresholds {
  const found = new Map<string, { up: number[]; down: number[] }>();
  for (const e of exprsOf(body)) {
    if (e.kind !== 'binary' || e.right.kind !== 'constant') continue;
    const ends = ENDS[e.op];
    const name = nameOf(e.left);
    const bound = Number(e.right.value);
    if (ends === undefined || name === undefined || !Number.isSafeInteger(bound)) continue;
    const bounds = found.get(name) ?? { up: [], down: [] };
    bounds.up.push(bound + ends.up);
    bounds.down.push(bound + ends.down);
    found.set(name, bounds);
  }
  for (const { up, down } of found.values()) {
    up.sort((a, b) => a - b);
    down.sort((a, b) => b - a);
  }
  return found;
}

function nameOf(e: Expr): string | undefined {
  const place = placeOf(e);
  const last = place?.path.at(-1);
  if (last?.kind === 'field') return `.${last.name}`;
  return place?.base.kind === 'variable' && last === undefined ? variableBase(place.base.variable) : undefined;
}
