/**
 * A program in which places in the source are numbered in their order, so that programs that differ only in where their
 * parts stand are the same: what the engine finds in one holds for the other, with the places put back.
 */
import { createHash, type Hash } from 'node:crypto';
import type { FunctionBody, GlobalVariable } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import { type Program, variableBase } from './context.ts';
import type { EngineResult } from './events.ts';

export interface Canonical {
  /** To be run in the place of the given program. */
  readonly program: Program;
  /** Equal for programs of equal bodies, globals and roots; which definition a name means is not in it. */
  readonly digest: string;
  /** What was found in this program, or in one of the same digest, with the places of this one. */
  restore(result: EngineResult): EngineResult;
}

export function canonicalise(program: Program): Canonical {
  const places = new Places();
  const { bodies, globals } = program;
  new Walk((span) => places.note(span)).visit([bodies, globals]);
  const copies = new Copies(places.number());
  const copied = { bodies: bodies.map((b) => copies.of(b)), globals: globals.map((g) => copies.of(g)) };
  const byBody = new Map<FunctionBody, FunctionBody>(bodies.map((b, i) => [b, copied.bodies[i]!]));
  const byBase = new Map<string, GlobalVariable>(copied.globals.map((g) => [variableBase(g.variable), g]));
  for (const f of program.functions) copies.mention(f);
  return {
    program: {
      bodies: copied.bodies,
      globals: copied.globals,
      functions: program.functions.flatMap((f) => byBody.get(f) ?? []),
      global: (base) => byBase.get(base),
      function: (name, file) => {
        const body = program.function(name, places.pathOf(file));
        return body === undefined ? undefined : byBody.get(body);
      },
    },
    digest: copies.digest(),
    restore: (result) => withSpans(result, (span) => places.restore(span)) as EngineResult,
  };
}

function isSpan(value: object): value is Span {
  return 'file' in value && 'start' in value && 'end' in value;
}

/** Calls back for each span of a value, once. */
class Walk {
  private readonly seen = new Set<object>();
  private readonly note: (span: Span) => void;

  constructor(note: (span: Span) => void) {
    this.note = note;
  }

  visit(value: unknown): void {
    if (typeof value !== 'object' || value === null || this.seen.has(value)) return;
    this.seen.add(value);
    if (isSpan(value)) this.note(value);
    else for (const part of Object.values(value)) this.visit(part);
  }
}

/** Paths and offsets by number. */
class Places {
  private readonly offsets = new Map<string, Set<number>>();
  private paths: string[] = [];
  private sorted: number[][] = [];

  note({ file, start, end }: Span): void {
    let offsets = this.offsets.get(file);
    if (offsets === undefined) {
      offsets = new Set();
      this.offsets.set(file, offsets);
    }
    offsets.add(start).add(end);
  }

  /** Gives each place its number: files in the order in which they were met, offsets in that of the text. */
  number(): (span: Span) => Span {
    this.paths = [...this.offsets.keys()];
    this.sorted = [...this.offsets.values()].map((offsets) => [...offsets].sort((a, b) => a - b));
    const numbers = this.sorted.map((offsets) => new Map(offsets.map((offset, i) => [offset, i])));
    const files = new Map(this.paths.map((path, i) => [path, i]));
    return ({ file, start, end }) => {
      const i = files.get(file)!;
      return { file: String(i), start: numbers[i]!.get(start)!, end: numbers[i]!.get(end)! };
    };
  }

  pathOf(file: string): string {
    return this.paths[Number(file)] ?? file;
  }

  /** A span that the engine made up stands nowhere, and stays. */
  restore(span: Span): Span {
    const offsets = span.file === '' ? undefined : this.sorted[Number(span.file)];
    if (offsets === undefined) return span;
    return { file: this.pathOf(span.file), start: offsets[span.start]!, end: offsets[span.end]! };
  }
}

/** Where a variable stands is part of its id, to tell it from others of its name. */
const PLACED_ID = /^(.*:)\d+$/s;

/** Copies parts of the IR, with what they share; what is copied goes into the digest. */
class Copies {
  private readonly number: (span: Span) => Span;
  private readonly made = new Map<object, { readonly copy: object; readonly index: number }>();
  private readonly ids = new Map<string, string>();
  private readonly named = new Map<string, number>();
  private readonly hash: Hash = createHash('sha256');
  private text: string[] = [];

  constructor(number: (span: Span) => Span) {
    this.number = number;
  }

  of<T extends object>(part: T): T {
    return this.copy(part) as T;
  }

  /** Something that was copied before is meant here. */
  mention(part: object): void {
    this.write(`^${this.made.get(part)?.index ?? '?'}`);
  }

  digest(): string {
    return this.hash.update(this.text.join('')).digest('hex');
  }

  private write(text: string): void {
    this.text.push(text);
    if (this.text.length < 4096) return;
    this.hash.update(this.text.join(''));
    this.text = [];
  }

  private copy(value: unknown): unknown {
    if (typeof value === 'string') this.write(`"${value.length}:${value}`);
    else if (typeof value !== 'object' || value === null) this.write(`${typeof value}${String(value)},`);
    else return this.copyObject(value);
    return value;
  }

  private copyObject(value: object): object {
    const known = this.made.get(value);
    if (known !== undefined) {
      this.write(`^${known.index}`);
      return known.copy;
    }
    if (isSpan(value)) {
      const span = this.number(value);
      this.write(`@${span.file}:${span.start}:${span.end}`);
      this.made.set(value, { copy: span, index: this.made.size });
      return span;
    }
    if (value instanceof Map || value instanceof Set) throw new Error('the IR holds a collection that has no copy');
    const copy: unknown[] | Record<string, unknown> = Array.isArray(value) ? [] : {};
    this.made.set(value, { copy, index: this.made.size });
    if (Array.isArray(copy)) {
      this.write('[');
      for (const part of value as unknown[]) copy.push(this.copy(part));
    } else {
      this.write('{');
      const isVariable = 'storage' in value;
      for (const [key, part] of Object.entries(value)) {
        this.write(`${key}=`);
        copy[key] = isVariable && key === 'id' ? this.copy(this.idOf(part as string)) : this.copy(part);
      }
    }
    this.write(';');
    return copy;
  }

  /** Of several variables of one name in a function, the how-manieth it is takes the place of where it stands. */
  private idOf(id: string): string {
    let found = this.ids.get(id);
    if (found === undefined) {
      const name = PLACED_ID.exec(id)?.[1];
      const count = name === undefined ? 0 : (this.named.get(name) ?? 0);
      if (name !== undefined) this.named.set(name, count + 1);
      found = name === undefined ? id : `${name}${count}`;
      this.ids.set(id, found);
    }
    return found;
  }
}

/** The same value with other spans. */
function withSpans(value: unknown, change: (span: Span) => Span): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isSpan(value)) return change(value);
  const inner = (part: unknown) => withSpans(part, change);
  if (Array.isArray(value)) return value.map(inner);
  if (value instanceof Map) return new Map([...value].map(([key, part]) => [key, inner(part)]));
  if (value instanceof Set) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inner(part)]));
}
