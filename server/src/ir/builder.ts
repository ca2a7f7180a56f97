/** Builds one function's control-flow graph: blocks, scopes, jump targets, and the text that is being lowered. */
import type { CParser, MacroDefinition, ParsedSnippet, SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import type { BasicBlock, CType, Expr, Instruction, Place, Terminator, Variable } from './ir.ts';
import { orderBlocks } from './order.ts';
import type { TypeReader } from './types.ts';

/** The text in which nodes lie, and the way from its offsets back to the source. */
export interface View {
  readonly text: string;
  /** The text before the mask, for the file itself. */
  readonly original?: string | undefined;
  spanOf(start: number, end: number): Span;
  /** True where a macro is being expanded already: its name there stands for itself. Arguments are not part of that. */
  blocked?(name: string, start: number, end: number): boolean;
}

/** What a file knows: shared by its functions. */
export interface UnitScope {
  readonly path: string;
  readonly parser: CParser;
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  readonly globals: Map<string, Variable>;
  readonly functions: Set<string>;
  /** Functions whose prototype says that they do not return. */
  readonly noreturns: Set<string>;
  readonly enumerators: Map<string, bigint>;
  readonly cleanups: ReadonlyMap<number, string>;
  /** Expansions by their text before the mask. */
  readonly snippets: Map<string, ParsedSnippet>;
  types: TypeReader;
  /** The text being lowered now: the file, or the expansion of a macro. */
  view: View;
}

interface MutableBlock {
  readonly instructions: Instruction[];
  terminator: Terminator | undefined;
}

interface Scope {
  readonly names: Map<string, Variable>;
  readonly variables: Variable[];
}

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
}

/** A goto whose label may not have been met yet: which scopes it leaves is known at the end. */
interface PendingGoto {
  readonly block: number;
  readonly label: Label;
  readonly scopes: readonly { readonly scope: Scope; readonly variables: readonly Variable[] }[];
  readonly span: Span;
}

export interface SwitchFrame {
  readonly cases: SwitchCase[];
  otherwise: number | undefined;
  defaultSpan: Span | undefined;
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
  private readonly blocks: MutableBlock[] = [];
  private current: number;
  private readonly scopes: Scope[] = [];
  private readonly breaks: JumpTarget[] = [];
  private readonly continues: JumpTarget[] = [];
  readonly switches: SwitchFrame[] = [];
  private readonly labels = new Map<string, Label>();
  private readonly gotos: PendingGoto[] = [];
  /** Labels whose address is taken: where a computed goto may go. */
  readonly labelAddresses = new Set<string>();
  private dispatch: { readonly block: number; readonly span: Span } | undefined;
  /** What stands in the place of the body of a loop or an `if` that a macro begins. */
  readonly holes: (() => void)[] = [];
  private temporaries = 0;

  constructor(unit: UnitScope, functionId: string, view: View) {
    this.unit = unit;
    this.functionId = functionId;
    this.view = view;
    this.current = this.newBlock();
  }

  get view(): View {
    return this.unit.view;
  }

  set view(view: View) {
    this.unit.view = view;
  }

  text(node: SyntaxNode): string {
    return this.view.text.slice(node.start, node.end);
  }

  span(node: SyntaxNode): Span {
    return this.view.spanOf(node.start, node.end);
  }

  newBlock(): number {
    this.blocks.push({ instructions: [], terminator: undefined });
    return this.blocks.length - 1;
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
    this.scopes.push({ names: new Map(), variables: [] });
  }

  closeScope(span: Span): void {
    const scope = this.scopes.pop()!;
    this.endVariables(scope.variables, span);
  }

  private endVariables(variables: readonly Variable[], span: Span): void {
    if (variables.length > 0) this.emit({ kind: 'end-scope', variables: [...variables].reverse(), span });
  }

  /** Ends the scopes above a depth, without leaving them in the text. */
  unwindTo(depth: number, span: Span): void {
    for (let i = this.scopes.length - 1; i >= depth; i--) this.endVariables(this.scopes[i]!.variables, span);
  }

  declare(name: string, variable: Variable): void {
    const scope = this.scopes[this.scopes.length - 1]!;
    scope.names.set(name, variable);
    if (variable.storage === 'local' || variable.storage === 'parameter') scope.variables.push(variable);
  }

  lookup(name: string): Variable | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const found = this.scopes[i]!.names.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
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
      label = { block: this.newBlock(), scopes: undefined };
      this.labels.set(name, label);
    }
    return label;
  }

  /** The label stands here. */
  label(name: string): number {
    const label = this.labelNamed(name);
    label.scopes ??= new Set(this.scopes);
    return label.block;
  }

  /** Locals of the blocks that a goto leaves end there; which these are is known when the label is. */
  gotoLabel(name: string, span: Span): void {
    const label = this.labelNamed(name);
    this.gotos.push({
      block: this.current,
      label,
      scopes: this.scopes.map((scope) => ({ scope, variables: [...scope.variables] })),
      span,
    });
    this.goto(label.block);
    this.deadEnd();
  }

  /** `goto *p`: to any label whose address is taken. */
  computedGoto(span: Span): void {
    this.dispatch ??= { block: this.newBlock(), span };
    this.unwindTo(2, span);
    this.goto(this.dispatch.block);
    this.deadEnd();
  }

  private settleGotos(): void {
    for (const { block, label, scopes, span } of this.gotos) {
      const kept = label.scopes;
      if (kept === undefined) continue;
      for (const { scope, variables } of [...scopes].reverse()) {
        if (kept.has(scope) || variables.length === 0) continue;
        this.blocks[block]!.instructions.push({ kind: 'end-scope', variables: [...variables].reverse(), span });
      }
    }
    if (this.dispatch === undefined) return;
    const { block, span } = this.dispatch;
    const unknown: Expr = { kind: 'unknown', span };
    const targets = [...this.labels].filter(([name]) => this.labelAddresses.has(name)).map(([, l]) => l.block);
    const last = targets.pop();
    this.blocks[block]!.terminator =
      last === undefined
        ? { kind: 'unreachable' }
        : {
            kind: 'switch',
            value: unknown,
            cases: targets.map((target) => ({ low: unknown, high: unknown, target, span })),
            otherwise: last,
            defaultSpan: undefined,
            span,
          };
  }

  /** Reverse post-order, unreachable blocks removed, loop heads marked. */
  finish(): BasicBlock[] {
    this.settleGotos();
    for (const block of this.blocks) block.terminator ??= { kind: 'unreachable' };
    return orderBlocks(this.blocks);
  }
}

export function variablePlace(variable: Variable, span: Span): Place {
  return { base: { kind: 'variable', variable }, path: [], type: variable.type, span };
}

export function loadOf(place: Place, span: Span): Expr {
  return { kind: 'load', place, span };
}

export function constantExpr(value: bigint | number, span: Span, name?: string): Expr {
  return { kind: 'constant', value: BigInt(value), name, span };
}
