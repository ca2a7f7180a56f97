/** The names that stand in an expression or a place, by what is asked of them: each question adds to those found. */
import type { Expr, Place } from '../../ir/ir.ts';
import { typeOf } from '../evaluate.ts';
import { enclosing, isBytePointer, type Name, type Names } from './names.ts';

/** A member that the program names, and what it lies in, from the record around it outwards. */
export interface Member {
  readonly name: Name;
  readonly around: readonly Name[];
}

export class Mentions {
  /** Members, and what they lie in. */
  readonly members: Member[] = [];
  private readonly names: Names;

  constructor(names: Names) {
    this.names = names;
  }

  /** Names that a value depends on. */
  uses(e: Expr, found: Name[] = []): Name[] {
    switch (e.kind) {
      case 'load':
        return this.ofPlace(e.place, found);
      case 'address':
        return this.address(e.place, found);
      case 'unary':
      case 'cast':
        return this.uses(e.operand, found);
      case 'binary':
        this.uses(e.left, found);
        return (e.op === '+' || e.op === '-') && isBytePointer(e.left) ? found : this.uses(e.right, found);
      case 'container':
        return this.uses(e.pointer, found);
      default:
        return found;
    }
  }

  /** Names that decide which places a value is taken from. */
  ways(e: Expr, found: Name[] = []): Name[] {
    switch (e.kind) {
      case 'load':
        this.address(e.place, found);
        // What lies in a record of the function is there only where the record matters.
        return this.around(e.place, found);
      case 'address':
        return this.address(e.place, found);
      case 'unary':
      case 'cast':
        return this.ways(e.operand, found);
      case 'binary':
        this.ways(e.left, found);
        return this.ways(e.right, found);
      case 'container':
        return this.uses(e.pointer, found);
      default:
        return found;
    }
  }

  /** A descriptor that is an index is kept by its number. */
  indexes({ path }: Place, found: Name[] = []): Name[] {
    for (const element of path) if (element.kind === 'index') this.uses(element.index, found);
    return found;
  }

  indexesIn(value: Expr, found: Name[] = []): Name[] {
    if (value.kind === 'cast') return this.indexesIn(value.operand, found);
    return value.kind === 'address' ? this.indexes(value.place, found) : found;
  }

  /** What a stored pointer leads to: where that may hold a descriptor, whoever gets the pointer finds it. */
  handedOut(value: Expr, found: Name[] = []): Name[] {
    const pointee = this.names.leadsTo(value);
    if (pointee !== undefined && value.kind !== 'function') found.push(pointee);
    return found;
  }

  ofPlace(place: Place, found: Name[] = []): Name[] {
    found.push(this.names.ofPlace(place));
    this.address(place, found);
    return this.around(place, found);
  }

  /** What a place with members lies in. */
  around(place: Place, found: Name[] = []): Name[] {
    const around = enclosing(place, this.names);
    if (around.length === 0) return found;
    this.members.push({ name: this.names.ofPlace(place), around });
    for (const name of around) found.push(name);
    return found;
  }

  /** Names that decide where a place lies. */
  address(place: Place, found: Name[] = []): Name[] {
    if (place.base.kind === 'deref') this.uses(place.base.pointer, found);
    return this.indexes(place, found);
  }

  /** Names behind an argument that whoever gets it can look at, and those that the argument itself depends on. */
  contents(e: Expr, found: Name[] = []): Name[] {
    this.uses(e, found);
    return this.pointedTo(e, found);
  }

  /** Names that a function changes which writes behind the pointer. */
  writtenBehind(e: Expr, found: Name[] = []): Name[] {
    if (e.kind === 'cast') return this.writtenBehind(e.operand, found);
    if (e.kind !== 'address') return this.pointedTo(e, found);
    found.push(this.names.ofPlace(e.place));
    return found;
  }

  pointedTo(e: Expr, found: Name[] = []): Name[] {
    if (e.kind === 'cast') return this.pointedTo(e.operand, found);
    if (e.kind === 'address') return this.ofPlace(e.place, found);
    const type = typeOf(e);
    if (type?.kind !== 'pointer') return found;
    const name = e.kind === 'load' ? this.names.leadsTo(e) : undefined;
    if (name !== undefined) found.push(name);
    if (type.to.kind === 'record') found.push(this.names.ofRecord(type.to.tag));
    return found;
  }

  /** Names in an expression that are numbers. */
  numbers(e: Expr): readonly Name[] {
    return this.operands(e, false, []);
  }

  /** Names in an expression that are pointers. */
  pointers(e: Expr): readonly Name[] {
    return this.operands(e, true, []);
  }

  private operands(e: Expr, arePointers: boolean, found: Name[]): Name[] {
    switch (e.kind) {
      case 'load':
        if ((e.place.type.kind === 'pointer') === arePointers) found.push(this.names.ofPlace(e.place));
        return found;
      case 'unary':
      case 'cast':
        return this.operands(e.operand, arePointers, found);
      case 'binary':
        this.operands(e.left, arePointers, found);
        return this.operands(e.right, arePointers, found);
      default:
        return found;
    }
  }
}
