/**
 * Names for memory that do not depend on a state: a variable, a field wherever it lies, or what a pointer leads to.
 * Which pointers lead to the same is found by unification (Steensgaard, "Points-to analysis in almost linear time",
 * POPL 1996): of two pointers of which one is assigned to the other, the pointees share a name. A record is not told
 * apart from others of which a field has the same name.
 */
import type { CType, Expr, FunctionBody, Place } from '../../ir/ir.ts';
import { placesOf } from '../../ir/visit.ts';
import { typeOf } from '../evaluate.ts';
import { libraryCallOf } from './library.ts';

/** What a null pointer, a string or a number leads to. */
const NOWHERE = undefined;

/** Memory that is not told apart. What is said of it stands in the one that it goes by, see `find`. */
export class Name {
  /** The name that it goes by since it was united with others. */
  parent: Name | undefined = undefined;
  /** What pointers held there lead to. */
  pointee: Name | undefined = undefined;
  /** Its value decides something. */
  decides = false;
  /** It may hold a descriptor, or a result that tells what became of one. */
  tells = false;
  /** A record in which such things lie. */
  holds = false;
  /** It may hold a child's descriptor, or is a record in which one may lie. */
  carries = false;
  /** It holds, or tells of, the event of a message. */
  speaksOfMessages = false;
  /** It says which way the program came: what is given up where it is tested rests on that. */
  isFlag = false;
  /** A number in shared memory that several threads compute: whoever looks finds any, whatever was stored. */
  isUnsteady = false;
}

/** What all that were united go by. */
export function find(name: Name): Name {
  const { parent } = name;
  if (parent === undefined) return name;
  if (parent.parent === undefined) return parent;
  const found = find(parent);
  name.parent = found;
  return found;
}

export class Names {
  private readonly fields = new Map<string, Name>();
  private readonly variables = new Map<string, Name>();
  private readonly records = new Map<string, Name>();
  private readonly results = new Map<string, Name>();
  private readonly anywhere = new Name();
  /** By id, functions whose address is taken. */
  private readonly functions = new Map<string, { readonly name: Name; readonly body: FunctionBody }>();
  /** Until the next union. */
  private byName: Map<Name, FunctionBody[]> | undefined = undefined;
  private readonly resolve: (e: Expr & { kind: 'function' }) => FunctionBody | undefined;

  constructor(resolve: (e: Expr & { kind: 'function' }) => FunctionBody | undefined) {
    this.resolve = resolve;
  }

  ofField(field: string): Name {
    return this.fields.get(field) ?? added(this.fields, field);
  }

  ofVariable(id: string): Name {
    return this.variables.get(id) ?? added(this.variables, id);
  }

  /** All records of a kind. */
  ofRecord(tag: string): Name {
    return this.records.get(tag) ?? added(this.records, tag);
  }

  /** What the function returns. */
  ofResult(body: FunctionBody): Name {
    return this.results.get(body.id) ?? added(this.results, body.id);
  }

  /** Both stand for the same memory from here on, and so does what pointers in them lead to. */
  unite(a: Name, b: Name): void {
    const x = find(a);
    const y = find(b);
    if (x === y) return;
    this.byName = undefined;
    x.parent = y;
    if (x.pointee === undefined) return;
    if (y.pointee === undefined) y.pointee = x.pointee;
    else this.unite(x.pointee, y.pointee);
  }

  /** What pointers held under a name lead to. */
  behind(name: Name): Name {
    const found = find(name);
    found.pointee ??= new Name();
    return found.pointee;
  }

  /** Stays right when names are united later, by way of `find`. */
  ofPlace({ base, path }: Place): Name {
    for (let i = path.length - 1; i >= 0; i--) {
      const element = path[i]!;
      if (element.kind === 'field') return this.ofField(element.name);
    }
    if (base.kind === 'variable') return this.ofVariable(base.variable.id);
    return this.leadsTo(base.pointer) ?? this.anywhere;
  }

  /** What the value of an expression leads to, where it can be a pointer. */
  leadsTo(e: Expr): Name | undefined {
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
        return body === undefined ? NOWHERE : this.ofFunction(body);
      }
      default:
        return NOWHERE;
    }
  }

  private ofFunction(body: FunctionBody): Name {
    let known = this.functions.get(body.id);
    if (known === undefined) {
      known = { name: new Name(), body };
      this.functions.set(body.id, known);
      this.byName = undefined;
    }
    return known.name;
  }

  /** Functions that a call through a pointer with this pointee may reach. */
  functionsAt(name: Name): readonly FunctionBody[] {
    if (this.byName === undefined) {
      this.byName = new Map();
      for (const { name: taken, body } of this.functions.values()) {
        const found = find(taken);
        const others = this.byName.get(found);
        if (others === undefined) this.byName.set(found, [body]);
        else others.push(body);
      }
    }
    return this.byName.get(find(name)) ?? [];
  }

  /** A value goes to a place of this name: pointers in both lead to the same. */
  assigned(name: Name, value: Expr): void {
    const pointee = this.leadsTo(value);
    if (pointee !== undefined) this.unite(this.behind(name), pointee);
  }
}

function added(names: Map<string, Name>, key: string): Name {
  const name = new Name();
  names.set(key, name);
  return name;
}

const NO_NAMES: readonly Name[] = [];

/**
 * What a place with fields lies in, from the field around it outwards to the variable, or to what the pointer leads to
 * and the kind of record that this is: whoever copies one of these copies the place.
 */
export function enclosing({ base, path }: Place, names: Names): readonly Name[] {
  let field: string | undefined;
  let around: Name[] | undefined;
  for (const element of path) {
    if (element.kind !== 'field') continue;
    if (field === undefined) around = [];
    else around!.push(names.ofField(field));
    field = element.name;
  }
  if (around === undefined) return NO_NAMES;
  if (base.kind === 'variable') around.push(names.ofVariable(base.variable.id));
  else {
    const pointee = names.leadsTo(base.pointer);
    if (pointee !== undefined) around.push(pointee);
    const type = typeOf(base.pointer);
    if (type?.kind === 'pointer' && type.to.kind === 'record') around.push(names.ofRecord(type.to.tag));
  }
  return around;
}

/** Names of the pointers that a body looks behind, or a library function that it calls. */
export function pointersFollowed(body: FunctionBody, names: Names): Set<Name> {
  const found = new Set<Name>();
  const visit = (e: Expr) => {
    if (e.kind === 'load') found.add(names.ofPlace(e.place));
    else if (e.kind === 'cast') visit(e.operand);
    else if (e.kind === 'binary') visit(names.leadsTo(e.left) === undefined ? e.right : e.left);
  };
  for (const { base } of placesOf(body)) if (base.kind === 'deref') visit(base.pointer);
  for (const { instructions } of body.blocks)
    for (const i of instructions) {
      if (i.kind !== 'call' || libraryCallOf(i) === undefined) continue;
      for (const a of i.arguments) if (typeOf(a)?.kind === 'pointer') visit(a);
    }
  return found;
}

/** A handler may lie there. */
export function isFunctionPointer({ type }: Place): boolean {
  return type.kind === 'pointer' && type.to.kind === 'function';
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
