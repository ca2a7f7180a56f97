/** The names that stand in an expression or a place, by what is asked of them. */
import type { Expr, Place } from '../../ir/ir.ts';
import { typeOf } from '../evaluate.ts';
import { enclosing, isBytePointer, type Names } from './names.ts';

/** A member that the program names, and what it lies in, from the record around it outwards. */
export interface Member {
  readonly name: string;
  readonly around: readonly string[];
}

export class Mentions {
  /** Members, and what they lie in. */
  readonly members: Member[] = [];
  private readonly names: Names;

  constructor(names: Names) {
    this.names = names;
  }

  /** Names that a value depends on. */
  uses(e: Expr): string[] {
    switch (e.kind) {
      case 'load':
        return this.ofPlace(e.place);
      case 'address':
        return this.address(e.place);
      case 'unary':
      case 'cast':
        return this.uses(e.operand);
      case 'binary':
        if ((e.op === '+' || e.op === '-') && isBytePointer(e.left)) return this.uses(e.left);
        return [...this.uses(e.left), ...this.uses(e.right)];
      case 'container':
        return this.uses(e.pointer);
      default:
        return [];
    }
  }

  /** Names that decide which places a value is taken from. */
  ways(e: Expr): string[] {
    switch (e.kind) {
      case 'load':
        // What lies in a record of the function is there only where the record matters.
        return [...this.address(e.place), ...this.around(e.place)];
      case 'address':
        return this.address(e.place);
      case 'unary':
      case 'cast':
        return this.ways(e.operand);
      case 'binary':
        return [...this.ways(e.left), ...this.ways(e.right)];
      case 'container':
        return this.uses(e.pointer);
      default:
        return [];
    }
  }

  /** A descriptor that is an index is kept by its number. */
  indexes(place: Place): string[] {
    return place.path.flatMap((e) => (e.kind === 'index' ? this.uses(e.index) : []));
  }

  indexesIn(value: Expr): string[] {
    if (value.kind === 'cast') return this.indexesIn(value.operand);
    return value.kind === 'address' ? this.indexes(value.place) : [];
  }

  /** What a stored pointer leads to: where that may hold a descriptor, whoever gets the pointer finds it. */
  handedOut(value: Expr): string[] {
    const pointee = this.names.leadsTo(value);
    return pointee === undefined || value.kind === 'function' ? [] : [pointee];
  }

  ofPlace(place: Place): string[] {
    return [this.names.ofPlace(place), ...this.address(place), ...this.around(place)];
  }

  /** What a place with members lies in. */
  around(place: Place): string[] {
    const around = enclosing(place, this.names);
    if (around.length > 0) this.members.push({ name: this.names.ofPlace(place), around });
    return around;
  }

  /** Names that decide where a place lies. */
  address(place: Place): string[] {
    const names = place.base.kind === 'deref' ? this.uses(place.base.pointer) : [];
    for (const element of place.path) if (element.kind === 'index') names.push(...this.uses(element.index));
    return names;
  }

  /** Names behind an argument that whoever gets it can look at, and those that the argument itself depends on. */
  contents(e: Expr): string[] {
    return [...this.uses(e), ...this.pointedTo(e)];
  }

  /** Names that a function changes which writes behind the pointer. */
  writtenBehind(e: Expr): string[] {
    if (e.kind === 'cast') return this.writtenBehind(e.operand);
    if (e.kind === 'address') return [this.names.ofPlace(e.place)];
    return this.pointedTo(e);
  }

  pointedTo(e: Expr): string[] {
    if (e.kind === 'cast') return this.pointedTo(e.operand);
    if (e.kind === 'address') return this.ofPlace(e.place);
    const type = typeOf(e);
    if (type?.kind !== 'pointer') return [];
    const name = e.kind === 'load' ? this.names.leadsTo(e) : undefined;
    const names = name === undefined ? [] : [name];
    if (type.to.kind === 'record') names.push(`record ${type.to.tag}`);
    return names;
  }

  /** Names in an expression that are numbers. */
  numbers(e: Expr): string[] {
    switch (e.kind) {
      case 'load':
        return e.place.type.kind === 'pointer' ? [] : [this.names.ofPlace(e.place)];
      case 'unary':
      case 'cast':
        return this.numbers(e.operand);
      case 'binary':
        return [...this.numbers(e.left), ...this.numbers(e.right)];
      default:
        return [];
    }
  }
}
