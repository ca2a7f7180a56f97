/**
 * Names for memory that do not depend on a state: a variable, a field wherever it lies, or what a pointer leads to.
 * Which pointers lead to the same is found by unification (Steensgaard, "Points-to analysis in almost linear time",
 * POPL 1996): of two pointers of which one is assigned to the other, the pointees share a name. A record is not told
 * apart from others of which a field has the same name.
 */
import type { CType, Expr, FunctionBody, Place } from '../../ir/ir.ts';
import { visitBody } from '../../ir/visit.ts';
import { typeOf } from '../evaluate.ts';
import { libraryCallOf } from './library.ts';

/** What a null pointer, a string or a number leads to. */
const NOWHERE = undefined;

export class Names {
  private readonly parents = new Map<string, string>();
  /** By representative. */
  private readonly pointees = new Map<string, string>();
  /** Functions whose address is taken. */
  private readonly functions = new Map<string, FunctionBody>();
  /** Until the next union. */
  private byName: Map<string, readonly FunctionBody[]> | undefined;
  private readonly resolve: (e: Expr & { kind: 'function' }) => FunctionBody | undefined;

  constructor(resolve: (e: Expr & { kind: 'function' }) => FunctionBody | undefined) {
    this.resolve = resolve;
  }

  find(name: string): string {
    const parent = this.parents.get(name);
    if (parent === undefined) return name;
    const found = this.find(parent);
    if (found !== parent) this.parents.set(name, found);
    return found;
  }

  /** Both stand for the same memory from here on, and so does what pointers in them lead to. */
  unite(a: string, b: string): void {
    const x = this.find(a);
    const y = this.find(b);
    if (x === y) return;
    this.byName = undefined;
    this.parents.set(x, y);
    const behindX = this.pointees.get(x);
    const behindY = this.pointees.get(y);
    if (behindX === undefined) return;
    if (behindY === undefined) this.pointees.set(y, behindX);
    else this.unite(behindX, behindY);
  }

  /** What pointers held under a name lead to. */
  behind(name: string): string {
    const found = this.find(name);
    let pointee = this.pointees.get(found);
    if (pointee === undefined) {
      pointee = `*${found}`;
      this.pointees.set(found, pointee);
    }
    return pointee;
  }

  /** Stays right when names are united later, by way of `find`. */
  ofPlace(place: Place): string {
    for (let i = place.path.length - 1; i >= 0; i--) {
      const element = place.path[i]!;
      if (element.kind === 'field') return fieldName(element.name);
    }
    if (place.base.kind === 'variable') return place.base.variable.id;
    return this.leadsTo(place.base.pointer) ?? ANYWHERE;
  }

  /** What the value of an expression leads to, where it can be a pointer. */
  leadsTo(e: Expr): string | undefined {
    switch (e.kind) {
      case 'load':
        return this.behind(this.ofPlace(e.place));
      case 'address':
        return this.ofPlace(e.place);
      case 'cast':
        return this.leadsTo(e.operand);
      case 'binary': {
        // An address can be aligned, too.
        if (e.op !== '+' && e.op !== '-' && e.op !== '&' && e.op !== '|') return NOWHERE;
        const left = this.leadsTo(e.left);
        // `n + p` is rare, and an index that is a variable leads nowhere.
        return left ?? this.leadsTo(e.right);
      }
      case 'container':
        return this.leadsTo(e.pointer);
      case 'function': {
        const body = this.resolve(e);
        if (body === undefined) return NOWHERE;
        if (!this.functions.has(body.id)) this.byName = undefined;
        this.functions.set(body.id, body);
        return functionName(body);
      }
      default:
        return NOWHERE;
    }
  }

  /** Functions that a call through a pointer with this pointee may reach. */
  functionsAt(name: string): readonly FunctionBody[] {
    if (this.byName === undefined) {
      this.byName = new Map();
      for (const body of this.functions.values()) {
        const found = this.find(functionName(body));
        this.byName.set(found, [...(this.byName.get(found) ?? []), body]);
      }
    }
    return this.byName.get(this.find(name)) ?? [];
  }

  /** A value goes to a place of this name: pointers in both lead to the same. */
  assigned(name: string, value: Expr): void {
    const pointee = this.leadsTo(value);
    if (pointee !== undefined) this.unite(this.behind(name), pointee);
  }
}

const ANYWHERE = '*';

function functionName(body: FunctionBody): string {
  return `function ${body.id}`;
}

/**
 * What a place with fields lies in, from the field around it outwards to the variable, or to what the pointer leads to
 * and the kind of record that this is: whoever copies one of these copies the place.
 */
export function enclosing(place: Place, names: Names): string[] {
  const fields = place.path.flatMap((e) => (e.kind === 'field' ? [e.name] : []));
  if (fields.length === 0) return [];
  const around = fields.slice(0, -1).map(fieldName);
  if (place.base.kind === 'variable') return [...around, place.base.variable.id];
  const pointee = names.leadsTo(place.base.pointer);
  if (pointee !== undefined) around.push(pointee);
  const type = typeOf(place.base.pointer);
  return type?.kind === 'pointer' && type.to.kind === 'record' ? [...around, `record ${type.to.tag}`] : around;
}

export function fieldName(field: string): string {
  return `.${field}`;
}

/** Names of the pointers that a body looks behind, or a library function that it calls. */
export function pointersFollowed(body: FunctionBody, names: Names): Set<string> {
  const found = new Set<string>();
  const visit = (e: Expr) => {
    if (e.kind === 'load') found.add(names.ofPlace(e.place));
    else if (e.kind === 'cast') visit(e.operand);
    else if (e.kind === 'binary') visit(names.leadsTo(e.left) === undefined ? e.right : e.left);
  };
  visitBody(body, {
    place: ({ base }) => {
      if (base.kind === 'deref') visit(base.pointer);
    },
  });
  for (const { instructions } of body.blocks)
    for (const i of instructions) {
      if (i.kind !== 'call' || libraryCallOf(i) === undefined) continue;
      for (const a of i.arguments) if (typeOf(a)?.kind === 'pointer') visit(a);
    }
  return found;
}

/** A pointer to bytes: where in them it points matters to nobody who looks for descriptors. */
export function isBytePointer(e: Expr): boolean {
  const type = typeOf(e);
  if (type?.kind === 'array') return isByte(type.of);
  return type?.kind === 'pointer' && isByte(type.to);
}

function isByte(type: CType): boolean {
  return type.kind === 'void' || (type.kind === 'integer' && type.bytes === 1);
}
