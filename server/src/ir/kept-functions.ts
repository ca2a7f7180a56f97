/**
 * Functions of a file as they were lowered before. What a function lowers to depends on its own text and on what the
 * file says outside of functions; where both are as they were it is taken over, at its new place.
 */
import { countBefore } from '../syntax/redefinitions.ts';
import type { MacroDefinition, ParsedFile, SyntaxNode } from '../syntax/tree.ts';
import { type Span, sameSpan } from '../text/span.ts';
import { Copies, noteOrigin } from './copy.ts';
import type { FunctionBody, GlobalVariable, Place, Variable } from './ir.ts';
import { child } from './types.ts';
import { placesOf, visitInitialiser } from './visit.ts';

/** What functions may know of the text around them. Where it is the same object, everything that it says is the same. */
class Environment {
  private readonly next = new Map<string, Environment>();

  /** With what this text declares too. Equal texts lead to the same environment. */
  after(text: string): Environment {
    let found = this.next.get(text);
    if (found === undefined) {
      const oldest = this.next.keys().next();
      if (this.next.size >= MAX_VERSIONS && oldest.done !== true) this.next.delete(oldest.value);
      found = new Environment();
      this.next.set(text, found);
    }
    return found;
  }
}

/** Environments of one place, and versions of one function, that are kept: an edit and its undoing find both. */
const MAX_VERSIONS = 4;

/** What the lowering of a function gives. */
export interface LoweredFunction {
  readonly body: FunctionBody;
  /** Its static variables. */
  readonly statics: readonly GlobalVariable[];
}

export interface Attributes {
  readonly noreturn: boolean;
  readonly beforeMain: boolean;
}

/** A function as it stands in a file. */
export interface Definition extends Attributes {
  readonly id: string;
  readonly file: ParsedFile;
  readonly node: SyntaxNode;
}

interface Kept {
  readonly environment: Environment;
  readonly text: string;
  /** As it was lowered. */
  readonly first: LoweredAt;
  /** As it was taken over last. */
  last: LoweredAt;
  used: number;
}

/** A function with its tree, and the variables from outside of it as they stood then. */
interface LoweredAt {
  readonly node: SyntaxNode;
  readonly lowered: LoweredFunction;
  readonly outside: readonly Variable[];
}

/** Functions of the versions of one file and its headers. */
export class KeptFunctions {
  private readonly kept = new Map<string, Kept[]>();
  private readonly roots: { readonly macros: ReadonlyMap<string, MacroDefinition>; readonly root: Environment }[] = [];
  private call = 0;

  /** Begins to lower the next version; what the last few of them did not have is forgotten. */
  next(macros: ReadonlyMap<string, MacroDefinition>, declared: Declared): LoweredBefore {
    this.call++;
    for (const [id, versions] of this.kept)
      if (versions.every((v) => v.used < this.call - MAX_VERSIONS)) this.kept.delete(id);
    return new LoweredBefore(this, this.rootOf(macros), declared);
  }

  private rootOf(macros: ReadonlyMap<string, MacroDefinition>): Environment {
    const known = this.roots.find((r) => sameMacros(r.macros, macros));
    if (known !== undefined) return known.root;
    const root = new Environment();
    this.roots.unshift({ macros, root });
    if (this.roots.length > MAX_VERSIONS) this.roots.pop();
    return root;
  }

  /** The function as it was, at its place of now; globals are those of now. */
  find(
    environment: Environment,
    definition: Definition,
    globals: ReadonlyMap<string, Variable>,
  ): LoweredFunction | undefined {
    const { id, node } = definition;
    const text = textOf(definition);
    const kept = this.kept
      .get(id)
      ?.find((k) => k.environment === environment && k.text === text && isSameTree(k.last.node, node));
    if (kept === undefined) return undefined;
    kept.used = this.call;
    kept.last = moved(kept, node, globals);
    return kept.last.lowered;
  }

  keep(environment: Environment, definition: Definition, lowered: LoweredFunction): void {
    const { id, node } = definition;
    const first = { node, lowered, outside: outsideOf(lowered, node) };
    const kept = { environment, text: textOf(definition), first, last: first, used: this.call };
    this.kept.set(id, [kept, ...(this.kept.get(id) ?? [])].slice(0, MAX_VERSIONS));
  }
}

/** One version of a file while it is lowered, and the functions of the versions before it. */
export class LoweredBefore {
  private readonly kept: KeptFunctions;
  private readonly declared: Declared;
  private environment: Environment;
  private changes = 0;

  constructor(kept: KeptFunctions, environment: Environment, declared: Declared) {
    this.kept = kept;
    this.environment = environment;
    this.declared = declared;
  }

  /** The declarations at the top of a file, as text with all that they depend on, were read. */
  declares(text: string): void {
    this.environment = this.environment.after(text);
  }

  find(definition: Definition, globals: ReadonlyMap<string, Variable>): LoweredFunction | undefined {
    return this.kept.find(this.environment, definition, globals);
  }

  /** To be told before a function is lowered. */
  begins(): void {
    this.changes = this.declared.changes;
  }

  /** `lowered` is undefined for what is not to be kept. What a function declares, the functions behind it know. */
  ends(definition: Definition, lowered: LoweredFunction | undefined): void {
    const { node } = definition;
    if (this.declared.changes !== this.changes)
      this.declares(node.hasError ? textOf(definition) + shapeOf(node) : textOf(definition));
    else if (lowered !== undefined) this.kept.keep(this.environment, definition, lowered);
  }
}

/** Counts the changes of collections. */
export class Declared {
  changes = 0;

  map<V>(): Map<string, V> {
    return new CountedMap<V>(this);
  }

  set(): Set<string> {
    return new CountedSet(this);
  }
}

class CountedMap<V> extends Map<string, V> {
  private readonly counter: Declared;

  constructor(counter: Declared) {
    super();
    this.counter = counter;
  }

  override set(name: string, value: V): this {
    if (this.get(name) !== value) this.counter.changes++;
    return super.set(name, value);
  }
}

class CountedSet extends Set<string> {
  private readonly counter: Declared;

  constructor(counter: Declared) {
    super();
    this.counter = counter;
  }

  override add(name: string): this {
    if (!this.has(name)) this.counter.changes++;
    return super.add(name);
  }
}

/** All that a function is made of beside what is around it: its text, masked and as written, and its attributes. */
function textOf({ file, node, noreturn, beforeMain }: Definition): string {
  const { start, end } = node;
  const attributes: string[] = [];
  for (const [at, name] of file.cleanups) if (start <= at && at < end) attributes.push(`${at - start} ${name}`);
  // Of two equal texts one may stand behind a redefinition of a macro.
  const macros = countBefore(file.redefinitions, start);
  const { masked, text } = file;
  const parts = [file.path, macros, noreturn, beforeMain, attributes, masked.slice(start, end), text.slice(start, end)];
  return parts.join('\0');
}

function sayMacro({ name, parameters, body }: MacroDefinition): string {
  return `${name}(${parameters?.join() ?? '-'}) ${body}`;
}

/**
 * What a file says outside of functions: equal texts declare the same. White space and comments are no part of it.
 * `declaring`: blocks behind calls of macros that are no bodies of functions.
 */
export function textOutsideFunctions(
  file: ParsedFile,
  attributesOf: (node: SyntaxNode) => Attributes,
  declaring: ReadonlySet<SyntaxNode>,
): string {
  const said: string[] = [file.path, ...file.redefinitions.flatMap((r) => [sayMacro(r.before), sayMacro(r.after)])];
  const say = (node: SyntaxNode, end: number, shaping: readonly SyntaxNode[] = [node]) => {
    said.push(node.type, withoutSpace(file.masked.slice(node.start, end)));
    const written = file.text.slice(node.start, end);
    // What the mask hides of an initialiser: `[0 ... 5]`.
    if (written.includes('...')) said.push(withoutSpace(written));
    for (const part of shaping) if (part.hasError) said.push(shapeOf(part));
  };
  const items = (parent: SyntaxNode) => {
    for (const node of parent.children) {
      if (/^(?:ERROR|linkage_specification|declaration_list)$/.test(node.type)) items(node);
      else if (node.type === 'function_definition') {
        const body = child(node, 'body');
        if (body === undefined || declaring.has(body)) say(node, node.end);
        else {
          const head = node.children.filter((c) => c !== body);
          say(node, body.start, head);
        }
      } else if (node.type === 'declaration') {
        say(node, node.end);
        said.push(JSON.stringify(attributesOf(node)));
      } else if (declaring.has(node) || (node.type !== 'comment' && node.type !== 'compound_statement'))
        say(node, node.end);
    }
  };
  items(file.root);
  return said.join('\n');
}

function withoutSpace(text: string): string {
  return text.replace(/("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|\s+/g, (_, literal?: string) => literal ?? ' ');
}

/** Where the parser met what it does not know, equal texts may have several trees. */
function shapeOf(root: SyntaxNode): string {
  const shape: string[] = [];
  // Deep nesting is walked without recursion.
  const left: (SyntaxNode | undefined)[] = [root];
  while (left.length > 0) {
    const node = left.pop();
    shape.push(node === undefined ? ')' : `(${node.type}`);
    if (node !== undefined) left.push(undefined, ...[...node.children].reverse());
  }
  return shape.join('');
}

function sameMacros(a: ReadonlyMap<string, MacroDefinition>, b: ReadonlyMap<string, MacroDefinition>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, macro] of a) {
    const other = b.get(name);
    if (other === macro) continue;
    if (other === undefined || other.body !== macro.body || other.parameters?.join() !== macro.parameters?.join())
      return false;
  }
  return true;
}

/** Equal but for the place. Equal texts nearly always have equal trees, but what is around them may play a part. */
function isSameTree(a: SyntaxNode, b: SyntaxNode): boolean {
  const by = b.start - a.start;
  const pairs: (readonly [SyntaxNode, SyntaxNode])[] = [[a, b]];
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [x, y] = pair;
    if (x === y && by === 0) continue;
    if (x.type !== y.type || x.start + by !== y.start || x.end + by !== y.end || x.field !== y.field) return false;
    if (x.named !== y.named || x.isError !== y.isError || x.children.length !== y.children.length) return false;
    for (let i = 0; i < x.children.length; i++) pairs.push([x.children[i]!, y.children[i]!]);
  }
  return true;
}

function isOwn({ file, start, end }: Span, { body }: LoweredFunction, node: SyntaxNode): boolean {
  return file === body.file && node.start <= start && end <= node.end;
}

function isOutside(variable: Variable, lowered: LoweredFunction, node: SyntaxNode): boolean {
  return variable.storage === 'global' || (variable.storage === 'static' && !isOwn(variable.span, lowered, node));
}

/** Variables that the function names and that stand outside of it. */
function outsideOf(lowered: LoweredFunction, node: SyntaxNode): readonly Variable[] {
  const found = new Set<Variable>();
  const place = ({ base }: Place) => {
    if (base.kind === 'variable' && isOutside(base.variable, lowered, node)) found.add(base.variable);
  };
  for (const p of placesOf(lowered.body)) place(p);
  for (const s of lowered.statics) visitInitialiser(s, { place, expr: () => {} });
  return [...found];
}

/** The function at this place: as it was taken over last, where nothing that it speaks of lies elsewhere since. */
function moved({ first, last }: Kept, node: SyntaxNode, globals: ReadonlyMap<string, Variable>): LoweredAt {
  const nowOf = (variable: Variable) => {
    const now = globals.get(variable.name);
    return now?.id === variable.id ? now : variable;
  };
  const outside = first.outside.map(nowOf);
  const isThere = (variable: Variable, i: number) => sameSpan(variable.span, outside[i]!.span);
  if (node.start === last.node.start && last.outside.every(isThere))
    return { node, lowered: last.lowered, outside: last.outside };
  const by = node.start - first.node.start;
  const copies = new Copies({
    span: ({ file, start, end }) => {
      const shift = isOwn({ file, start, end }, first.lowered, first.node) ? by : 0;
      return { file, start: start + shift, end: end + shift };
    },
    variable: (variable) => {
      const now = isOutside(variable, first.lowered, first.node) ? nowOf(variable) : variable;
      return now === variable ? undefined : now;
    },
  });
  const body = copies.later(first.lowered.body);
  noteOrigin(body, first.lowered.body);
  return { node, lowered: { body, statics: first.lowered.statics.map((s) => copies.of(s)) }, outside };
}
