/**
 * Loops of which each turn closes an element of an array, or joins the thread that lies there. How many turns one makes
 * is a number that the table's elements are not followed with: a way on which it makes none leaves none behind.
 */
import type { Expr, FunctionBody, Place, Variable } from '../ir/ir.ts';
import { successors } from '../ir/simplify.ts';
import { visitExpr } from '../ir/visit.ts';
import { type LibraryKind, libraryFunction } from '../libc/effects.ts';
import type { CallInstruction } from './call.ts';
import { type Context, variableBase } from './context.ts';
import { dominates } from './dominators.ts';
import { placeLocations, placeOf } from './evaluate.ts';
import { type Loop, loopsOf } from './loops.ts';
import type { State } from './state.ts';
import type { Reference } from './value.ts';

/** The variable in which the elements lie, or from which a pointer leads to where they do. */
interface Holder {
  readonly variable: Variable;
  readonly pointer: Place | undefined;
}

interface Emptying extends Holder {
  readonly loop: Loop;
  readonly by: LibraryKind;
  /** Where it is called. */
  readonly at: number;
}

const known = new WeakMap<FunctionBody, readonly Emptying[]>();

/**
 * Of what lies in the array nothing more is owed where control goes from the block out of such a loop, and threads have
 * ended: those that one call started, since of several it may not be all that were joined.
 */
export function leaveEmptied(ctx: Context, state: State, block: number, target: number): void {
  const { body } = ctx;
  let loops = known.get(body);
  if (loops === undefined) {
    loops = findEmptying(body);
    known.set(body, loops);
  }
  for (const emptying of loops) {
    const { loop, by, at } = emptying;
    if (!loop.members.includes(block) || loop.members.includes(target)) continue;
    const references = elementsOf(ctx, state, emptying);
    if (by === 'close') {
      for (const r of references)
        if (r.kind === 'descriptor' && state.objects.get(r.object)?.duty !== undefined)
          state.update(r.object, { duty: undefined });
    } else if (block === loop.head || dominates(body, at, block)) {
      // Whoever leaves in the middle of a turn has not joined all.
      const sites = new Set(references.flatMap((r) => (r.kind === 'thread' ? [r.site] : [])));
      if (sites.size === 1) for (const site of sites) state.noteJoined(site);
    }
  }
}

function elementsOf(ctx: Context, state: State, { variable, pointer }: Holder): Reference[] {
  const bases = new Set(pointer === undefined ? [variableBase(variable)] : []);
  for (const location of pointer === undefined ? [] : placeLocations(ctx, state, pointer))
    for (const r of state.memory.load(location)?.references ?? [])
      if (r.kind === 'location') bases.add(r.location.base);
  const found: Reference[] = [];
  for (const base of bases)
    for (const [path, { references }] of state.memory.cellsOf(base).values)
      if (path.includes('[')) found.push(...references);
  return found;
}

function findEmptying(body: FunctionBody): Emptying[] {
  const found: Emptying[] = [];
  for (const { id, instructions } of body.blocks)
    for (const i of instructions) {
      const by = i.kind === 'call' && i.callee.kind === 'function' ? libraryFunction(i.callee.name)?.kind : undefined;
      if (i.kind !== 'call' || (by !== 'close' && by !== 'thread-join')) continue;
      for (const holder of elementTaken(body, i)) {
        const loop = loopsOf(body)[id]!;
        // What is in no loop counts as one of the function as a whole.
        if (loop.outer !== undefined && isForEachElement(body, loop, id, holder))
          found.push({ ...holder, loop, by, at: id });
      }
    }
  return found;
}

/** Each turn comes to the block, but for those on which a test of the table's element itself says that there is none. */
function isForEachElement(body: FunctionBody, loop: Loop, block: number, { variable }: Holder): boolean {
  let at = block;
  while (!isOnEachTurn(body, loop, at)) {
    const [before, ...others] = loop.members.filter((m) => successors(body.blocks[m]!.terminator).includes(at));
    if (before === undefined || others.length > 0 || at === loop.head) return false;
    const { terminator } = body.blocks[before]!;
    if (terminator.kind === 'branch' && !looksInto(terminator.condition, variable)) return false;
    at = before;
  }
  return true;
}

function looksInto(condition: Expr, variable: Variable): boolean {
  let found = false;
  visitExpr(condition, {
    expr: () => {},
    place: (place) => {
      if (rootOf(place) === variable && place.path.some((e) => e.kind === 'index')) found = true;
    },
  });
  return found;
}

/** No way leads back to the loop's head past the block. */
function isOnEachTurn(body: FunctionBody, { head, members }: Loop, block: number): boolean {
  return members.every((m) => !successors(body.blocks[m]!.terminator).includes(head) || dominates(body, block, m));
}

/** Where a call takes an element from whose index is not constant, or that a pointer leads to. */
function elementTaken(body: FunctionBody, i: CallInstruction): readonly Holder[] {
  const place = i.arguments[0] === undefined ? undefined : placeOf(i.arguments[0]);
  if (place === undefined) return [];
  const { base, path } = place;
  if (base.kind === 'deref' && path.length === 0)
    return ledToBy(body, base.pointer).map((variable) => ({ variable, pointer: undefined }));
  if (!path.some((e) => e.kind === 'index' && e.index.kind !== 'constant')) return [];
  if (base.kind === 'variable') return [{ variable: base.variable, pointer: undefined }];
  const pointer = placeOf(base.pointer);
  const variable = pointer === undefined ? undefined : rootOf(pointer);
  return variable === undefined ? [] : [{ variable, pointer }];
}

/** The variable that a place lies in, or that the pointers start from that lead to it. */
function rootOf({ base }: Place): Variable | undefined {
  if (base.kind === 'variable') return base.variable;
  const pointer = placeOf(base.pointer);
  return pointer === undefined ? undefined : rootOf(pointer);
}

/** Arrays whose start is assigned to the variable that a pointer is read from. */
function ledToBy({ blocks }: FunctionBody, pointer: Expr): Variable[] {
  const place = placeOf(pointer);
  if (place?.base.kind !== 'variable' || place.path.length > 0) return [];
  const { variable } = place.base;
  return blocks
    .flatMap((b) => b.instructions)
    .flatMap((i) => {
      if (i.kind !== 'assign' || i.target.base.kind !== 'variable' || i.target.base.variable !== variable) return [];
      const { value } = i;
      return value.kind === 'address' && value.place.base.kind === 'variable' ? [value.place.base.variable] : [];
    });
}
