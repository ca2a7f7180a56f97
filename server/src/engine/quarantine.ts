/**
 * What is claimed of functions that the parser did not understand whole. The engine runs them as they were read, as it
 * does any other; only afterwards is looked at which of its events lead through one. So what was found before a function
 * was damaged, as by somebody who types in it, holds as long as it does the same.
 */
import type { FunctionBody } from '../ir/ir.ts';
import type { EngineEvent, EngineResult } from './events.ts';

/** The result with what is quarantined of these bodies. */
export function withQuarantine(result: EngineResult, bodies: readonly FunctionBody[]): EngineResult {
  const damaged = new Set(bodies.flatMap((b) => (b.quarantine.length > 0 ? [b.id] : [])));
  if (damaged.size === 0) return result;
  const judged = (event: EngineEvent): EngineEvent =>
    event.quarantined || !event.through.some((id) => damaged.has(id)) ? event : { ...event, quarantined: true };
  return {
    ...result,
    events: result.events.map(judged),
    quarantined: result.acting.filter((id) => damaged.has(id)),
  };
}
