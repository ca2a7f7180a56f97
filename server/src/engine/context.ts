/** What an instruction is executed in: the engine, the function, and how control came there. */
import { ERRNO, type Expr, type FunctionBody, type GlobalVariable, type Instruction, type Variable } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import type { EngineEvent, FeatureWord } from './events.ts';
import type { Footprint } from './footprint.ts';
import type { CallRepetition } from './repeat-calls.ts';
import type { Slice } from './slice/slice.ts';
import type { State, Trace } from './state.ts';
import { traceSteps } from './state.ts';
import type { Tables } from './tables.ts';
import type { Site } from './trace.ts';
import type { ArmedRange } from './userfaultfd.ts';
import type { Location, Value } from './value.ts';

/** The linked program: bodies and globals by the names the IR uses. */
export interface Program {
  function(name: string, file: string): FunctionBody | undefined;
  /** Those that are run for their own sake. */
  readonly functions: readonly FunctionBody[];
  readonly bodies: readonly FunctionBody[];
  readonly globals: readonly GlobalVariable[];
  global(base: string): GlobalVariable | undefined;
  /** Told of each state that a block is run from: for people who look at the engine. */
  readonly visiting?: (ctx: Context, block: number, state: State) => void;
}

/** Facts shared by all roots of one program. */
export interface Facts {
  emit(event: EngineEvent): void;
  /** Notes a store, so that other roots see it. `alone`: before any thread of this root runs. */
  noteStore(root: string, location: Location, value: Value, alone: boolean): void;
  /** The root stored there itself. */
  stores(root: string, location: Location): boolean;
  /** `own` joined with what other roots store there; undefined where nobody stored anything. */
  withOthers(root: string, location: Location, own: Value | undefined): Value | undefined;
  /** Descriptors that other roots store there, where `own` is no reference; none where what this one stored counts. */
  descriptorsOfOthers(root: string, location: Location, own: Value | undefined): readonly string[];
  /** Features that some UFFDIO_API of the program requests; undefined while none is known. */
  readonly programFeatures: FeatureWord | undefined;
  /** Other threads can find the base, on some path. */
  isVisible(base: string): boolean;
  /** What other roots do to a descriptor that both see. */
  othersHandshake(root: string, object: string): FeatureWord | undefined;
  othersArm(root: string, object: string): ArmedRange | undefined;
  /** What is run of a function in this state: its slice, or all of it. */
  bodyFor(state: State, body: FunctionBody): FunctionBody;
  /** All of a function, of which a slice is being run. */
  wholeOf(slice: FunctionBody): FunctionBody | undefined;
  /** Functions that this root does not run have to do with what lies there. */
  isUsedByOthers(location: Location): boolean;
  /** Some thread was started since runStarted() was called last. */
  readonly hasStarted: boolean;
  /** Runs the threads that were started since it was called last. */
  runStarted(): Generator<void, void, void>;
  startThread(name: string, file: string, site: string, argument: Value, state: State, root: string): boolean;
}

/**
 * A tabulated call: an entry state seen in one context with one typestate key, and the exit states it leads
 * to. A later entry state that it covers is answered from here.
 */
export interface CallSummary {
  readonly entry: State;
  readonly exits: readonly State[];
  readonly footprint: Footprint;
  /** The step of the call in the traces of the exits. */
  readonly call: Trace;
  /** Depth of the activation that is still being run and whose exits these rest on. */
  readonly restsOn: number | undefined;
}

/** One active call. */
export interface CallSite {
  readonly instruction: Instruction & { readonly kind: 'call' };
  readonly caller: FunctionBody;
}

export interface Context {
  readonly program: Program;
  readonly facts: Facts;
  readonly body: FunctionBody;
  /** Root that is run: `main`, an exported function, or a thread. */
  readonly root: string;
  readonly thread: boolean;
  /** Some function that the root leads to makes a process. */
  readonly forks: boolean;
  /** The calls from the root to this function. */
  readonly calls: readonly CallSite[];
  /** Function ids from the root to this one. */
  readonly stack: readonly string[];
  /** Call sites from the root to this one, for naming objects. */
  readonly site: string;
  /** What keeps apart the states of the functions that led here, by what they left in the state. */
  readonly apart: string;
  /** Bases that existed when the root started (a thread's view of its creator's memory). */
  readonly inherited: ReadonlySet<string>;
  readonly noteAnalysed: (functionId: string) => void;
  /** What of the program can matter. */
  readonly slice: Slice;
  /** What this run of the root keeps between its calls. */
  readonly tables: Tables;
  /** Calls that need not be run again, where what they do is kept. */
  readonly repetition: CallRepetition | undefined;
  /** What the present activation touched so far. */
  readonly footprint: Footprint;
}

/** What is another where control comes into a body. */
type Entered = Pick<Context, 'body'> & Partial<Pick<Context, 'calls' | 'stack' | 'site' | 'apart' | 'footprint'>>;

/**
 * The context in another body. Written out, so that all contexts have one layout: each step asks them, and V8 gives an
 * object that is spread from another one a layout of its own before the code is hot.
 */
export function entering(ctx: Context, entered: Entered): Context {
  return {
    program: ctx.program,
    facts: ctx.facts,
    body: entered.body,
    root: ctx.root,
    thread: ctx.thread,
    forks: ctx.forks,
    calls: entered.calls ?? ctx.calls,
    stack: entered.stack ?? ctx.stack,
    site: entered.site ?? ctx.site,
    apart: entered.apart ?? ctx.apart,
    inherited: ctx.inherited,
    noteAnalysed: ctx.noteAnalysed,
    slice: ctx.slice,
    tables: ctx.tables,
    repetition: ctx.repetition,
    footprint: entered.footprint ?? ctx.footprint,
  };
}

/** Made once: the memory looks bases up all the time. */
const bases = new WeakMap<Variable, string>();

export function variableBase(variable: Variable): string {
  let base = bases.get(variable);
  if (base === undefined) {
    base = `var:${variable.id}`;
    bases.set(variable, base);
  }
  return base;
}

/** Where errno(3) lies. */
export const ERRNO_BASE = variableBase(ERRNO);

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
    function: functionAt(ctx, span),
    trace: traceSteps(state.trace),
    through: ctx.stack,
    quarantined: state.situation.cut || state.situation.unordered,
    object,
  };
}

/** The place of a span. */
export function siteAt(ctx: Context, span: Span): Site {
  return { span, function: functionAt(ctx, span) };
}

/** The function in which a span lies: what happens in one may be said of a place in another. */
function functionAt(ctx: Context, span: Span): string {
  const holds = ({ span: own }: FunctionBody) =>
    own.file === span.file && own.start <= span.start && span.end <= own.end;
  if (holds(ctx.body)) return ctx.body.name;
  // A nested function lies in another one.
  const holders = ctx.program.bodies.filter(holds).sort((a, b) => b.span.start - a.span.start);
  return (holders[0] ?? ctx.body).name;
}

/**
 * The call that decides what a system call does. Where the deciding argument (an ioctl's request) is a parameter of
 * the enclosing function, that function is a wrapper and its caller is meant, through any number of wrappers.
 */
export function decidingSite(ctx: Context, argument: Expr | undefined, span: Span): Site {
  let site: Site = { span, function: ctx.body.name };
  let decides = argument;
  let body = ctx.body;
  for (let depth = ctx.calls.length - 1; depth >= 0; depth--) {
    const index = parameterIndex(decides, body);
    if (index < 0) return site;
    ctx.footprint.bound = true;
    ctx.repetition?.noteCaller(depth);
    const { instruction, caller } = ctx.calls[depth]!;
    site = { span: instruction.span, function: caller.name };
    decides = instruction.arguments[index];
    body = caller;
  }
  return site;
}

function parameterIndex(e: Expr | undefined, body: FunctionBody): number {
  if (e?.kind === 'cast') return parameterIndex(e.operand, body);
  if (e?.kind !== 'load' || e.place.base.kind !== 'variable' || e.place.path.length > 0) return -1;
  const { id } = e.place.base.variable;
  return body.parameters.findIndex((p) => p.id === id);
}
