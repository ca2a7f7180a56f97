/** Waiting for another thread: condition variables, semaphores and barriers. */
import { type ModelCall, setResult } from '../call.ts';
import type { State } from '../state.ts';
import { UNKNOWN } from '../value.ts';

/**
 * The other thread may take the child's descriptor that lies where both can see it (a mailbox): nothing is said of it
 * afterwards. Whether it does is not followed.
 */
export function waitForThreadModel(call: ModelCall, state: State): State[] {
  for (const base of state.memory.baseNames()) {
    if (!base.startsWith('heap:') && call.ctx.program.global(base) === undefined) continue;
    for (const [path, { references }] of state.memory.cellsOf(base).values)
      for (const r of references)
        if (
          r.kind === 'descriptor' &&
          state.objects.get(r.object)?.duty !== undefined &&
          call.ctx.facts.isUsedByOthers({ base, path })
        )
          state.update(r.object, { escaped: true });
  }
  setResult(call.ctx, state, call.instruction, UNKNOWN);
  return [state];
}
