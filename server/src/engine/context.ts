/** What an instruction is executed in: the engine, the function, and how control came there. */
import type { FunctionBody, GlobalVariable, Variable } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import type { EngineEvent, FeatureWord } from './events.ts';
import type { Footprint, LocalSummary } from './footprint.ts';
import type { InertFunctions } from './inert.ts';
import type { State } from './state.ts';
import { traceSteps } from './state.ts';
import type { Location, Value } from './value.ts';

/** The linked program: bodies and globals by the names the IR uses. */
export interface Program {
  function(name: string, file: string): FunctionBody | undefined;
  readonly functions: readonly FunctionBody[];
  readonly globals: readonly GlobalVariable[];
  global(base: string): GlobalVariable | undefined;
}

/** Facts shared by all roots of one program. */
export interface Facts {
  emit(event: EngineEvent): void;
  /** Notes a store, so that other roots see it in the next round. */
  noteStore(root: string, location: Location, value: Value): void;
  /** What other roots store there, when that memory is shared with `root`. */
  othersStore(root: string, location: Location): Value | undefined;
  /** Features that some UFFDIO_API of the program requests; undefined while none is known. */
  readonly programFeatures: FeatureWord | undefined;
  /** What other roots do to a descriptor that both see. */
  othersHandshake(root: string, object: string): FeatureWord | undefined;
  othersArm(root: string, object: string): { readonly region: string; readonly span: Span } | undefined;
  startThread(name: string, file: string, site: string, argument: Value, state: State, root: string): boolean;
}

/**
 * A tabulated call: an entry state seen under one call string with one typestate key, and the exit states it leads
 * to. A later entry state that it covers is answered from here.
 */
export interface CallSummary {
  readonly entry: State;
  readonly exits: readonly State[];
  readonly footprint: Footprint;
}

export interface Context {
  readonly program: Program;
  readonly facts: Facts;
  readonly body: FunctionBody;
  /** Root that is run: `main`, an exported function, or a thread. */
  readonly root: string;
  readonly thread: boolean;
  /** Function ids from the root to this one. */
  readonly stack: readonly string[];
  /** Call sites from the root to this one, for naming objects. */
  readonly site: string;
  readonly quarantined: boolean;
  /** Bases that existed when the root started (a thread's view of its creator's memory). */
  readonly inherited: ReadonlySet<string>;
  readonly noteAnalysed: (functionId: string) => void;
  readonly inert: InertFunctions;
  /** What calls were found to do in this root, by call string and typestate. */
  readonly summaries: Map<string, CallSummary[]>;
  /** The same for calls that touch only their footprint, by what else they depend on. */
  readonly localSummaries: Map<string, LocalSummary[]>;
  /** What the present activation touched so far. */
  readonly footprint: Footprint;
}

export function variableBase(variable: Variable): string {
  return `var:${variable.id}`;
}

export const RETURN_BASE = 'return-value';

export function spanId(span: Span): string {
  return `${span.file}:${span.start}`;
}

/** An id for an object made at a site, apart for each chain of calls (bounded). */
export function objectId(ctx: Context, prefix: string, span: Span): string {
  ctx.footprint.bound = true;
  return `${prefix}:${spanId(span)}${ctx.site}`;
}

export function eventBase(ctx: Context, state: State, object: string, span: Span) {
  return {
    span,
    function: ctx.body.name,
    trace: traceSteps(state.trace),
    quarantined: ctx.quarantined,
    object,
  };
}
