/** What threads store: which names, and whether one of them alone does. */

import { find, type Name } from './names.ts';
import type { Step } from './step.ts';
import type { FunctionFacts, Functions } from './traits.ts';

type Callees = (step: Step) => readonly FunctionFacts[];

interface Start {
  readonly functions: readonly FunctionFacts[];
  /** More than one thread may come of it. */
  readonly isRepeated: boolean;
}

/** What threads store under a name: constants alone, or numbers that one or several of them compute. */
export type Stores = 'constants' | 'one computes' | 'several compute';

/** By name: what the threads that a program starts may store there. `computed`: names of numbers that are computed. */
export function storesByThreads(
  functions: Functions,
  callees: Callees,
  computed: ReadonlySet<Name>,
): ReadonlyMap<Name, Stores> {
  const stores = new Map<Name, Stores>();
  for (const { functions: started, isRepeated } of startsOf(functions, callees)) {
    const names = new Set<Name>();
    for (const { blocks } of closure(started, callees))
      for (const { steps } of blocks) for (const s of steps) for (const name of s.defines) names.add(find(name));
    for (const name of names) {
      const isSeveral = isRepeated || stores.has(name);
      stores.set(name, !computed.has(name) ? 'constants' : isSeveral ? 'several compute' : 'one computes');
    }
  }
  return stores;
}

function startsOf(functions: Functions, callees: Callees): Start[] {
  const starts: Start[] = [];
  if (![...functions.values()].some((f) => f.startsThreads)) return starts;
  const calls = new Map<FunctionFacts, { readonly by: FunctionFacts; readonly block: number }[]>();
  const each = (visit: (facts: FunctionFacts, block: number, step: Step) => void) => {
    for (const facts of functions.values()) for (const { step, block } of facts.calls) visit(facts, block, step);
  };
  each((by, block, step) => {
    for (const callee of callees(step)) {
      const known = calls.get(callee);
      if (known === undefined) calls.set(callee, [{ by, block }]);
      else known.push({ by, block });
    }
  });
  /** Control comes to the block once at most while the program runs. */
  const isOnce = (facts: FunctionFacts, block: number, seen: ReadonlySet<FunctionFacts>): boolean => {
    if (seen.has(facts) || comesBack(facts, block)) return false;
    const callers = calls.get(facts) ?? [];
    if (facts.body.name === 'main') return callers.length === 0;
    const [only] = callers;
    return callers.length === 1 && isOnce(only!.by, only!.block, new Set([...seen, facts]));
  };
  each((facts, block, step) => {
    if (step.call.startsThread) starts.push({ functions: callees(step), isRepeated: !isOnce(facts, block, new Set()) });
  });
  return starts;
}

/** A way leads from the block to itself. */
function comesBack({ graph }: FunctionFacts, block: number): boolean {
  const seen = new Set(graph.successors[block]);
  for (const at of seen) for (const next of graph.successors[at]!) seen.add(next);
  return seen.has(block);
}

function closure(from: readonly FunctionFacts[], callees: Callees): Set<FunctionFacts> {
  const found = new Set(from);
  for (const { calls } of found) for (const { step } of calls) for (const callee of callees(step)) found.add(callee);
  return found;
}
