/** Lowers one parsed file to the IR. Never throws: a function that cannot be lowered is quarantined. */
import { MacrosByPlace } from '../syntax/redefinitions.ts';
import type { CParser, MacroDefinition, ParsedFile, SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { Builder, type Nesting, noteResult, type UnitScope, type View, variablePlace } from './builder.ts';
import { expression } from './expressions.ts';
import { initialise, initialiserLength } from './initialisers.ts';
import type {
  CType,
  Expr,
  FunctionBody,
  GlobalVariable,
  Place,
  RecordType,
  StrayText,
  TranslationUnit,
  Variable,
} from './ir.ts';
import {
  type Attributes,
  Declared,
  type Definition,
  type KeptFunctions,
  type LoweredBefore,
  textOutsideFunctions,
} from './kept-functions.ts';
import { type Head, headAt, namedByArgument, namesWithin } from './made-definitions.ts';
import { madeName } from './made-names.ts';
import { declareParameters, qualifiersOf, wordsOf } from './parameters.ts';
import { statement } from './statements.ts';
import { strayText } from './strays.ts';
import { child, TypeReader, type TypeTable } from './types.ts';
import { callsOneOf, type Expanded, expanded, structuralMacros, type WrittenOut, writeOut } from './written-out.ts';

/**
 * `isNeeded` is asked for each function with the place of its name; functions that are not needed are left out. `kept`
 * holds the functions of the versions of this file before, and is given those of this one.
 */
export function lowerFile(
  parsed: ParsedFile,
  parser: CParser,
  isNeeded: (name: Span) => boolean = () => true,
  kept?: KeptFunctions,
): TranslationUnit {
  const declared = new Declared();
  const table: TypeTable = { typedefs: declared.map(), records: declared.map<RecordType>() };
  const functions: FunctionBody[] = [];
  const globals: GlobalVariable[] = [];
  const strays: StrayText[] = [];
  const shared: SharedScope = {
    parser,
    globals: new Map(),
    functions: declared.set(),
    results: declared.map(),
    noreturns: new Set(),
    constructors: new Set(),
    enumerators: declared.map(),
    snippets: new Map(),
  };
  const before = kept?.next(parsed.macros, declared);
  for (const file of [...parsed.headers, parsed]) {
    const lowering = new FileLowering(file, shared, table, functions, globals, isNeeded, before);
    lowering.run();
    strays.push(...strayText(file));
  }
  return { path: parsed.path, functions, globals, records: table.records, strays };
}

/** A definition, and the view in which it stands: the file, or the expansion of a macro that makes it. */
interface Defined {
  readonly node: SyntaxNode;
  readonly view: View;
}

/** What the files of a unit have in common. */
type SharedScope = Omit<UnitScope, 'path' | 'macrosByPlace' | 'types' | 'view'>;

class FileLowering {
  private readonly file: ParsedFile;
  private readonly unit: UnitScope;
  private readonly view: View;
  private readonly functions: FunctionBody[];
  private readonly globals: GlobalVariable[];
  private readonly isNeeded: (name: Span) => boolean;
  private readonly before: LoweredBefore | undefined;
  /** Blocks behind macros that are no bodies of functions. */
  private readonly declaring = new Set<SyntaxNode>();
  /** By the macros that hold and the text of the call. */
  private readonly macroTypes = new Map<ReadonlyMap<string, MacroDefinition>, Map<string, Expanded | undefined>>();

  constructor(
    file: ParsedFile,
    shared: SharedScope,
    table: TypeTable,
    functions: FunctionBody[],
    globals: GlobalVariable[],
    isNeeded: (name: Span) => boolean,
    before: LoweredBefore | undefined,
  ) {
    this.file = file;
    this.before = before;
    this.isNeeded = isNeeded;
    this.functions = functions;
    this.globals = globals;
    this.view = {
      text: file.masked,
      original: file.text,
      cleanups: file.cleanups,
      attributes: file,
      spanOf: (start, end) => ({ file: file.path, start, end }),
    };
    const types = new TypeReader(
      table,
      (n) => this.unit.view.text.slice(n.start, n.end),
      (n) => this.constantOf(n),
      file.path,
      (n) => this.enumeration(n),
      (n, read) => this.macroType(n, read),
    );
    const macrosByPlace = new MacrosByPlace(file.macros, file.redefinitions);
    this.unit = { ...shared, path: file.path, macrosByPlace, types, view: this.view };
  }

  run(): void {
    // Declarations first: a function may be named before it is defined.
    const definitions: Defined[] = [];
    this.items(this.file.root, definitions);
    this.before?.declares(textOutsideFunctions(this.file, (d) => this.attributesOf(d), this.declaring));
    for (const { node, view } of definitions) this.in(view, () => this.define(node));
  }

  /** In the text that is being lowered now. */
  private text(node: SyntaxNode): string {
    return this.unit.view.text.slice(node.start, node.end);
  }

  private items(parent: SyntaxNode, definitions: Defined[]): void {
    let done = parent.start;
    for (const [i, node] of parent.children.entries()) {
      if (node.start < done) continue;
      const head = headAt(parent.children, i);
      const made = this.unit.view === this.view ? this.madeByMacro(node, head) : undefined;
      if (made !== undefined) {
        if (head !== undefined && !made.root.children.some((c) => c.type === 'function_definition'))
          this.declaring.add(head.block);
        this.in(made.view, () => this.items(made.root, definitions));
        done = made.end;
        continue;
      }
      const named = head && namedByArgument(head);
      if (named !== undefined && named !== node) {
        definitions.push({ node: named, view: this.unit.view });
        continue;
      }
      switch (node.type) {
        case 'function_definition': {
          const name = this.declaratorOf(node).name;
          const type = this.unit.types.specifier(child(node, 'type'));
          if (name !== undefined) {
            this.unit.functions.add(name);
            noteResult(this.unit, name, child(node, 'declarator'), type);
          }
          definitions.push({ node, view: this.unit.view });
          break;
        }
        case 'declaration':
          if (node.hasError && this.unit.view === this.view) {
            const written = this.expandedUpTo(node, node.end);
            if (written !== undefined) {
              this.in(written.view, () => this.items(written.root, []));
              break;
            }
          }
          try {
            this.declaration(node);
          } catch {
            // Nested too deeply: the variable has no initialiser that is known.
          }
          break;
        case 'type_definition':
          this.unit.types.typedef(node);
          break;
        case 'struct_specifier':
        case 'union_specifier':
        case 'enum_specifier':
          this.unit.types.specifier(node);
          break;
        case 'linkage_specification':
        case 'declaration_list':
        case 'ERROR':
          this.items(node, definitions);
          break;
      }
    }
  }

  /** What a macro makes of its arguments alone, or with the block behind it; undefined where it makes nothing that is known. */
  private madeByMacro(node: SyntaxNode, head: Head | undefined): (Expanded & { readonly end: number }) | undefined {
    if (head !== undefined) return this.madeOfBlock(head);
    return node.type === 'expression_statement' ? this.declaredByMacro(node) : undefined;
  }

  /** A function and what calls it, or a record: `TEST_F(suite, name) { … }`, `FIXTURE(name) { … };` */
  private madeOfBlock({ callee, node, block }: Head) {
    const macros = this.unit.macrosByPlace.at(node.start);
    const macro = macros.get(this.text(callee));
    if (macro?.parameters === undefined) return undefined;
    const [behind] = /^\s*;/.exec(this.file.masked.slice(block.end)) ?? [''];
    const end = block.end + behind.length;
    const wanted = namesWithin(macro, macros);
    const made = this.expandedUpTo(node, end, (name) => wanted.has(name));
    const isDeclared = made?.root.children.every((c) => DECLARES.test(c.type) || c.type === ';');
    return made === undefined || isDeclared !== true ? undefined : { ...made, end };
  }

  /**
   * What a macro declares, alone or in the place of the type, up to the end: `EVENTS(COUNTER)`, `LIST_HEAD(l, e) all;`, and
   * `TEST_HARNESS_MAIN` at the end of a file.
   */
  private declaredByMacro(node: SyntaxNode) {
    const [first] = node.children;
    const isCall = first?.type === 'call_expression';
    const named = isCall ? child(first, 'function') : first?.type === 'identifier' ? first : undefined;
    const macro = named && this.unit.macrosByPlace.at(node.start).get(this.text(named));
    if (macro === undefined || isCall !== (macro.parameters !== undefined)) return undefined;
    const whole = isCall ? this.definedByMacro(node, first.end) : undefined;
    if (whole !== undefined) return whole;
    const end = isCall ? this.file.masked.indexOf(';', first.end) + 1 : node.end;
    const made = end === 0 ? undefined : this.expandedUpTo(node, end);
    const declares = made?.root.children.some(
      (c) => DECLARES.test(c.type) && !(isCall && c.type === 'function_definition'),
    );
    return made === undefined || declares !== true ? undefined : { ...made, end };
  }

  /** Functions that a call of a macro makes alone: `register_handler(EVENT, function)`. */
  private definedByMacro(node: SyntaxNode, end: number) {
    const made = this.expandedUpTo(node, end);
    const { children } = made?.root ?? node;
    const isWhole = children.every((c) => (DECLARES.test(c.type) || c.type === ';') && !c.hasError);
    const isDefinition = isWhole && children.some((c) => c.type === 'function_definition');
    return made === undefined || !isDefinition ? undefined : { ...made, end: Math.max(end, node.end) };
  }

  /** The text from the node on, with the macros in it expanded. */
  private expandedUpTo({ start }: SyntaxNode, end: number, isWanted?: (name: string) => boolean): Expanded | undefined {
    return expanded(this.unit.parser, this.view, { start, end }, this.unit.macrosByPlace.at(start), { isWanted });
  }

  /** The type that a call of a macro stands for. */
  private macroType(node: SyntaxNode, read: (specifier: SyntaxNode) => CType): CType | undefined {
    const macros = this.macrosAt(node);
    const key = this.text(node);
    let known = this.macroTypes.get(macros);
    if (known === undefined) {
      known = new Map();
      this.macroTypes.set(macros, known);
    }
    if (!known.has(key)) known.set(key, expanded(this.unit.parser, this.unit.view, node, macros, { after: ' made;' }));
    const made = known.get(key);
    const specifier = made?.root.children.find((c) => c.type === 'declaration');
    const type = specifier && child(specifier, 'type');
    if (made === undefined || type === undefined || type.type === 'macro_type_specifier') return undefined;
    return this.in(made.view, () => read(type));
  }

  /** Runs `read` with what is lowered in that view. */
  private in<T>(view: View, read: () => T): T {
    const around = this.unit.view;
    this.unit.view = view;
    try {
      return read();
    } finally {
      this.unit.view = around;
    }
  }

  private declaratorOf(node: SyntaxNode) {
    const d = child(node, 'declarator');
    const base = this.unit.types.specifier(child(node, 'type'));
    return d === undefined
      ? { name: undefined, nameNode: undefined, type: base, parameters: undefined }
      : this.unit.types.declarator(d, base);
  }

  private words(node: SyntaxNode): string[] {
    return wordsOf(node, (n) => this.text(n));
  }

  private builder(id: string, nesting?: Nesting): Builder {
    const b = new Builder(this.unit, id, this.unit.view, nesting);
    b.openScope();
    return b;
  }

  /** GNU: a function inside of another one, with the variables of that one. */
  private nested(node: SyntaxNode, outer: Builder): void {
    // Its parts are looked for in the file.
    if (outer.view !== this.view) outer.quarantine.push('a macro defines a function inside of it');
    else this.define(node, outer);
  }

  private constantOf(node: SyntaxNode): number | undefined {
    try {
      // In the text that is being lowered now: an array's size can stand in a macro.
      const b = new Builder(this.unit, 'constant', this.unit.view);
      b.openScope();
      const e = expression(b, node);
      return e.kind === 'constant' ? Number(e.value) : undefined;
    } catch {
      return undefined;
    }
  }

  private enumeration(node: SyntaxNode): void {
    let next: bigint | undefined = 0n;
    for (const e of child(node, 'body')?.children ?? []) {
      if (e.type !== 'enumerator') continue;
      const name = child(e, 'name');
      const value = child(e, 'value');
      if (value !== undefined) {
        const n = this.constantOf(value);
        next = n === undefined || !Number.isSafeInteger(n) ? undefined : BigInt(n);
      }
      if (name !== undefined && next !== undefined) this.unit.enumerators.set(this.text(name), next);
      if (next !== undefined) next += 1n;
    }
  }

  private declaration(node: SyntaxNode): void {
    const base = this.unit.types.specifier(child(node, 'type'));
    const words = this.words(node);
    if (words.includes('typedef')) {
      this.unit.types.typedef(node);
      return;
    }
    for (const d of node.children) {
      if (d.field !== 'declarator') continue;
      const made = madeName(d, base, this.macrosAt(node), (n) => this.text(n));
      const { name, nameNode, type } = made ?? this.unit.types.declarator(d, base);
      if (name === undefined || nameNode === undefined) continue;
      if (type.kind === 'function') {
        this.unit.functions.add(name);
        noteResult(this.unit, name, d, base);
        const { noreturn, beforeMain } = this.attributesOf(node);
        if (noreturn) this.unit.noreturns.add(name);
        if (beforeMain) this.unit.constructors.add(name);
        continue;
      }
      const isStatic = words.includes('static');
      const value = d.type === 'init_declarator' ? child(d, 'value') : undefined;
      let whole: CType = type;
      if (whole.kind === 'array' && whole.length === undefined && value?.type === 'initializer_list') {
        whole = { ...whole, length: initialiserLength(this.unit, whole, value) };
      }
      const known = this.unit.globals.get(name);
      const { volatile, constant } = qualifiersOf(words, d, type, (n) => this.text(n));
      const variable: Variable =
        known !== undefined && known.id === (isStatic ? `${this.file.path}#${name}` : name)
          ? {
              ...known,
              type: whole.kind === 'array' && whole.length !== undefined ? whole : known.type,
              volatile: known.volatile || volatile,
            }
          : {
              id: isStatic ? `${this.file.path}#${name}` : name,
              name,
              storage: isStatic ? 'static' : 'global',
              type: whole,
              volatile,
              span: this.unit.view.spanOf(nameNode.start, nameNode.end),
            };
      this.unit.globals.set(name, variable);
      if (words.includes('extern') && value === undefined) continue;
      const { view } = this.unit;
      const b = this.builder(`initialiser of ${name}`);
      const stores: { target: Place; value: Expr; span: Span }[] = [];
      if (value !== undefined) {
        initialise(b, variablePlace(variable, variable.span), value, view.spanOf(d.start, d.end), {
          zero: () => undefined,
          store: (target, v, span) => stores.push({ target, value: v, span }),
        });
      }
      this.globals.push({
        variable,
        initialiser: stores,
        initialiserSpan: value === undefined ? undefined : view.spanOf(value.start, value.end),
        constant,
      });
    }
  }

  private define(node: SyntaxNode, outer?: Builder): void {
    const { name: written, nameNode, parameters } = this.declaratorOf(node);
    const body = child(node, 'body');
    if (written === undefined || nameNode === undefined || body === undefined) return;
    const { view } = this.unit;
    const name = outer?.declareFunction(written) ?? written;
    const isStatic = outer !== undefined || this.words(node).includes('static') || /\.h$/.test(this.file.path);
    const id = isStatic ? `${this.file.path}#${name}` : name;
    const nameSpan = view.spanOf(nameNode.start, nameNode.end);
    // The names of a file do not tell that a macro makes its main().
    const isAsked = outer === undefined && (view === this.view || name !== 'main');
    if (this.functions.some((f) => f.id === id) || (isAsked && !this.isNeeded(nameSpan))) return;
    const own = this.attributesOf(node, body.start);
    const noreturn = own.noreturn || this.unit.noreturns.has(name);
    const beforeMain = own.beforeMain || this.unit.constructors.has(name);
    const definition: Definition = { id, file: this.file, node, noreturn, beforeMain };
    // What a macro makes is no text of the file.
    const kept = outer === undefined && view === this.view ? this.before : undefined;
    const known = kept?.find(definition, this.unit.globals);
    if (known !== undefined) {
      this.functions.push(known.body);
      this.globals.push(...known.statics);
      return;
    }
    kept?.begins();
    const before = { statics: this.globals.length, functions: this.functions.length };
    const span = view.spanOf(node.start, node.end);
    let quarantine: string[] = [];
    const attempt = (inside: WrittenOut) => {
      quarantine = [];
      try {
        quarantine.push(...this.suspicions(node, name, inside.body));
        return this.body(definition, name, isStatic, nameNode, parameters, body, inside, quarantine, outer);
      } catch (error) {
        quarantine.push(
          error instanceof RangeError
            ? 'nested too deeply to be analysed'
            : `not understood: ${(error as Error).message}`,
        );
        return undefined;
      }
    };
    const asItStands: WrittenOut = { body, view };
    const structural = outer === undefined ? this.writtenOut(node, body, true) : undefined;
    let lowered = attempt(structural ?? asItStands);
    if (outer === undefined && (lowered?.quarantine ?? quarantine).length > 0) {
      const whole = this.writtenOut(node, body, false);
      if (whole !== undefined) {
        this.globals.length = before.statics;
        this.functions.length = before.functions;
        lowered = attempt(whole);
      }
    }
    kept?.ends(definition, lowered && { body: lowered, statics: this.globals.slice(before.statics) });
    this.functions.push(
      lowered ?? {
        id,
        name,
        file: this.file.path,
        static: isStatic,
        parameters: [],
        variadic: false,
        returnType: { kind: 'unknown', name: '' },
        noreturn: false,
        beforeMain,
        locals: [],
        blocks: [
          {
            id: 0,
            loopHead: false,
            instructions: [{ kind: 'opaque', operands: [], span }],
            terminator: { kind: 'return', value: undefined, explicit: false, span },
          },
        ],
        span,
        nameSpan,
        quarantine,
      },
    );
  }

  /** The body with the macros in it expanded that are no C before that, or with all of them. */
  private writtenOut(node: SyntaxNode, body: SyntaxNode, structural: boolean): WrittenOut | undefined {
    const { view } = this.unit;
    const macros = this.macrosAt(node);
    if (macros.size === 0) return undefined;
    const wanted = structural ? structuralMacros(macros) : undefined;
    if (wanted !== undefined && !callsOneOf(wanted, this.text(body))) return undefined;
    const { macrosByPlace, parser } = this.unit;
    const at = (offset: number) => macrosByPlace.at(view.spanOf(body.start + offset, body.start + offset).start);
    return writeOut(parser, view, body, macros, {
      isWanted: (name) => wanted?.has(name) ?? true,
      macrosAt: macrosByPlace.vary ? at : undefined,
    });
  }

  /** The macros that hold where the node stands in the file. */
  private macrosAt({ start, end }: SyntaxNode): ReadonlyMap<string, MacroDefinition> {
    return this.unit.macrosByPlace.at(this.unit.view.spanOf(start, end).start);
  }

  /** Why nothing absent may be claimed of this function. `body` is the one that is lowered. */
  private suspicions(node: SyntaxNode, name: string, body: SyntaxNode): string[] {
    const found: string[] = [];
    const isDamaged = node.hasError && (body.hasError || node.children.some((c) => c.hasError && c.field !== 'body'));
    if (isDamaged) found.push('the parser met something it does not know');
    if (this.macrosAt(node).get(name)?.parameters !== undefined && /^[A-Z_0-9]+$/.test(name))
      found.push('its name is a macro');
    return found;
  }

  private body(
    { id, node, noreturn, beforeMain }: Definition,
    name: string,
    isStatic: boolean,
    nameNode: SyntaxNode,
    parameters: SyntaxNode | undefined,
    body: SyntaxNode,
    inside: WrittenOut,
    quarantine: string[],
    outer: Builder | undefined,
  ): FunctionBody {
    const { view } = this.unit;
    const b = this.builder(isStatic ? id : `${name}@${this.file.path}`, {
      name,
      outer,
      define: (inner, around) => this.nested(inner, around),
    });
    const { list, variadic } = declareParameters(b, parameters, node, view.spanOf(nameNode.start, nameNode.end));
    const end = view.spanOf(body.end - 1, body.end);
    this.in(inside.view, () => statement(b, inside.body));
    b.unwindTo(0, end);
    b.terminate({ kind: 'return', value: undefined, explicit: false, span: end });
    for (const s of b.statics) {
      this.globals.push({ variable: s.variable, initialiser: s.stores, initialiserSpan: s.span, constant: false });
    }
    return {
      id,
      name,
      file: this.file.path,
      static: isStatic,
      parameters: list,
      variadic,
      returnType: this.unit.types.specifier(child(node, 'type')),
      noreturn,
      beforeMain,
      locals: b.locals,
      blocks: b.finish(),
      span: view.spanOf(node.start, node.end),
      nameSpan: view.spanOf(nameNode.start, nameNode.end),
      quarantine: [...quarantine, ...b.quarantine],
    };
  }

  /** Attributes in or just before a declaration, or a definition up to its body. */
  private attributesOf(node: SyntaxNode, end = node.end): Attributes {
    const { attributes } = this.unit.view;
    // In the expansion of a statement's macro nobody looks for them.
    if (attributes === undefined) return { noreturn: false, beforeMain: false };
    const { noreturns, constructors } = attributes;
    const liesHere = (at: number) => node.start - 80 <= at && at < end && this.belongs(at, node);
    return { noreturn: noreturns.some(liesHere), beforeMain: constructors.some(liesHere) };
  }

  private belongs(at: number, node: SyntaxNode): boolean {
    return at >= node.start || this.unit.view.text.slice(at, node.start).trim() === '';
  }
}

/** What may stand at the top of a file and declares something. */
const DECLARES = /^(?:declaration|type_definition|function_definition|\w+_specifier)$/;
