/** The end of a scope: what only its variables held is lost. */
import type { BasicBlock, Instruction, Variable } from '../ir/ir.ts';
import { checkReplaced, ownBases } from './assign.ts';
import { isUnderTest } from './branching.ts';
import { type Cells, FORK_FIELD } from './cells.ts';
import { type Context, variableBase } from './context.ts';
import { checkLost, type Loss, processEnds } from './observe.ts';
import { endsBehindCall, isProcessRoot } from './process-end.ts';
import type { State } from './state.ts';
import { objectsOf } from './value.ts';

export type EndOfScope = Instruction & { readonly kind: 'end-scope' };

export function endScope(ctx: Context, state: State, instruction: EndOfScope, block: BasicBlock): void {
  const { terminator } = block;
  const returns = terminator.kind === 'return';
  if (returns && isProcessRoot(ctx)) {
    processEnds(ctx, state);
    return;
  }
  const loss: Loss = returns && terminator.explicit ? { how: 'returned', span: terminator.span } : { how: 'dropped' };
  dropVariables(ctx, state, instruction, loss, block);
}

/** What lies in an array of records, as those of poll(), is a copy for a turn. */
function isOfRecords({ type }: Variable, path: string): boolean {
  return (type.kind === 'array' && type.of.kind !== 'integer') || path.includes('].');
}

/** Some cell refers to something: most variables are numbers alone. */
function refersTo({ values }: Cells): boolean {
  for (const { references } of values.values()) if (references.length > 0) return true;
  return false;
}

/** Descriptors in cells that hold nothing else: of one that may have been closed, or be another one, nothing is known. */
function surelyIn({ values }: Cells): string[] {
  return [...values.values()].flatMap((value) => {
    const held = value.number === undefined && !value.any ? objectsOf(value) : [];
    return held.length === 1 ? [...held] : [];
  });
}

/** The thread got it from its creator: a table of its own, as for poll(), is no place where others find it. */
function isGiven({ objects }: State, id: string): boolean {
  return objects.get(id)?.duty?.given !== undefined;
}

/** What can be found when the function has returned, by way of what it returns, too. */
function foundBehind(ctx: Context, state: State, { terminator }: BasicBlock): ReadonlySet<string> {
  const ending = new Set(ownBases(ctx.body));
  if (
    terminator.kind === 'return' &&
    terminator.value?.kind === 'load' &&
    terminator.value.place.base.kind === 'variable'
  )
    ending.delete(variableBase(terminator.value.place.base.variable));
  return state.foundWithout(ending, ctx.inherited);
}

function dropVariables(ctx: Context, state: State, instruction: EndOfScope, loss: Loss, block: BasicBlock): void {
  const candidates = new Set<string>();
  const taken = new Set<string>();
  /** In allocated memory that a variable led to. */
  const inMemory = new Set<string>();
  const bases = instruction.variables.map(variableBase);
  const holders = instruction.variables.filter((_, i) => refersTo(state.memory.cellsOf(bases[i]!)));
  for (const variable of holders) {
    const base = variableBase(variable);
    for (const [path, value] of state.memory.cellsOf(base).values) {
      const isMessage = path.endsWith(FORK_FIELD);
      if (!isMessage && path.includes('[') && ctx.stack.length === 1 && isOfRecords(variable, path)) {
        const held = objectsOf(value);
        for (const id of held) if (!isGiven(state, id)) state.update(id, { duty: undefined });
        if (!held.some((id) => isGiven(state, id))) continue;
      }
      for (const r of value.references) {
        if (r.kind === 'location' && r.location.base.startsWith('heap:')) {
          const { bases: found } = state.reach([value]);
          const descriptors = [...found].flatMap((at) => surelyIn(state.memory.cellsOf(at)));
          for (const id of descriptors) {
            candidates.add(id);
            if (variable.storage === 'local' && state.isNamedIn(found, id)) inMemory.add(id);
          }
        }
        if (r.kind !== 'descriptor') continue;
        candidates.add(r.object);
        if (variable.storage === 'local' && !isMessage) taken.add(r.object);
      }
    }
  }
  state.memory.removeEach(bases);
  checkReplaced(ctx, state);
  const isOwed = (id: string) => state.objects.get(id)?.duty !== undefined;
  if (candidates.size === 0) return;
  if (block.terminator.kind === 'return' && [...candidates].some(isOwed) && endsBehindCall(ctx)) return;
  for (const id of candidates) if (isOwed(id)) ctx.footprint.bound = true;
  if (loss.how === 'returned') {
    const held = state.heldOutsideMessages();
    for (const id of taken) if (!held.has(id)) state.updateDuty(id, { droppedAt: loss.span });
    const left = inMemory.size === 0 ? undefined : foundBehind(ctx, state, block);
    for (const id of inMemory)
      if (left !== undefined && !state.isNamedIn(left, id)) state.updateDuty(id, { droppedAt: loss.span });
  }
  const direct: string[] = [];
  const inMessage: string[] = [];
  for (const id of candidates) {
    const duty = state.objects.get(id)?.duty;
    const early =
      loss.how !== 'returned' ||
      taken.has(id) ||
      duty?.given !== undefined ||
      (duty?.droppedAt === undefined && isUnderTest(ctx.body, duty?.recognised, block.id) === true);
    (early ? direct : inMessage).push(id);
  }
  checkLost(ctx, state, direct, loss);
  // A descriptor that was only ever in the message is lost where FORK was told apart, not at a far return; one that a
  // helper took and let go, at the helper's return.
  checkLost(ctx, state, inMessage, { how: 'dropped' });
}
