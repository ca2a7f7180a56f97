/** Puts the results of the components of a run together. */
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import { finish, withoutAnswered } from '../rules/run.ts';
import type { ComponentResult } from './component-analysis.ts';
import { once } from './notes.ts';
import { eitherOf, keyOf } from './variants.ts';

export interface Counts {
  readonly filesAnalysed: number;
  readonly functions: number;
  readonly functionsRelevant: number;
  readonly functionsWithParseErrors: number;
  readonly functionsAnalysed: number;
  readonly functionsQuarantined: number;
  readonly functionsOutOfBudget: number;
  readonly variants: number;
}

export function findingsOf(results: readonly ComponentResult[]): Finding[] {
  const requested = new Set(results.flatMap((r) => r.requested));
  return finish(withoutAnswered(united(results.map((r) => r.findings)), requested));
}

export function notesOf(results: readonly ComponentResult[]): NotAnalysed[] {
  return once(results.flatMap((r) => r.notes));
}

export function countsOf(results: readonly ComponentResult[]): Counts {
  const sum = (of: (r: ComponentResult) => number) => results.reduce((n, r) => n + of(r), 0);
  const distinct = (of: (r: ComponentResult) => readonly string[]) => new Set(results.flatMap(of)).size;
  return {
    filesAnalysed: sum((r) => r.files),
    functions: sum((r) => r.functions),
    functionsRelevant: distinct((r) => r.relevant),
    functionsWithParseErrors: sum((r) => r.functionsWithParseErrors),
    functionsAnalysed: sum((r) => r.functionsAnalysed),
    functionsQuarantined: distinct((r) => r.quarantined),
    functionsOutOfBudget: sum((r) => r.functionsOutOfBudget),
    variants: distinct((r) => r.variants),
  };
}

/** A finding in a header that components share exists where it does in any of them; one that always does speaks for it. */
function united(components: readonly (readonly Finding[])[]): Finding[] {
  const all = components.flat();
  const conditions = new Map<string, (string | undefined)[]>();
  for (const f of all) {
    const known = conditions.get(keyOf(f));
    if (known === undefined) conditions.set(keyOf(f), [f.condition]);
    else known.push(f.condition);
  }
  const always = all.filter((f) => f.condition === undefined);
  const seldom = all.filter((f) => f.condition !== undefined);
  return [...always, ...seldom.map((f) => ({ ...f, condition: eitherOf(conditions.get(keyOf(f))!) }))];
}
