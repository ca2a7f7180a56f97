/**
 * Exits of one call that differ only in the name of a userfaultfd that it made: from the device on one way, by the
 * system call on the other. What follows treats them alike, so one name is kept and the states are joined.
 */
import { joinStates, type State } from './state.ts';

/** `outcome` is what a test of the call's result would tell apart. Objects in `before` existed when the call began. */
export function mergeAlternatives(
  exits: readonly State[],
  before: ReadonlySet<string>,
  outcome: (state: State) => string,
): State[] {
  if (exits.length < 2) return [...exits];
  const merged = new Map<string, { readonly state: State; readonly made: string | undefined }>();
  for (const [i, exit] of exits.entries()) {
    const made = madeBy(exit, before);
    const key = made === undefined ? `${i}` : `${exit.key(made)}#${outcome(exit)}`;
    const known = merged.get(key);
    if (known?.made === undefined || made === undefined) {
      merged.set(key, { state: exit, made });
      continue;
    }
    if (known.made !== made) exit.rename(made, known.made);
    merged.set(key, { state: joinStates(known.state, exit).state, made: known.made });
  }
  return [...merged.values()].map((m) => m.state);
}

/** The one userfaultfd that the call created; undefined where it made none or several. */
function madeBy(state: State, before: ReadonlySet<string>): string | undefined {
  let made: string | undefined;
  for (const o of state.objects.values()) {
    if (before.has(o.id)) continue;
    if (o.origin !== 'created' || made !== undefined) return undefined;
    made = o.id;
  }
  return made;
}
