/**
 * Of the objects that are made at one place, or that one pointer led to, the last one is told apart from all before it,
 * which one summary stands for (Balakrishnan and Reps, "Recency-abstraction for heap-allocated storage", SAS 2006).
 */
import { olderId } from './object-names.ts';
import type { State } from './state.ts';
import { type Reference, referenceKey, type Value } from './value.ts';

/** Another object takes this name from here on. */
export function moveToOlder(state: State, base: string): void {
  const older = olderId(base);
  for (const { base: other, cells } of state.memory.entries()) {
    let values: Map<string, Value> | undefined;
    for (const [path, value] of cells.values) {
      if (!value.references.some((r) => r.kind === 'location' && r.location.base === base)) continue;
      const references = value.references.map(
        (r): Reference =>
          r.kind === 'location' && r.location.base === base
            ? { kind: 'location', location: { base: older, path: r.location.path } }
            : r,
      );
      values ??= new Map(cells.values);
      const unique = [...new Map(references.map((r) => [referenceKey(r), r])).values()];
      values.set(path, { number: value.number, references: unique, any: value.any, tag: value.tag });
    }
    if (values !== undefined) state.memory.setCells(other, { values, defaults: cells.defaults });
  }
  const named = (region: string) => (region === base ? older : region);
  for (const { id, duty, armed } of state.objects.values()) {
    if (duty?.through?.base === base) state.updateDuty(id, { through: { base: older, path: duty.through.path } });
    if (armed.some((r) => r.region === base))
      state.update(id, { armed: armed.map((r) => ({ ...r, region: named(r.region) })) });
  }
  const { childOf } = state;
  if (childOf?.regions.includes(base) === true)
    state.childOf = { ...childOf, regions: childOf.regions.map(named), writesOnly: childOf.writesOnly.map(named) };
  const { notCopied } = state.situation;
  if (notCopied.has(base)) {
    const others = new Set(notCopied).add(older);
    others.delete(base);
    state.change({ notCopied: others });
  }
  const cells = state.memory.cellsOf(base);
  if (!state.memory.has(older)) state.memory.setCells(older, cells);
  state.memory.makeSummary(older);
  for (const [path, value] of cells.values) state.memory.store({ base: older, path }, value);
}
