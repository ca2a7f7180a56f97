/**
 * The one currency of all faces: plain data, positions as UTF-16 offsets into the text of the named file.
 * A face (terminal, editor, CI) formats it and decides nothing.
 */
import type { TraceStep } from '../engine/trace.ts';
import type { Span } from '../text/span.ts';

export type Severity = 'error' | 'warning' | 'info';

export type { StepKind, TraceStep } from '../engine/trace.ts';

export interface TextEdit {
  readonly location: Span;
  readonly newText: string;
}

export interface Fix {
  readonly title: string;
  /** A safe fix cannot change what a correct program does. */
  readonly safe: boolean;
  readonly edits: readonly TextEdit[];
}

export interface Finding {
  /** Without prefix: `leaked-child-uffd`. Faces print `uffd/leaked-child-uffd`. */
  readonly ruleId: string;
  readonly severity: Severity;
  readonly message: string;
  readonly location: Span;
  /** Name of the function that holds the location, or undefined at file level. */
  readonly function?: string | undefined;
  /** The `#if` condition under which the finding exists, where it does not exist in every configuration. */
  readonly condition?: string | undefined;
  readonly trace: readonly TraceStep[];
  readonly fixes: readonly Fix[];
  /** What it is about, where one place can have several: the feature that was not requested. */
  readonly about: string;
  /** SHA-256 in hexadecimal, without line numbers, so that moving code does not reopen a finding. */
  readonly fingerprint: string;
}

export type NotAnalysedKind = 'quarantine' | 'budget' | 'size' | 'encoding' | 'language' | 'unreadable';

export interface NotAnalysed {
  readonly file: string;
  readonly reason: string;
  readonly kind?: NotAnalysedKind | undefined;
  readonly function?: string | undefined;
  readonly location?: Span | undefined;
}
