/** Which functions are run for their own sake, and the memory that they find. */
import type { Expr, FunctionBody, GlobalVariable, Place } from '../ir/ir.ts';
import { exprsOf, visitInitialiser } from '../ir/visit.ts';
import { libraryFunction } from '../libc/effects.ts';
import { indexText } from './arithmetic.ts';
import { type Context, type Facts, type Program, variableBase } from './context.ts';
import { evaluate } from './evaluate.ts';
import { Footprint } from './footprint.ts';
import { isLocal, ZERO } from './memory.ts';
import type { Slice } from './slice/slice.ts';
import type { State } from './state.ts';
import { Tables } from './tables.ts';
import { asConstant, join, type Value } from './value.ts';

/** File-scope variables as they are before the root runs. */
export function initialiseGlobals(
  program: Program,
  slice: Slice,
  facts: Facts,
  body: FunctionBody,
  state: State,
): void {
  const ctx: Context = {
    program,
    facts,
    body,
    root: 'initialisers',
    thread: false,
    forks: false,
    calls: [],
    stack: [],
    site: '',
    apart: '',
    inherited: new Set(),
    noteAnalysed: () => undefined,
    slice,
    tables: new Tables(),
    repetition: undefined,
    footprint: new Footprint(),
  };
  for (const g of program.globals) {
    const base = variableBase(g.variable);
    // Behind the start of the program they hold whatever the functions that ran before left there.
    const isStart = body.name === 'main';
    if (!isStart && (g.initialiser.length === 0 || isSet(program, g))) continue;
    const values = new Map<string, Value>();
    for (const store of g.initialiser) {
      const value = evaluate(ctx, state, store.value);
      let path = '';
      for (const element of store.target.path) {
        path += element.kind === 'field' ? `.${element.name}` : `[${indexOf(ctx, state, element.index)}]`;
      }
      // Elements that are not told apart are others than those that are.
      const known = path.includes('[*]') ? values.get(path) : undefined;
      values.set(path, known === undefined ? value : join(known, value));
    }
    state.memory.setCells(base, { values, defaults: ZERO_EVERYWHERE });
  }
}

const settings = new WeakMap<Program, ReadonlySet<string>>();

/** Some function may store there: what the initialiser says is not what a function finds. */
function isSet(program: Program, { variable, constant }: GlobalVariable): boolean {
  if (constant) return false;
  // A table that nobody here changes is one that nobody changes; a flag is set by functions that are not looked at, too.
  const isScalar = variable.type.kind !== 'array' && variable.type.kind !== 'record';
  if (isScalar && !isLocal(variableBase(variable))) return true;
  let found = settings.get(program);
  if (found === undefined) {
    found = findSet(program);
    settings.set(program, found);
  }
  return found.has(variable.id);
}

/** Variables that are stored to, and those that are numbers or pointers and whose address is taken. */
function findSet({ functions }: Program): ReadonlySet<string> {
  const found = new Set<string>();
  const note = ({ base }: Place) => {
    if (base.kind === 'variable') found.add(base.variable.id);
  };
  for (const body of functions) {
    for (const { instructions } of body.blocks)
      for (const i of instructions) {
        if (i.kind === 'assign' || i.kind === 'zero') note(i.target);
        if (i.kind === 'call' && i.result !== undefined) found.add(i.result.id);
      }
    for (const e of exprsOf(body))
      if (e.kind === 'address' && e.place.path.length === 0 && e.place.type.kind !== 'record') note(e.place);
  }
  return found;
}

const ZERO_EVERYWHERE: ReadonlyMap<string, Value> = new Map([['', ZERO]]);

function indexOf(ctx: Context, state: State, index: Expr): string {
  return indexText(asConstant(evaluate(ctx, state, index)));
}

/** Functions that some body calls or hands to a thread or a table: they are run in their callers' states. */
export function calledFunctions(program: Program): Set<string> {
  const called = new Set<string>();
  const mark = (name: string, file: string) => {
    const body = program.function(name, file);
    if (body !== undefined) called.add(body.id);
  };
  for (const f of program.functions) {
    for (const block of f.blocks) {
      for (const i of block.instructions) {
        if (i.kind !== 'call') continue;
        if (i.callee.kind === 'function' && i.callee.name !== f.name) mark(i.callee.name, f.file);
        const row = i.callee.kind === 'function' ? libraryFunction(i.callee.name) : undefined;
        if (row?.kind === 'thread-create' || row?.kind === 'clone') {
          for (const a of i.arguments) {
            const e = a.kind === 'cast' ? a.operand : a;
            if (e.kind === 'function') mark(e.name, f.file);
          }
        }
      }
    }
  }
  for (const id of inTables(program)) called.add(id);
  return called;
}

/** A thread begins with it, by its type: whoever starts one names it. */
function isThreadFunction({ parameters: [parameter, ...others] }: FunctionBody): boolean {
  const type = parameter?.type;
  return others.length === 0 && type?.kind === 'pointer' && type.to.kind === 'void';
}

/**
 * Functions that nothing names and that nobody else can: of their file alone, or those of threads in a program that is
 * here whole. They never run.
 */
export function unusedFunctions(program: Program): ReadonlySet<string> {
  const named = new Set<string>();
  const note = (e: Expr, within?: FunctionBody) => {
    if (e.kind !== 'function' || e.name === within?.name) return;
    const body = program.function(e.name, e.span.file);
    if (body !== undefined) named.add(body.id);
  };
  for (const body of program.functions) {
    for (const e of exprsOf(body)) if (e.kind === 'function') note(e, body);
    for (const { cleanup, span } of [...body.parameters, ...body.locals])
      if (cleanup !== undefined) note({ kind: 'function', name: cleanup, span });
  }
  for (const global of program.globals) visitInitialiser(global, { expr: (e) => note(e), place: () => {} });
  const isWhole = program.functions.some((f) => f.name === 'main');
  const isUnused = (f: FunctionBody) =>
    (f.static || (isWhole && isThreadFunction(f))) && !f.beforeMain && !named.has(f.id);
  return new Set(program.functions.filter(isUnused).map((f) => f.id));
}

/** A test of the kernel's harness (syntax/test-harness.ts), which forks for each. */
export function isHarnessTest({ parameters: [first] }: FunctionBody): boolean {
  const type = first?.type;
  return type?.kind === 'pointer' && type.to.kind === 'record' && type.to.tag === '__test_metadata';
}

/** Functions that initialisers of global variables name. */
export function inTables(program: Program): Set<string> {
  const named = new Set<string>();
  for (const g of program.globals) {
    for (const store of g.initialiser) {
      const e = store.value.kind === 'cast' ? store.value.operand : store.value;
      const body = e.kind === 'function' ? program.function(e.name, e.span.file) : undefined;
      if (body !== undefined) named.add(body.id);
    }
  }
  return named;
}
