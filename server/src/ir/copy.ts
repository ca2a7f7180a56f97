/** Copies of parts of the IR in which places, and with them variables, are others. */
import type { Span } from '../text/span.ts';
import type { FunctionBody, Variable } from './ir.ts';

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Parts = Record<string, unknown>;

export function isSpan(value: object): value is Span {
  return 'file' in value && 'start' in value && 'end' in value;
}

function isVariable(value: object): value is Variable {
  return 'storage' in value;
}

const origins = new WeakMap<FunctionBody, FunctionBody>();

/** The function that this one is, but for its place; itself, where it is no copy. */
export function originOf(body: FunctionBody): FunctionBody {
  return origins.get(body) ?? body;
}

/** The copy stands elsewhere and is the same in all else. */
export function noteOrigin(copy: FunctionBody, of: FunctionBody): void {
  origins.set(copy, originOf(of));
}

export interface Changes {
  /** The copy's own span: it is not shared with the original. */
  span(span: Span): Mutable<Span>;
  /** What stands for a variable in the copy; undefined where it is copied like everything else. */
  variable?(variable: Variable): Variable | undefined;
}

/** Copies parts of the IR; what they share, the copies share. */
export class Copies {
  private readonly changes: Changes;
  private readonly made = new Map<object, object>();

  constructor(changes: Changes) {
    this.changes = changes;
  }

  of<T extends object>(part: T): T {
    return this.copy(part) as T;
  }

  /** The same, but what lies in it is copied when somebody looks at it: most copies of functions nobody looks into. */
  later<T extends object>(part: T): T {
    const copy: Parts = {};
    this.made.set(part, copy);
    for (const key in part) {
      const value: unknown = part[key];
      const get = () => {
        const made = this.part(value);
        Object.defineProperty(copy, key, { value: made, enumerable: true });
        return made;
      };
      if (typeof value === 'object' && value !== null)
        Object.defineProperty(copy, key, { get, enumerable: true, configurable: true });
      else copy[key] = value;
    }
    return copy as T;
  }

  private copy(value: object): object {
    let copy = this.made.get(value);
    if (copy !== undefined) return copy;
    if (value instanceof Map || value instanceof Set) throw new Error('the IR holds a collection that has no copy');
    if (isSpan(value)) copy = this.changes.span(value);
    else if (isVariable(value)) copy = this.changes.variable?.(value);
    if (copy !== undefined) {
      this.made.set(value, copy);
      return copy;
    }
    return Array.isArray(value) ? this.list(value) : this.record(value);
  }

  private list(value: readonly unknown[]): unknown[] {
    const copy: unknown[] = [];
    this.made.set(value, copy);
    for (const part of value) copy.push(this.part(part));
    return copy;
  }

  private record(value: object): Parts {
    const copy: Parts = {};
    this.made.set(value, copy);
    for (const key in value) copy[key] = this.part((value as Parts)[key]);
    return copy;
  }

  private part(value: unknown): unknown {
    return typeof value === 'object' && value !== null ? this.copy(value) : value;
  }
}
