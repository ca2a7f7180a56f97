/**
 * Tables that a program walks row by row, as tests and set-up steps are: rows that request different features, that name
 * functions which make a userfaultfd or start a thread, or into which a userfaultfd is put that is made for the row. What
 * a row does rests on that row and on those before it, so the turns of the walk are told apart.
 */
import type { Expr, FunctionBody, Instruction, Place, Variable } from '../../ir/ir.ts';
import { placesOf } from '../../ir/visit.ts';
import { type Program, variableBase } from '../context.ts';
import type { Location } from '../value.ts';

/** Rows of a table that are told apart: each turn of the walk is run for itself. */
const MAX_ROWS = 12;

export interface RowQuestions {
  /** What is stored there may come to be requested by a handshake. */
  isWanted(place: Place): boolean;
  /** A userfaultfd is made, or a thread started, while it runs. */
  prepares(body: FunctionBody): boolean;
  /** What the call returns may be a userfaultfd that it makes. */
  makes(call: Instruction & { readonly kind: 'call' }, file: string): boolean;
  /** Pointers held in the variable may lead into the variable of this id. */
  leadsTo(pointer: Variable, id: string): boolean;
}

/** A variable of a body by which it walks through a table: an index or a pointer. */
export interface Walker {
  /** Where the variable lies. */
  readonly at: Location;
  /** Of an index, the number of rows; a pointer says itself where it leads. */
  readonly rows: number | undefined;
}

export class Rows {
  private readonly ask: RowQuestions;
  private readonly program: Program;
  /** By base: the number of rows. */
  private readonly tables = new Map<string, number>();
  /** Ids of the variables that are such tables. */
  private readonly ids = new Set<string>();

  constructor(program: Program, ask: RowQuestions) {
    this.program = program;
    this.ask = ask;
    for (const { initialiser } of program.globals)
      for (const { target, value } of initialiser) this.note(target, value, target.span.file);
    for (const body of program.bodies) {
      const made = this.madeIn(body);
      for (const { instructions } of body.blocks)
        for (const i of instructions) {
          if (i.kind === 'call' && this.ask.makes(i, body.file))
            for (const a of i.arguments) if (a.kind === 'address') this.add(a.place, lengthOf(a.place));
          if (i.kind !== 'assign') continue;
          this.note(i.target, i.value, body.file);
          const value = plainVariable(i.value);
          if (value !== undefined && made.has(value)) this.add(i.target, lengthOf(i.target));
        }
    }
  }

  /** Variables of the body that hold a userfaultfd which some function made for it. */
  private madeIn({ blocks, file }: FunctionBody): ReadonlySet<Variable> {
    const made = new Set<Variable>();
    for (const { instructions } of blocks)
      for (const i of instructions) {
        if (i.kind === 'call' && i.result !== undefined && this.ask.makes(i, file)) made.add(i.result);
        if (i.kind !== 'assign' || i.target.base.kind !== 'variable' || i.target.path.length > 0) continue;
        const value = plainVariable(i.value);
        if (value !== undefined && made.has(value)) made.add(i.target.base.variable);
      }
    return made;
  }

  /** Takes the table in which a place lies for one that is walked. */
  private add({ base }: Place, rows: number | undefined): void {
    if (rows === undefined || base.kind !== 'variable' || this.ids.has(base.variable.id)) return;
    this.ids.add(base.variable.id);
    this.tables.set(variableBase(base.variable), rows);
  }

  /** Takes the table in which the store lies for one that is walked, where the value tells rows apart. */
  private note(target: Place, value: Expr, file: string): void {
    const rows =
      target.path[0]?.kind === 'index' && target.path[0].index.kind === 'constant' ? lengthOf(target) : undefined;
    if (rows === undefined) return;
    const body = value.kind === 'function' ? this.program.function(value.name, file) : undefined;
    if (body === undefined ? !this.ask.isWanted(target) : !this.ask.prepares(body)) return;
    this.add(target, rows);
  }

  /** Equal texts, equal answers of rowAt(). */
  get description(): string {
    return [...this.tables].map((t) => t.join(':')).join();
  }

  /** The number of the row that a pointer leads to. */
  rowAt({ base, path }: Location): number | undefined {
    const row = this.tables.has(base) ? /^\[(\d+)\]$/.exec(path)?.[1] : undefined;
    return row === undefined || Number(row) >= this.tables.get(base)! ? undefined : Number(row);
  }

  walkersOf(body: FunctionBody): Walker[] {
    const found = new Map<string, Walker>();
    if (this.ids.size === 0) return [];
    for (const { base, path } of placesOf(body)) {
      const [first] = path;
      if (base.kind === 'deref') {
        const pointer = plainVariable(base.pointer);
        if (pointer !== undefined && [...this.ids].some((id) => this.ask.leadsTo(pointer, id))) walk(found, pointer);
      } else if (first?.kind === 'index' && this.ids.has(base.variable.id)) {
        const index = plainVariable(first.index);
        if (index !== undefined) walk(found, index, this.tables.get(variableBase(base.variable)));
      }
    }
    return [...found.values()];
  }
}

function walk(found: Map<string, Walker>, variable: Variable, rows?: number): void {
  const at = { base: variableBase(variable), path: '' };
  const known = found.get(at.base)?.rows ?? 0;
  found.set(at.base, { at, rows: rows === undefined ? undefined : Math.max(known, rows) });
}

/** Of an element of an array that is short enough, the number of elements. */
function lengthOf({ base, path }: Place): number | undefined {
  if (base.kind !== 'variable' || path[0]?.kind !== 'index') return undefined;
  const { type } = base.variable;
  const length = type.kind === 'array' ? type.length : undefined;
  return length !== undefined && length > 1 && length <= MAX_ROWS ? length : undefined;
}

function plainVariable(e: Expr): Variable | undefined {
  if (e.kind === 'cast') return plainVariable(e.operand);
  return e.kind === 'load' && e.place.base.kind === 'variable' && e.place.path.length === 0
    ? e.place.base.variable
    : undefined;
}
