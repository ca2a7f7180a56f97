/**
 * A program in which places in the source are numbered, function by function, so that programs that differ only in where
 * their parts stand are the same: what the engine finds in one holds for the other, with the places put back. A function
 * has the same numbers whatever program it is in, so that what it does there can be told to be the same.
 */
import { createHash } from 'node:crypto';
import { Copies, isSpan, type Mutable, originOf } from '../ir/copy.ts';
import type { FunctionBody, GlobalVariable, Variable } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import { type Program, variableBase } from './context.ts';
import { brief } from './journal.ts';
import { highestNumber, numberPlaces, offsetOfNumber, type PlaceNumbers } from './place-numbers.ts';

export interface Canonical {
  /** To be run in the place of the given program. */
  readonly program: Program;
  /** Equal for programs of equal bodies, globals and roots; which definition a name means is not in it. */
  digest(): string;
  /** What was found in this program, or in one of the same digest, with the places of this one. */
  restore<T>(result: T): T;
}

/** `numbering` remembers functions that were numbered before, where they are looked for again. */
export function canonicalise(program: Program, numbering?: Numbering): Canonical {
  const { paths, parts, byStride } = numberedParts(program, numbering);
  const byBody = new Map<FunctionBody, FunctionBody>();
  const byBase = new Map<string, GlobalVariable>();
  for (const { section, numbered } of parts) {
    for (const [i, body] of section.bodies.entries()) byBody.set(body, numbered.bodies[i]!);
    for (const g of numbered.globals) byBase.set(variableBase(g.variable), g);
  }
  const bodies = program.bodies.map((b) => byBody.get(b)!);
  const functions = program.functions.flatMap((f) => byBody.get(f) ?? []);
  /** A span that the engine made up stands nowhere, and stays. */
  const placeOf = (span: Span): Span => {
    const path = paths.get(span.file);
    if (path === undefined) return span;
    return { file: path, start: offsetOf(byStride, span.start), end: offsetOf(byStride, span.end) };
  };
  return {
    program: {
      bodies,
      globals: program.globals.map((g) => byBase.get(variableBase(g.variable))!),
      functions,
      global: (base) => byBase.get(base),
      function: (name, file) => {
        const body = program.function(name, paths.get(file) ?? file);
        return body === undefined ? undefined : byBody.get(body);
      },
    },
    digest: () => {
      const hash = createHash('sha256');
      for (const { numbered } of parts) hash.update(digestOf(numbered));
      return hash.update(JSON.stringify([bodies, functions].map((list) => list.map((b) => b.id)))).digest('hex');
    },
    restore: <T>(result: T) => withSpans(result, placeOf, new Map()) as T,
  };
}

/** Numbers of places that a section takes; one with more takes several times as many. */
const STRIDE = 1 << 12;
/** Where sections begin, over STRIDE. With STRIDE a number that V8 holds without a box. */
const SLOTS = 1 << 18;

/** A function with all that lies in it, or what a file has outside of functions. */
interface Section {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  /** The outermost first. */
  readonly bodies: FunctionBody[];
  readonly globals: GlobalVariable[];
}

/** A section in which numbers stand for places. */
interface Numbered {
  readonly bodies: readonly FunctionBody[];
  readonly globals: readonly GlobalVariable[];
  /** Of offsets from where the section starts, and, behind these, of offsets in other files. */
  readonly places: Places;
  digest: string | undefined;
}

interface Places {
  readonly own: PlaceNumbers;
  readonly foreign: PlaceNumbers;
}

interface Part {
  readonly section: Section;
  readonly first: number;
  readonly numbered: Numbered;
}

interface NumberedParts {
  /** By what stands for the file in spans. */
  readonly paths: ReadonlyMap<string, string>;
  readonly parts: readonly Part[];
  /** By the number of a place over STRIDE. */
  readonly byStride: ReadonlyMap<number, Part>;
}

function numberedParts(program: Program, numbering: Numbering | undefined): NumberedParts {
  const sections = sectionsOf(program);
  const files = namesOf([...new Set(sections.flatMap((s) => [s.path, ...s.globals.map((g) => g.variable.span.file)]))]);
  const parts: Part[] = [];
  const byStride = new Map<number, Part>();
  for (const { section, slot: wanted } of placed(sections)) {
    let slot = wanted;
    let part: Part;
    let strides: number[];
    do {
      while (byStride.has(slot)) slot++;
      part = { section, first: slot * STRIDE, numbered: numberedAt(section, files, slot * STRIDE, numbering) };
      const { own, foreign } = part.numbered.places;
      const highest = foreignFrom(own) + highestNumber(foreign);
      strides = Array.from({ length: Math.floor(highest / STRIDE) + 1 }, (_, i) => slot + i);
      slot++;
    } while (strides.some((s) => byStride.has(s)));
    parts.push(part);
    for (const stride of strides) byStride.set(stride, part);
  }
  return { paths: new Map([...files].map(([path, name]) => [name, path])), parts, byStride };
}

/** Short names for paths, the same in all programs unless two paths get the same one. */
function namesOf(paths: readonly string[]): Map<string, string> {
  const taken = new Set<string>();
  return new Map(
    paths.map((path) => {
      let name = hashOf(path).toString(36);
      while (taken.has(name)) name += '+';
      taken.add(name);
      return [path, name];
    }),
  );
}

/** Each with the number that its name leads to, in the order of these. */
function placed(sections: readonly Section[]): { readonly section: Section; readonly slot: number }[] {
  const all = sections.map((section) => {
    const name = nameOf(section);
    return { section, name, slot: hashOf(name) % SLOTS };
  });
  return all.sort((a, b) => a.slot - b.slot || (a.name < b.name ? -1 : 1));
}

function nameOf({ path, bodies }: Section): string {
  return `${path}\0${bodies[0]?.id ?? ''}`;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function offsetOf(byStride: ReadonlyMap<number, Part>, number: number): number {
  const { section, first, numbered } = byStride.get(Math.floor(number / STRIDE))!;
  const { own, foreign } = numbered.places;
  const at = number - first;
  const offset = offsetOfNumber(own, at);
  return offset === undefined ? offsetOfNumber(foreign, at - foreignFrom(own))! : section.start + offset;
}

/** Where the numbers of places in other files begin. */
function foreignFrom(own: PlaceNumbers): number {
  return highestNumber(own) + 1;
}

/** File by file; what lies outside of functions is the last section of each. */
function sectionsOf(program: Program): Section[] {
  const files = new Map<string, { readonly functions: Section[]; readonly outside: Section }>();
  const at = (path: string) => {
    let found = files.get(path);
    if (found === undefined) {
      found = { functions: [], outside: { path, start: 0, end: 0, bodies: [], globals: [] } };
      files.set(path, found);
    }
    return found;
  };
  const inOrder = [...program.bodies].sort((a, b) => a.span.start - b.span.start || b.span.end - a.span.end);
  for (const body of program.bodies) at(body.file);
  for (const body of inOrder) {
    const { functions } = at(body.file);
    const last = functions[functions.length - 1];
    const { start, end } = body.span;
    if (last !== undefined && start < last.end) last.bodies.push(body);
    else functions.push({ path: body.file, start, end, bodies: [body], globals: [] });
  }
  for (const global of program.globals) {
    // A variable that a header declares is defined where its initialiser stands.
    const { file, start } = global.initialiserSpan ?? global.variable.span;
    const { functions, outside } = at(file);
    (functions.find((s) => s.start <= start && start < s.end) ?? outside).globals.push(global);
  }
  return [...files.values()].flatMap(({ functions, outside }) => [...functions, outside]);
}

/** Versions of a function that are remembered: an edit and its undoing. */
const MAX_VERSIONS = 8;

/** Functions that were numbered before, wherever they stood then. Weak maps: large ones cost each collection time. */
export class Numbering {
  /** By the function as it was lowered first. */
  readonly before = new WeakMap<FunctionBody, { readonly file: string; readonly first: number } & Numbered>();
  /** By canonical function: what it lies in. */
  readonly sections = new WeakMap<FunctionBody, Numbered>();
  /** By canonical function: what its slice was when all of it was as `whole` tells. */
  private readonly slices = new WeakMap<FunctionBody, { readonly whole: string; readonly description: string }>();
  /** By the name of a section, the last versions of it. */
  private readonly versions = new Map<string, readonly Places[]>();

  /** The numbers of a section's places, as near to those that it had as can be. */
  placesOf(section: Section, own: readonly number[], foreign: readonly number[]): Places {
    const known = this.versions.get(nameOf(section)) ?? [];
    const among = (kind: keyof Places) => known.map((version) => version[kind]);
    const places = { own: numberPlaces(own, among('own')), foreign: numberPlaces(foreign, among('foreign')) };
    this.noteLast(section, places);
    return places;
  }

  /** The section is numbered like this now. */
  noteLast(section: Section, places: Places): void {
    const name = nameOf(section);
    const others = (this.versions.get(name) ?? []).filter((p) => p.own !== places.own || p.foreign !== places.foreign);
    this.versions.set(name, [places, ...others].slice(0, MAX_VERSIONS));
  }

  /** Equal for canonical functions that are the same, nested functions and static variables included. */
  digestOf(body: FunctionBody): string {
    return digestOf(this.sections.get(body)!);
  }

  /**
   * What the slice of a canonical function is, as `text` tells; all of the function where that does not, and where other
   * functions or static variables lie in it. Equal functions have equal slices, so that the text is not made again.
   */
  describeSlice(body: FunctionBody, whole: string, text: () => string | undefined): string {
    const known = this.slices.get(body);
    if (known?.whole === whole) return known.description;
    const { bodies, globals } = this.sections.get(body)!;
    const told = bodies.length + globals.length > 1 ? undefined : text();
    const description = told === undefined ? whole : brief(told);
    this.slices.set(body, { whole, description });
    return description;
  }
}

function numberedAt(
  section: Section,
  files: ReadonlyMap<string, string>,
  first: number,
  numbering: Numbering | undefined,
): Numbered {
  if (numbering === undefined)
    return number(section, files, first, (own, foreign) => ({
      own: numberPlaces(own, []),
      foreign: numberPlaces(foreign, []),
    }));
  const [body] = section.bodies;
  const isAlone = body !== undefined && section.bodies.length === 1 && section.globals.length === 0;
  const origin = isAlone ? originOf(body) : undefined;
  const file = files.get(section.path)!;
  const before = origin === undefined ? undefined : numbering.before.get(origin);
  if (before !== undefined && before.file === file && before.first === first) {
    numbering.noteLast(section, before.places);
    return before;
  }
  const places = (own: readonly number[], foreign: readonly number[]) => numbering.placesOf(section, own, foreign);
  const made = { ...number(section, files, first, places), file, first };
  for (const b of made.bodies) numbering.sections.set(b, made);
  if (origin !== undefined) numbering.before.set(origin, made);
  return made;
}

function number(
  section: Section,
  files: ReadonlyMap<string, string>,
  first: number,
  placesOf: (own: readonly number[], foreign: readonly number[]) => Places,
): Numbered {
  const { path, start: from, end: to, bodies, globals } = section;
  const spans: { readonly copy: Mutable<Span>; readonly isOwn: boolean }[] = [];
  const isOutside = (v: Variable) => v.span.file !== path || v.span.start < from || v.span.end > to;
  const copies = new Copies({
    span: ({ file, start, end }) => {
      const copy = { file: files.get(file) ?? file, start, end };
      spans.push({ copy, isOwn: file === path });
      return copy;
    },
    // Where a variable of the file stands is not the function's business.
    variable: (v) => (bodies.length > 0 && isOutside(v) ? { ...v, span: NOWHERE } : undefined),
  });
  const copied = { bodies: bodies.map((b) => copies.of(b)), globals: globals.map((g) => copies.of(g)) };
  const offsets = (isOwn: boolean, origin: number) => {
    const some = spans.filter((s) => s.isOwn === isOwn).flatMap(({ copy }) => [copy.start - origin, copy.end - origin]);
    return [...new Set(some)].sort((a, b) => a - b);
  };
  const places = placesOf(offsets(true, from), offsets(false, 0));
  const numbersOf = ({ offsets: known, numbers }: PlaceNumbers, origin: number, base: number) =>
    new Map(known.map((offset, i) => [origin + offset, base + numbers[i]!]));
  const numbers = {
    own: numbersOf(places.own, from, first),
    foreign: numbersOf(places.foreign, 0, first + foreignFrom(places.own)),
  };
  for (const { copy, isOwn } of spans) {
    const known = isOwn ? numbers.own : numbers.foreign;
    copy.start = known.get(copy.start)!;
    copy.end = known.get(copy.end)!;
  }
  for (const body of copied.bodies) {
    nameTemporaries(body.locals);
    // What the parser did not understand makes no difference to what the rest does.
    (body as Mutable<FunctionBody>).quarantine = [];
  }
  return { ...copied, places, digest: undefined };
}

/** More than one place has: a macro is one place. */
const TEMPORARIES_AT_PLACE = 1 << 20;

/** Names temporaries by their places, so that they keep their names when one comes or goes before them. */
function nameTemporaries(locals: readonly Mutable<Variable>[]): void {
  const counts = new Map<number, number>();
  for (const local of locals) {
    if (local.storage !== 'temporary') continue;
    const { start } = local.span;
    const count = counts.get(start) ?? 0;
    counts.set(start, count + 1);
    local.name = `$${start * TEMPORARIES_AT_PLACE + count}`;
    local.id = local.id.replace(/\$\d+$/, () => local.name);
  }
}

const NOWHERE: Span = { file: '', start: 0, end: 0 };

function digestOf(part: Numbered): string {
  part.digest ??= createHash('sha256')
    .update(JSON.stringify([part.bodies, part.globals], (_, v) => (typeof v === 'bigint' ? `${v}n` : v)))
    .digest('hex');
  return part.digest;
}

/** The same value with other spans. `made`: of parts that several others share, as paths do their steps. */
function withSpans(value: unknown, change: (span: Span) => Span, made: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Set) return value;
  const known = made.get(value);
  if (known !== undefined) return known;
  const inner = (part: unknown) => withSpans(part, change, made);
  const changed = isSpan(value)
    ? change(value)
    : Array.isArray(value)
      ? value.map(inner)
      : value instanceof Map
        ? new Map([...value].map(([key, part]) => [key, inner(part)]))
        : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inner(part)]));
  made.set(value, changed);
  return changed;
}
