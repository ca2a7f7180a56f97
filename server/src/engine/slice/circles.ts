/** Functions that call each other in a circle: strongly connected components of the call graph (Tarjan, 1972). */
import type { FunctionFacts, Functions } from './traits.ts';

interface Visit {
  readonly facts: FunctionFacts;
  readonly callers: Iterator<FunctionFacts>;
}

/** By function id, a number that those of one circle have in common; functions in no circle have none. */
export function findCircles(functions: Functions): ReadonlyMap<string, number> {
  const circles = new Map<string, number>();
  const index = new Map<FunctionFacts, number>();
  const lowest = new Map<FunctionFacts, number>();
  const open: FunctionFacts[] = [];
  const isOpen = new Set<FunctionFacts>();
  for (const root of functions.values()) {
    if (index.has(root)) continue;
    // Deep call chains are walked without recursion. Callers lead to the same components as callees.
    const visits: Visit[] = [];
    const enter = (facts: FunctionFacts) => {
      index.set(facts, index.size);
      lowest.set(facts, index.get(facts)!);
      open.push(facts);
      isOpen.add(facts);
      visits.push({ facts, callers: facts.callers.values() });
    };
    const lower = (facts: FunctionFacts, to: number) => lowest.set(facts, Math.min(lowest.get(facts)!, to));
    enter(root);
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const { facts, callers } = visit;
      const { value: caller } = callers.next();
      if (caller !== undefined) {
        if (!index.has(caller)) enter(caller);
        else if (isOpen.has(caller)) lower(facts, index.get(caller)!);
        continue;
      }
      visits.pop();
      const below = visits.at(-1);
      if (below !== undefined) lower(below.facts, lowest.get(facts)!);
      if (lowest.get(facts) !== index.get(facts)) continue;
      const members = open.splice(open.indexOf(facts));
      for (const m of members) {
        isOpen.delete(m);
        if (members.length > 1 || facts.callers.has(facts)) circles.set(m.body.id, index.get(facts)!);
      }
    }
  }
  return circles;
}
