/** Builds one function's control-flow graph: blocks, scopes, jump targets, and the text that is being lowered. */
import type { MacrosByPlace } from '../syntax/redefinitions.ts';
import type { CParser, MacroDefinition, ParsedSnippet, SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import type { BasicBlock, CType, Expr, Instruction, Place, Terminator, Variable } from './ir.ts';
import { orderBlocks } from './order.ts';
import { ScopedNames } from './scoped-names.ts';
import type { TypeReader } from './types.ts';

/** The text in which nodes lie, and the way from its offsets back to the source. */
export interface View {
  readonly text: string;
  /** The text before the mask, for the file itself. */
  readonly original?: string | undefined;
  /** Offsets of cleanup attributes in it, with the function's name. */
  readonly cleanups: ReadonlyMap<number, string>;
  /** Offsets of the attributes of functions in it, where it holds definitions. */
  readonly attributes?: { readonly noreturns: readonly number[]; readonly constructors: readonly number[] } | undefined;
  spanOf(start: number, end: number): Span;
  /** True where a macro is being expanded already: its name there stands for itself. Arguments are not part of that. */
  blocked?(name: string, start: number, end: number): boolean;
}

/** What a file knows: shared by its functions. */
export interface UnitScope {
  readonly path: string;
  readonly parser: CParser;
  readonly macrosByPlace: MacrosByPlace;
  readonly globals: Map<string, Variable>;
  readonly functions: Set<string>;
  /** Of those that give a record, its type. */
  readonly results: Map<string, CType>;
  /** Functions whose prototype says that they do not return. */
  readonly noreturns: Set<string>;
  /** Functions whose prototype says that they run before `main`. */
  readonly constructors: Set<string>;
  readonly enumerators: Map<string, bigint>;
  /** Expansions, by the macros that are known where they stand and by their text before the mask. */
  readonly snippets: Map<ReadonlyMap<string, MacroDefinition>, Map<string, ParsedSnippet>>;
  readonly types: TypeReader;
  /** The text being lowered now: the file, or the expansion of a macro. */
  view: View;
}

interface MutableBlock {
  readonly instructions: Instruction[];
  terminator: Terminator | undefined;
}

/** The variables that end with a scope. */
type Scope = Variable[];

export interface SwitchCase {
  readonly low: Expr;
  readonly high: Expr;
  readonly target: number;
  readonly span: Span;
}

interface JumpTarget {
  readonly block: number;
  readonly depth: number;
}

interface Label {
  readonly block: number;
  /** The scopes around the label, known once it was met. */
  scopes: ReadonlySet<Scope> | undefined;
  span: Span | undefined;
}

/** A goto whose label may not have been met yet: which scopes it leaves is known at the end. */
interface PendingGoto {
  readonly block: number;
  readonly label: Label;
  readonly scopes: readonly { readonly scope: Scope; readonly variables: readonly Variable[] }[];
  readonly span: Span;
}

/** `goto *table[value]`: where it goes is known when all labels are. */
interface ComputedGoto {
  readonly block: number;
  readonly value: Expr | undefined;
  readonly table: Variable | undefined;
  readonly span: Span;
}

/** Computed gotos times labels, above which all of them share one switch on an unknown value. */
const MAX_DISPATCHES = 2048;

export interface SwitchFrame {
  readonly cases: SwitchCase[];
  otherwise: number | undefined;
  defaultSpan: Span | undefined;
}

/** What a function knows of those around it and inside of it. */
export interface Nesting {
  readonly name: string;
  /** The function around it. */
  readonly outer: Builder | undefined;
  readonly define: (node: SyntaxNode, outer: Builder) => void;
}

export class Builder {
  readonly unit: UnitScope;
  readonly functionId: string;
  readonly locals: Variable[] = [];
  readonly statics: {
    variable: Variable;
    stores: { target: Place; value: Expr; span: Span }[];
    span: Span | undefined;
  }[] = [];
  readonly quarantine: string[] = [];
  readonly expanding: string[] = [];
  private readonly nesting: Nesting | undefined;
  private readonly blocks: MutableBlock[] = [];
  private current: number;
  private readonly scopes: Scope[] = [];
  private readonly variables = new ScopedNames<Variable>();
  /** Nested functions with the names that they have in the program. */
  private readonly functions = new ScopedNames<string>();
  private readonly breaks: JumpTarget[] = [];
  private readonly continues: JumpTarget[] = [];
  readonly switches: SwitchFrame[] = [];
  private readonly labels = new Map<string, Label>();
  private readonly gotos: PendingGoto[] = [];
  /** Labels whose address is taken: where a computed goto may go. */
  private readonly labelAddresses = new Map<Expr, string>();
  /** Labels by their index in tables of them; undefined where a table is changed later, or an index is not known. */
  private readonly labelTables = new Map<Variable, Map<number, string> | undefined>();
  private readonly computedGotos: ComputedGoto[] = [];
  /** What stands in the place of the body of a loop or an `if` that a macro begins. */
  readonly holes: (() => void)[] = [];
  private temporaries = 0;
  private readonly localsByName = new Map<string, number>();

  constructor(unit: UnitScope, functionId: string, view: View, nesting?: Nesting) {
    this.unit = unit;
    this.functionId = functionId;
    this.nesting = nesting;
    this.view = view;
    this.current = this.newBlock();
  }

  get view(): View {
    return this.unit.view;
  }

  set view(view: View) {
    this.unit.view = view;
  }

  text({ start, end }: SyntaxNode): string {
    return this.unit.view.text.slice(start, end);
  }

  span({ start, end }: SyntaxNode): Span {
    return this.unit.view.spanOf(start, end);
  }

  /** The macros where the node stands, or where what is being expanded does. */
  macrosAt(node: SyntaxNode): ReadonlyMap<string, MacroDefinition> {
    const { macrosByPlace } = this.unit;
    return macrosByPlace.vary ? macrosByPlace.at(this.span(node).start) : macrosByPlace.last;
  }

  newBlock(): number {
    // Lists on their own: V8 makes a literal that holds another one in its runtime.
    const instructions: Instruction[] = [];
    return this.blocks.push({ instructions, terminator: undefined }) - 1;
  }

  emit(instruction: Instruction): void {
    this.blocks[this.current]!.instructions.push(instruction);
  }

  /** The source as written, where the view is the masked source itself. */
  originalText(start: number, end: number): string | undefined {
    return this.view.original?.slice(start, end);
  }

  /** The block that is being filled. */
  position(): number {
    return this.current;
  }

  terminateAt(block: number, terminator: Terminator): void {
    this.blocks[block]!.terminator ??= terminator;
  }

  terminate(terminator: Terminator): void {
    const block = this.blocks[this.current]!;
    block.terminator ??= terminator;
  }

  goto(target: number): void {
    this.terminate({ kind: 'goto', target });
  }

  /** Goes on in that block. */
  enter(block: number): void {
    this.current = block;
  }

  /** What follows cannot be reached by falling through. */
  deadEnd(): void {
    this.current = this.newBlock();
  }

  openScope(): void {
    this.scopes.push([]);
  }

  closeScope(span: Span): void {
    const scope = this.scopes.pop()!;
    this.variables.leave(this.scopes.length);
    this.functions.leave(this.scopes.length);
    this.endVariables(scope, span);
  }

  private endVariables(variables: readonly Variable[], span: Span): void {
    if (variables.length > 0) this.emit({ kind: 'end-scope', variables: variables.slice().reverse(), span });
  }

  /** Ends the scopes above a depth, without leaving them in the text. */
  unwindTo(depth: number, span: Span): void {
    for (let i = this.scopes.length - 1; i >= depth; i--) this.endVariables(this.scopes[i]!, span);
  }

  declare(name: string, variable: Variable): void {
    this.variables.declare(name, variable, this.scopes.length);
    if (variable.storage === 'local' || variable.storage === 'parameter')
      this.scopes[this.scopes.length - 1]!.push(variable);
  }

  /** An id for a local. It holds no offset: moved text has the same ids. */
  localId(name: string): string {
    const ordinal = this.localsByName.get(name) ?? 0;
    this.localsByName.set(name, ordinal + 1);
    return `${this.functionId}:${name}:${ordinal}`;
  }

  lookup(name: string): Variable | undefined {
    const found = this.variables.get(name);
    if (found !== undefined) return found.value;
    const captured = this.nesting?.outer?.lookup(name);
    if (captured === undefined) return undefined;
    // What two functions use is not forgotten between them, like a static.
    if (captured.storage === 'local' || captured.storage === 'parameter')
      (captured as { storage: Variable['storage'] }).storage = 'static';
    return captured;
  }

  /** A function is defined inside of this one. */
  defineFunction(node: SyntaxNode): void {
    this.nesting?.define(node, this);
  }

  /** A nested function is declared or defined here; gives the name that it has in the program. */
  declareFunction(name: string): string {
    const known = this.functions.get(name);
    if (known?.depth === this.scopes.length) return known.value;
    const whole = `${this.nesting?.name ?? ''}.${name}`;
    const unique = this.unit.functions.has(whole) ? `${whole}.${this.newBlock()}` : whole;
    this.unit.functions.add(unique);
    this.functions.declare(name, unique, this.scopes.length);
    return unique;
  }

  /** The name in the program of a nested function that can be seen here. */
  nestedFunction(name: string): string | undefined {
    const found = this.functions.get(name);
    const variable = this.variables.get(name);
    if (found !== undefined && found.depth >= (variable?.depth ?? 0)) return found.value;
    return variable === undefined ? this.nesting?.outer?.nestedFunction(name) : undefined;
  }

  lookupAny(name: string): Variable | undefined {
    return this.lookup(name) ?? this.unit.globals.get(name);
  }

  temporary(type: CType, span: Span): Variable {
    const variable: Variable = {
      id: `${this.functionId}:$${this.temporaries++}`,
      name: `$${this.temporaries}`,
      storage: 'temporary',
      type,
      volatile: false,
      span,
    };
    this.locals.push(variable);
    return variable;
  }

  loop(breakTo: number, continueTo: number, body: () => void): void {
    const depth = this.scopes.length;
    this.breaks.push({ block: breakTo, depth });
    this.continues.push({ block: continueTo, depth });
    body();
    this.breaks.pop();
    this.continues.pop();
  }

  breakable(breakTo: number, body: () => void): void {
    this.breaks.push({ block: breakTo, depth: this.scopes.length });
    body();
    this.breaks.pop();
  }

  jump(kind: 'break' | 'continue', span: Span): void {
    const stack = kind === 'break' ? this.breaks : this.continues;
    const target = stack[stack.length - 1];
    if (target === undefined) {
      this.terminate({ kind: 'unreachable' });
    } else {
      this.unwindTo(target.depth, span);
      this.goto(target.block);
    }
    this.deadEnd();
  }

  /** True where the name of that macro stands for itself, because its expansion is being lowered. */
  blocked(name: string, node: SyntaxNode): boolean {
    return this.view.blocked?.(name, node.start, node.end) ?? false;
  }

  private labelNamed(name: string): Label {
    let label = this.labels.get(name);
    if (label === undefined) {
      label = { block: this.newBlock(), scopes: undefined, span: undefined };
      this.labels.set(name, label);
    }
    return label;
  }

  /** The label stands here. */
  label(name: string, span: Span): number {
    const label = this.labelNamed(name);
    label.scopes ??= new Set(this.scopes);
    label.span ??= span;
    return label.block;
  }

  /** Locals of the blocks that a goto leaves end there; which these are is known when the label is. */
  gotoLabel(name: string, span: Span): void {
    const label = this.labelNamed(name);
    this.gotos.push({
      block: this.current,
      label,
      scopes: this.scopes.map((scope) => ({ scope, variables: [...scope] })),
      span,
    });
    this.goto(label.block);
    this.deadEnd();
  }

  /** GNU `&&label`. */
  labelAddress(name: string, span: Span): Expr {
    const value: Expr = { kind: 'unknown', name, span };
    this.labelAddresses.set(value, name);
    return value;
  }

  /** A table is initialised with what may be the address of a label. */
  noteLabel(target: Place, value: Expr): void {
    const label = this.labelAddresses.get(value.kind === 'cast' ? value.operand : value);
    const [element, ...more] = target.path;
    if (label === undefined || target.base.kind !== 'variable' || element?.kind !== 'index') return;
    const { variable } = target.base;
    const { index } = element;
    const table = this.labelTables.has(variable) ? this.labelTables.get(variable) : new Map<number, string>();
    if (index.kind !== 'constant' || more.length > 0) this.labelTables.set(variable, undefined);
    else this.labelTables.set(variable, table?.set(Number(index.value), label));
  }

  /** Something is stored in what may be a table of labels. */
  forgetLabels(target: Place): void {
    if (target.base.kind === 'variable' && this.labelTables.has(target.base.variable))
      this.labelTables.set(target.base.variable, undefined);
  }

  /** `goto *table[value]`; either is undefined where it cannot be told. */
  computedGoto(value: Expr | undefined, table: Variable | undefined, span: Span): void {
    let kept = value;
    if (value !== undefined && value.kind !== 'constant' && this.scopes.slice(2).some((scope) => scope.length > 0)) {
      // The value is taken before the locals end.
      const taken = variablePlace(this.temporary({ kind: 'unknown', name: 'goto' }, span), span);
      this.emit({ kind: 'assign', target: taken, value, span });
      kept = loadOf(taken, span);
    }
    this.unwindTo(2, span);
    this.computedGotos.push({ block: this.current, value: kept, table, span });
    this.deadEnd();
  }

  private settleGotos(): void {
    for (const { block, label, scopes, span } of this.gotos) {
      const kept = label.scopes;
      if (kept === undefined) {
        for (let b: Builder | undefined = this; b?.nesting?.outer !== undefined; b = b.nesting.outer) {
          b.quarantine.push('it jumps out of a nested function');
          b.nesting.outer.quarantine.push('a nested function jumps out');
        }
        continue;
      }
      for (const { scope, variables } of [...scopes].reverse()) {
        if (kept.has(scope) || variables.length === 0) continue;
        this.blocks[block]!.instructions.push({ kind: 'end-scope', variables: [...variables].reverse(), span });
      }
    }
    const taken = new Set(this.labelAddresses.values());
    const labels = [...this.labels].filter(([name]) => taken.has(name)).map(([, label]) => label);
    // What chose the label may be what the function is asked for: a test of the event.
    if (labels.length > 1 && this.computedGotos.some(({ value }) => value === undefined))
      this.quarantine.push('a goto leads where a variable says');
    const isMany = this.computedGotos.length * labels.length > MAX_DISPATCHES;
    const shared = isMany ? this.newBlock() : undefined;
    for (const { block, value, table, span } of this.computedGotos) {
      if (shared === undefined) {
        this.blocks[block]!.terminator = this.dispatch(value, table, labels, span);
        continue;
      }
      this.blocks[block]!.terminator = { kind: 'goto', target: shared };
      this.blocks[shared]!.terminator ??= this.dispatch(undefined, undefined, labels, span);
    }
  }

  private dispatch(
    value: Expr | undefined,
    variable: Variable | undefined,
    labels: readonly Label[],
    span: Span,
  ): Terminator {
    const unknown: Expr = { kind: 'unknown', span };
    const known = variable === undefined ? undefined : this.labelTables.get(variable);
    const { selector, shift } = value === undefined ? { selector: unknown, shift: 0 } : shifted(value);
    const base = { kind: 'switch', value: selector, defaultSpan: undefined, span } as const;
    if (known !== undefined && value !== undefined) {
      const cases = rangesOf(known).flatMap(({ low, high, name }) => {
        const label = this.labels.get(name);
        if (label === undefined) return [];
        const bound = constantExpr(low + shift, span);
        return {
          low: bound,
          high: high === low ? bound : constantExpr(high + shift, span),
          target: label.block,
          span: label.span ?? span,
        };
      });
      return { ...base, cases, otherwise: this.newBlock() };
    }
    const cases = labels.map((l) => ({ low: unknown, high: unknown, target: l.block, span: l.span ?? span }));
    const last = cases.pop();
    return last === undefined ? { kind: 'unreachable' } : { ...base, cases, otherwise: last.target };
  }

  /** Reverse post-order, unreachable blocks removed, loop heads marked. */
  finish(): BasicBlock[] {
    this.settleGotos();
    for (const block of this.blocks) block.terminator ??= { kind: 'unreachable' };
    return orderBlocks(this.blocks);
  }
}

/** What a value is computed from by adding a constant: `e - FIRST` is `e`, and a case of it `FIRST` higher. */
function shifted(value: Expr): { selector: Expr; shift: number } {
  if (value.kind === 'cast' && value.type.kind === 'integer') return shifted(value.operand);
  if (value.kind !== 'binary' || (value.op !== '+' && value.op !== '-')) return { selector: value, shift: 0 };
  const { op, left, right } = value;
  const constant = right.kind === 'constant' ? right : op === '+' && left.kind === 'constant' ? left : undefined;
  if (constant === undefined) return { selector: value, shift: 0 };
  const { selector, shift } = shifted(constant === right ? left : right);
  const by = Number(constant.value);
  return { selector, shift: op === '+' ? shift - by : shift + by };
}

/** Neighbours with the same label are one range. */
function rangesOf(table: ReadonlyMap<number, string>): { low: number; high: number; name: string }[] {
  const ranges: { low: number; high: number; name: string }[] = [];
  for (const [index, name] of [...table].sort(([a], [b]) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.name === name && last.high === index - 1) last.high = index;
    else ranges.push({ low: index, high: index, name });
  }
  return ranges;
}

/** The place as one of another type. */
export function placeAs({ base, path, span }: Place, type: CType): Place {
  return { base, path, type, span };
}

export function variablePlace(variable: Variable, span: Span): Place {
  const base: Place['base'] = { kind: 'variable', variable };
  const path: Place['path'] = [];
  return { base, path, type: variable.type, span };
}

/** What a pointer leads to. */
export function pointedPlace(pointer: Expr, type: CType, span: Span): Place {
  const base: Place['base'] = { kind: 'deref', pointer };
  const path: Place['path'] = [];
  return { base, path, type, span };
}

export function loadOf(place: Place, span: Span): Expr {
  return { kind: 'load', place, span };
}

export function constantExpr(value: bigint | number, span: Span, name?: string): Expr {
  return { kind: 'constant', value: BigInt(value), name, span };
}

/** The function of that declarator gives what the type in front says: a record, and no pointer to one. */
export function noteResult(
  { results }: UnitScope,
  name: string,
  declarator: SyntaxNode | undefined,
  type: CType,
): void {
  if (type.kind !== 'record' || declarator?.type !== 'function_declarator') return;
  const known = results.get(name);
  if (known?.kind !== 'record' || known.tag !== type.tag) results.set(name, type);
}
