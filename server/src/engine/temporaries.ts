/**
 * Temporaries that nobody reads behind the block in which they are made. They are forgotten at its end, so that states
 * are not told apart by them and have less to join.
 */
import type { Expr, FunctionBody, Place, Variable } from '../ir/ir.ts';
import { visitInstruction, visitTerminator } from '../ir/visit.ts';
import type { Entry } from './buckets.ts';
import type { Cells } from './cells.ts';
import { type Context, variableBase } from './context.ts';
import { checkLost } from './observe.ts';
import type { State } from './state.ts';
import { NO_DESCRIPTORS } from './value.ts';

const cache = new WeakMap<FunctionBody, readonly (readonly string[])[]>();

/** Bases of temporaries by the block that they live in. */
export function temporariesOf(body: FunctionBody): readonly (readonly string[])[] {
  let found = cache.get(body);
  if (found === undefined) {
    found = find(body);
    cache.set(body, found);
  }
  return found;
}

/**
 * A record that a call returned, and that nobody took, is lost with the statement. A descriptor by itself stays: what became
 * of it is said where the next one takes its place.
 */
export function forgetTemporaries(ctx: Context, state: State, bases: readonly string[]): void {
  if (bases.length === 0) return;
  const lost = descriptorsOf(state.memory.removeEach(bases, isNoDescriptor));
  if (lost.length > 0) checkLost(ctx, state, lost, { how: 'dropped' });
}

/** Descriptors that these cells name. */
export function descriptorsOf(entries: readonly Entry[]): readonly string[] {
  let found: string[] | undefined;
  for (const { cells } of entries)
    for (const { references } of cells.values.values())
      for (const r of references) {
        if (r.kind !== 'descriptor') continue;
        found ??= [];
        found.push(r.object);
      }
  return found ?? NO_DESCRIPTORS;
}

function isNoDescriptor({ values }: Cells): boolean {
  return values.get('')?.references.some((r) => r.kind === 'descriptor') !== true;
}

function find(body: FunctionBody): string[][] {
  const home = new Map<Variable, number>();
  const shared = new Set<Variable>();
  let block = 0;
  const note = (variable: Variable) => {
    if (variable.storage !== 'temporary') return;
    const known = home.get(variable);
    if (known === undefined) home.set(variable, block);
    else if (known !== block) shared.add(variable);
  };
  const visitor = {
    expr: (e: Expr) => {
      if (e.kind === 'address' && e.place.base.kind === 'variable') shared.add(e.place.base.variable);
    },
    place: ({ base }: Place) => {
      if (base.kind === 'variable') note(base.variable);
    },
  };
  for (const { id, instructions, terminator } of body.blocks) {
    block = id;
    for (const i of instructions) {
      visitInstruction(i, visitor);
      if (i.kind === 'call' && i.result !== undefined) note(i.result);
      if (i.kind === 'declare') note(i.variable);
    }
    visitTerminator(terminator, visitor);
  }
  const found: string[][] = body.blocks.map(() => []);
  for (const [variable, at] of home) if (!shared.has(variable)) found[at]!.push(variableBase(variable));
  return found;
}
