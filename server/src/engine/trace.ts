/** Steps of a path as a person follows them. */
import type { Span } from '../text/span.ts';

export type StepKind =
  | 'create'
  | 'handshake'
  | 'arm'
  | 'read'
  | 'event'
  | 'fork'
  | 'close'
  | 'lose'
  | 'call'
  | 'return'
  | 'branch'
  | 'note';

export interface TraceStep {
  readonly location: Span;
  readonly kind: StepKind;
  readonly message: string;
}

/** Where a thing is said in the source: a span and the function that it lies in. */
export interface Site {
  readonly span: Span;
  readonly function: string;
}
