/** What a rule is: metadata, and detection over the engine's events of one program. */
import type { EngineEvent, EngineResult, UnrequestedFeatureEvent } from '../engine/events.ts';
import type { TraceStep } from '../engine/trace.ts';
import { type Span, sameSpan } from '../text/span.ts';
import type { Severity } from './finding.ts';

export interface RuleMetadata {
  readonly id: string;
  readonly severity: Severity;
  /** One line, as it stands in the table of rules. */
  readonly summary: string;
}

export interface Detection {
  readonly severity?: Severity;
  readonly span: Span;
  readonly function: string;
  readonly message: string;
  readonly trace: readonly TraceStep[];
  /** What a fingerprint tells apart beside place and rule: the kind of object and its event. */
  readonly object: string;
}

export interface Rule extends RuleMetadata {
  detect(program: EngineResult): Detection[];
}

export function eventsOf<K extends EngineEvent['kind']>(
  program: EngineResult,
  kind: K,
): Extract<EngineEvent, { kind: K }>[] {
  return program.events.filter((e): e is Extract<EngineEvent, { kind: K }> => e.kind === kind);
}

/** Code is reached with the feature requested that another path does not request. */
export function requestedIn(program: EngineResult): (use: UnrequestedFeatureEvent) => boolean {
  const requested = eventsOf(program, 'requested-feature');
  return ({ span, feature }) =>
    requested.some((r) => sameSpan(r.span, span) && (r.feature === undefined || r.feature === feature));
}

/** Tests lie between the step of that kind and the end of the path: other paths from there may be in order. */
export function branchesSince(trace: readonly TraceStep[], kind: TraceStep['kind']): boolean {
  const from = trace.findLastIndex((s) => s.kind === kind);
  return trace.slice(from + 1).some((s) => s.kind === 'branch');
}

/** Ends a trace with the step that is the finding itself. */
export function withLast(trace: readonly TraceStep[], last: TraceStep): TraceStep[] {
  const previous = trace[trace.length - 1];
  return previous !== undefined && sameSpan(previous.location, last.location) && previous.kind === last.kind
    ? [...trace]
    : [...trace, last];
}
