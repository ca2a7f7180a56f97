/**
 * What a caller keeps to itself while a callee runs: variables whose address is nowhere taken. A callee can neither read
 * nor change them, so they are set aside, and its effect is found again wherever the rest of the state is the same
 * (localisation: Rinetzky et al., "A semantics for procedure local heaps and its abstractions", POPL 2005).
 */
import type { FunctionBody, Variable } from '../ir/ir.ts';
import { exprsOf } from '../ir/visit.ts';
import type { Entry } from './buckets.ts';
import { type Cells, FORK_FIELD } from './cells.ts';
import { ERRNO_BASE, type Program, variableBase } from './context.ts';
import type { State } from './state.ts';

export interface Frame {
  readonly entries: readonly Entry[];
  /** Those of them that stand for several objects. */
  readonly summaries: readonly string[];
}

const NOTHING: Frame = { entries: [], summaries: [] };

const privates = new WeakMap<FunctionBody, readonly string[]>();

/** Bases of the variables of a body that nobody else can reach. */
function privateBases(body: FunctionBody): readonly string[] {
  let found = privates.get(body);
  if (found === undefined) {
    found = findPrivate(body);
    privates.set(body, found);
  }
  return found;
}

function findPrivate(body: FunctionBody): string[] {
  const taken = new Set<Variable>();
  for (const e of exprsOf(body))
    if (e.kind === 'address' && e.place.base.kind === 'variable') taken.add(e.place.base.variable);
  const isPrivate = (v: Variable) => v.storage !== 'static' && v.cleanup === undefined && !taken.has(v);
  return [...body.parameters, ...body.locals].filter(isPrivate).map(variableBase);
}

/**
 * Takes the private variables of the caller out of the state. What names a descriptor or a message stays, and so does
 * what leads to allocated memory: whoever holds a descriptor there is asked of the whole state, and what is made where
 * something was made before gives that another name. Where there is no descriptor, and the callee makes nothing, that is
 * no reason (`makesNothing`).
 */
export function setAside(state: State, caller: FunctionBody, callee: FunctionBody, makesNothing: boolean): Frame {
  // A function that calls itself has one set of variables.
  if (caller.id === callee.id) return NOTHING;
  const entries = state.memory.removeEach(privateBases(caller), makesNothing ? isUntagged : isPlain);
  return { entries, summaries: [] };
}

/** The same for all that the callee cannot reach, whoever's it is: its callers are not told apart. */
export function setAsideUnreached(program: Program, state: State, callee: FunctionBody, makesNothing: boolean): Frame {
  const { bases } = state.reach([], [ERRNO_BASE, ...globalBases(program), ...callee.parameters.map(variableBase)]);
  const { summaries } = state.memory;
  const entries = state.memory.removeOthers(bases, makesNothing ? isUntagged : isPlain);
  return { entries, summaries: entries.flatMap(({ base }) => (summaries.has(base) ? [base] : [])) };
}

const globals = new WeakMap<Program, readonly string[]>();

function globalBases(program: Program): readonly string[] {
  let found = globals.get(program);
  if (found === undefined) {
    found = program.globals.map((g) => variableBase(g.variable));
    globals.set(program, found);
  }
  return found;
}

function isPlain({ values }: Cells): boolean {
  for (const { references, tag } of values.values()) {
    if (tag !== undefined) return false;
    for (const r of references)
      if (r.kind === 'descriptor' || (r.kind === 'location' && /^(?:heap|map):/.test(r.location.base))) return false;
  }
  return true;
}

function isUntagged({ values }: Cells): boolean {
  for (const { tag } of values.values()) if (tag !== undefined) return false;
  return true;
}

/** The variables of a body as they are: those of the outer activation of a recursive function. */
export function saveFrame(state: State, body: FunctionBody): Frame {
  const entries: Entry[] = [];
  for (const variable of [...body.parameters, ...body.locals]) {
    const base = variableBase(variable);
    if (state.memory.has(base)) entries.push({ base, cells: state.memory.cellsOf(base) });
  }
  return { entries, summaries: [] };
}

/** Descriptors that variables of the frame hold, messages apart. */
export function heldIn({ entries }: Frame): Set<string> {
  const found = new Set<string>();
  for (const { cells } of entries)
    for (const [path, { references }] of cells.values)
      if (!path.endsWith(FORK_FIELD)) for (const r of references) if (r.kind === 'descriptor') found.add(r.object);
  return found;
}

export function restoreFrame(state: State, { entries, summaries }: Frame): void {
  state.memory.putEach(entries);
  for (const base of summaries) state.memory.makeSummary(base);
}
