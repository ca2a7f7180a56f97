/**
 * A program in which places in the source are numbered in their order, so that programs that differ only in where their
 * parts stand are the same: what the engine finds in one holds for the other, with the places put back.
 */
import { createHash } from 'node:crypto';
import { serialize } from 'node:v8';
import type { FunctionBody, GlobalVariable } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import { type Program, variableBase } from './context.ts';
import type { EngineResult } from './events.ts';

export interface Canonical {
  /** To be run in the place of the given program. */
  readonly program: Program;
  /** Equal for programs of equal bodies, globals and roots; which definition a name means is not in it. */
  digest(): string;
  /** What was found in this program, or in one of the same digest, with the places of this one. */
  restore(result: EngineResult): EngineResult;
}

export function canonicalise(program: Program): Canonical {
  const copies = new Copies();
  const bodies = program.bodies.map((b) => copies.of(b));
  const globals = program.globals.map((g) => copies.of(g));
  const places = new Places(copies.spans);
  const byBody = new Map<FunctionBody, FunctionBody>(program.bodies.map((b, i) => [b, bodies[i]!]));
  const byBase = new Map<string, GlobalVariable>(globals.map((g) => [variableBase(g.variable), g]));
  const functions = program.functions.flatMap((f) => byBody.get(f) ?? []);
  return {
    program: {
      bodies,
      globals,
      functions,
      global: (base) => byBase.get(base),
      function: (name, file) => {
        const body = program.function(name, places.pathOf(file));
        return body === undefined ? undefined : byBody.get(body);
      },
    },
    digest: () =>
      createHash('sha256')
        .update(serialize([bodies, globals, functions]))
        .digest('hex'),
    restore: (result) => withSpans(result, (span) => places.restore(span)) as EngineResult,
  };
}

function isSpan(value: object): value is Span {
  return 'file' in value && 'start' in value && 'end' in value;
}

/** Paths and offsets by number. */
class Places {
  private readonly paths: readonly string[];
  private readonly offsets: readonly (readonly number[])[];

  /** Numbers the spans, in place: files in the order in which they come, offsets in that of the text. */
  constructor(spans: readonly Mutable<Span>[]) {
    const byPath = new Map<string, Set<number>>();
    for (const { file, start, end } of spans) {
      let offsets = byPath.get(file);
      if (offsets === undefined) {
        offsets = new Set();
        byPath.set(file, offsets);
      }
      offsets.add(start).add(end);
    }
    this.paths = [...byPath.keys()];
    this.offsets = [...byPath.values()].map((offsets) => [...offsets].sort((a, b) => a - b));
    const files = new Map(this.paths.map((path, i) => [path, i]));
    const numbers = this.offsets.map((offsets) => new Map(offsets.map((offset, i) => [offset, i])));
    for (const span of spans) {
      const file = files.get(span.file)!;
      span.file = String(file);
      span.start = numbers[file]!.get(span.start)!;
      span.end = numbers[file]!.get(span.end)!;
    }
  }

  pathOf(file: string): string {
    return this.paths[Number(file)] ?? file;
  }

  /** A span that the engine made up stands nowhere, and stays. */
  restore(span: Span): Span {
    const offsets = span.file === '' ? undefined : this.offsets[Number(span.file)];
    if (offsets === undefined) return span;
    return { file: this.pathOf(span.file), start: offsets[span.start]!, end: offsets[span.end]! };
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Parts = Record<string, unknown>;

/** Where a variable stands is part of its id, to tell it from others of its name. */
const PLACED_ID = /^(.*:)\d+$/s;

/** Copies parts of the IR; what they share, the copies share. */
class Copies {
  readonly spans: Mutable<Span>[] = [];
  private readonly made = new Map<object, object>();
  private readonly ids = new Map<string, string>();
  private readonly named = new Map<string, number>();

  of<T extends object>(part: T): T {
    return this.copy(part) as T;
  }

  private copy(value: object): object {
    const known = this.made.get(value);
    if (known !== undefined) return known;
    if (value instanceof Map || value instanceof Set) throw new Error('the IR holds a collection that has no copy');
    if (isSpan(value)) {
      const span = { file: value.file, start: value.start, end: value.end };
      this.spans.push(span);
      this.made.set(value, span);
      return span;
    }
    const copy: unknown[] | Parts = Array.isArray(value) ? [] : {};
    this.made.set(value, copy);
    if (Array.isArray(copy)) for (const part of value as unknown[]) copy.push(this.part(part));
    else {
      for (const key in value) copy[key] = this.part((value as Parts)[key]);
      if ('storage' in value) copy.id = this.idOf(copy.id as string);
    }
    return copy;
  }

  private part(value: unknown): unknown {
    return typeof value === 'object' && value !== null ? this.copy(value) : value;
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
