/**
 * Who names whom, before anything is parsed; and who speaks of userfaultfd: by its names, or by a type, a variable or
 * a macro that is made of them.
 */
import { chooseDefinition, type LinkOptions, sameFolder } from '../engine/program.ts';
import { type LibraryFunction, type LibraryKind, libraryFunction } from '../libc/effects.ts';
import { declaredIn, type FileNames, type ItemNames, type MacroNames } from '../syntax/names.ts';
import { HeaderNames } from './header-names.ts';
import { isHeader, KERNEL_INTERNAL, speaks } from './source-file.ts';

/** A function, or a variable with an initialiser: a table of functions calls them as it were. */
export interface Node {
  readonly path: string;
  readonly names: ItemNames;
  readonly callees: Set<Node>;
  readonly callers: Set<Node>;
  /** It mentions userfaultfd, or something below it does. */
  leads: boolean;
  /** It, or something below it, calls library functions that the engine models. */
  effect: boolean;
  /** It, or something below it, stores into memory of others, or has to do with a variable that several functions see. */
  touches: boolean;
  /** It leads, or is below one that does. */
  needed: boolean;
}

/** What a library function does to memory, text or time is no reason to look into who calls it. */
const NEUTRAL: ReadonlySet<LibraryKind> = new Set([
  'pure',
  'select',
  'print',
  'sleep',
  'memset',
  'memcpy',
  'free',
  'write',
]);

/** What stands in front of parentheses and calls nothing. */
const KEYWORD = /^(?:if|while|for|do|switch|sizeof|int|char|long|short|unsigned|signed|const|void|static|struct|else)$/;

export interface GraphOptions extends Pick<LinkOptions, 'targetsOf'> {
  /** A function that is needed whatever it has to say. */
  readonly wanted?: string | undefined;
}

export class NameGraph {
  readonly filesThatSpeak = new Set<string>();
  /** Nodes whose files are wanted: what leads to a mention, then what that calls with an effect; nearest first. */
  readonly drawn: readonly Node[];
  /** Names that needed functions use, directly or by a macro. */
  readonly usedNames = new Set<string>();
  readonly defined = new Set<string>();
  private readonly quiet = new Set<string>();
  private readonly inFile = new Map<string, Node[]>();
  private readonly own = new Map<string, Map<string, Node>>();
  private readonly files: readonly FileNames[];
  private readonly includes: Includes;
  private readonly opened = new Map<string, boolean>();
  /** By file with `main`, those that what it defines calls into. */
  private readonly parts = new Map<string, ReadonlySet<string>>();

  constructor(files: readonly FileNames[], { targetsOf, wanted }: GraphOptions = {}) {
    const includes = new Includes(files);
    this.files = files;
    this.includes = includes;
    const words = new Words();
    const macros = new VisibleMacros(files, includes, words);
    const pasting = new Set(files.flatMap((f) => [...f.pasting]));
    const making = new Set(files.flatMap((f) => [...f.macros].flatMap(([name, m]) => (m.makesBlock ? [name] : []))));
    const isMade = ({ kind, declares }: ItemNames) => kind === 'function' && [...declares].some((d) => pasting.has(d));
    const speaking = namesThatSpeak(
      files.filter((f) => !f.includes.includes(KERNEL_INTERNAL)),
      includes,
    );
    const made = new Map<string, ReadonlySet<Node>>();
    const direct: Node[] = [];
    const pasted: Node[] = [];
    const asked: Node[] = [];
    const all: Used[] = [];
    for (const file of files) {
      const hasMain = file.items.some((i) => i.kind === 'function' && i.declares.has('main'));
      const nodes: Node[] = [];
      this.inFile.set(file.path, nodes);
      const told = speaking.get(file.path);
      const variables = variablesIn(file);
      let pastes = false;
      for (const names of file.items) {
        const { uses, calls } = macros.expand(file.path, names);
        let tells = false;
        for (const { name, speaks } of uses) {
          tells ||= told !== undefined && (speaks || told.has(name));
          pastes ||= pasting.size > 0 && pasting.has(name) && names.uses.has(name);
        }
        // A header that only declares comes with whoever includes it, and a macro that declares nothing says nothing.
        const says = names.kind === 'function' || (!isHeader(file.path) && names.declares.size > 0);
        if (tells && says) this.filesThatSpeak.add(file.path);
        if (names.kind === 'declaration' && !makesFunction(names, making)) continue;
        const node: Node = {
          path: file.path,
          names,
          callees: new Set(),
          callers: new Set(),
          leads: false,
          effect: false,
          touches: names.kind === 'function' && (names.stores || usesAny(names, variables)),
          needed: false,
        };
        nodes.push(node);
        all.push({ node, uses, calls });
        if (tells) direct.push(node);
        if (wanted !== undefined && names.declares.has(wanted)) asked.push(node);
        // A header's inline functions go with whoever includes it, and what a macro makes has other names than the macro.
        const seen = (!names.static || isHeader(file.path)) && !isMade(names);
        for (const name of names.declares) {
          this.defined.add(name);
          if (!seen) continue;
          const { externals, ofPrograms } = words.of(name);
          (hasMain ? ofPrograms : externals).push(node);
        }
      }
      // Whom pasted words name cannot be told: it may be anyone here.
      if (pastes) pasted.push(...nodes);
      // A test harness makes functions that call others of the file by such names.
      const ofHarness = nodes.filter((n) => isMade(n.names));
      if (ofHarness.length > 0) made.set(file.path, new Set(ofHarness));
    }
    const unknown: { readonly node: Node; readonly word: Word }[] = [];
    for (const { node, uses, calls } of all) {
      const own = this.ownOf(node.path);
      for (const word of uses) {
        const { name, row, externals } = word;
        if (node.names.declares.has(name)) continue;
        const callee = own.get(name) ?? chooseDefinition(externals, node.path, targetsOf);
        if (callee === undefined && word.ofPrograms.length > 0) unknown.push({ node, word });
        // A word that is no call, or a call that libc answers, means no function of some folder far away.
        const near = callee === undefined || sameFolder(callee.path, node.path) || isHeader(callee.path);
        if (callee !== undefined && (near || (row === undefined && calls.has(name)))) {
          bind(node, callee);
          continue;
        }
        if (row !== undefined && !NEUTRAL.has(row.kind)) node.effect = true;
      }
    }
    for (const { node, word } of unknown) {
      const [only, ...others] = word.ofPrograms.filter(({ path }) => this.isPartOf(node.path, path));
      if (only !== undefined && others.length === 0) bind(node, only);
    }
    const callers = () =>
      oncePerFile(
        made,
        (n) => n.callers,
        (own) => own,
      );
    const callees = () =>
      oncePerFile(
        made,
        (n) => n.callees,
        (own, n) => (own.has(n) ? this.inFile.get(n.path)! : []),
      );
    const leading = spread(direct, callers());
    // What runs before main() in a file that matters is called by nobody.
    const withLeading = new Set(leading.map(({ path }) => path));
    for (const { node } of all) if (runsBeforeMain(node) && withLeading.has(node.path)) leading.push(node);
    for (const node of leading) node.leads = true;
    const effectful = all.flatMap(({ node }) => (node.effect ? [node] : []));
    for (const node of spread(effectful, callers())) node.effect = true;
    for (const node of spread([...leading, ...asked, ...pasted], callees())) node.needed = true;
    for (const { node, uses } of all) if (node.needed) for (const { name } of uses) this.usedNames.add(name);
    const loud = new Set(all.flatMap(({ node: n }) => (n.effect || n.leads ? [...n.names.declares] : [])));
    for (const { node } of all) for (const name of node.names.declares) if (!loud.has(name)) this.quiet.add(name);
    const touching = all.flatMap(({ node }) => (node.touches ? [node] : []));
    for (const node of spread(touching, callers())) node.touches = true;
    const from = [...asked, ...leading];
    const drawn = (isWanted: (n: Node) => boolean) => {
      const below = callees();
      return spread(from, (n) => [...below(n)].filter(isWanted));
    };
    // What only stores may keep a descriptor, and what only looks may find one.
    this.drawn = [...new Set([...drawn((n) => n.effect), ...drawn((n) => n.effect || n.touches)])];
  }

  /** Functions of the file are called, by way of others or not, by those of the other one, which has `main`. */
  private isPartOf(file: string, program: string): boolean {
    let parts = this.parts.get(program);
    if (parts === undefined) {
      parts = new Set(spread(this.inFile.get(program)!, (n) => n.callees).map((n) => n.path));
      this.parts.set(program, parts);
    }
    return parts.has(file);
  }

  /** What a file defines itself, by name. Variants under different conditions: each counts, the first is called. */
  private ownOf(path: string): ReadonlyMap<string, Node> {
    let own = this.own.get(path);
    if (own === undefined) {
      own = new Map();
      for (const node of this.inFile.get(path)!)
        for (const name of node.names.declares) if (!own.has(name)) own.set(name, node);
      this.own.set(path, own);
    }
    return own;
  }

  acts(name: string): boolean {
    const row = libraryFunction(name);
    return row === undefined ? !this.quiet.has(name) && !KEYWORD.test(name) : !NEUTRAL.has(row.kind);
  }

  /** False for a header of which nothing but macros is used where it is included, and in which nothing is worth a look. */
  opens(header: string): boolean {
    let answer = this.opened.get(header);
    if (answer === undefined) {
      answer = this.findsUse(header);
      this.opened.set(header, answer);
    }
    return answer;
  }

  private findsUse(header: string): boolean {
    const own = this.files.find((f) => f.path === header);
    if (own === undefined || this.inFile.get(header)!.some((n) => n.needed || n.leads)) return true;
    // What pasted words name cannot be told, and a constructor is called by nobody.
    if (this.files.some((f) => f.pasting.size > 0) || this.inFile.get(header)!.some(runsBeforeMain)) return true;
    const includers = this.files.filter((f) => f !== own && this.includes.visibleFrom(f.path).has(header));
    // A header that stands beside this one in a file uses what is declared there without including it.
    const beside = new Set(includers.flatMap((f) => [...this.includes.visibleFrom(f.path)]));
    const users = this.files
      .filter((f) => f !== own && beside.has(f.path))
      .flatMap((f): MacroNames[] => [...f.items, ...f.macros.values()]);
    // Those of its macros that somebody uses, by way of others of them, too, are users themselves.
    let unused = [...own.macros];
    const isUsed = (name: string) => users.some(({ uses }) => uses.has(name));
    for (let before = -1; before !== users.length; ) {
      before = users.length;
      unused = unused.filter(([name, names]) => {
        if (!isUsed(name)) return true;
        users.push(names);
        return false;
      });
    }
    for (const name of declaredIn(own)) if (isUsed(name)) return true;
    return false;
  }

  /** Files that calls bind to one, directly or by others, itself included. */
  boundTo(path: string): ReadonlySet<string> {
    const paths = new Set([path]);
    for (const at of paths)
      for (const { callees, callers } of this.inFile.get(at) ?? [])
        for (const other of [...callees, ...callers]) paths.add(other.path);
    return paths;
  }

  /** By place: a macro may give a function another name. */
  at(file: string, offset: number): Node[] {
    // Items follow each other.
    const nodes = this.inFile.get(file) ?? [];
    let low = 0;
    for (let high = nodes.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (nodes[middle]!.names.start <= offset) low = middle + 1;
      else high = middle;
    }
    const node = nodes[low - 1];
    return node !== undefined && offset < node.names.end ? [node] : [];
  }

  /** Those that begin or end in a stretch of the file. */
  within(file: string, start: number, end: number): Node[] {
    const inside = (offset: number) => start < offset && offset < end;
    return (this.inFile.get(file) ?? []).filter((n) => inside(n.names.start) || inside(n.names.end));
  }
}

/**
 * For each file the types, variables and macros that are declared with words of userfaultfd, or with another such
 * name: its own, and those of the headers that it includes.
 */
function namesThatSpeak(files: readonly FileNames[], includes: Includes): Map<string, ReadonlySet<string>> {
  const names = new Map(files.map((f) => [f.path, new Set<string>()]));
  const queue = new Set(files);
  for (const file of queue) {
    queue.delete(file);
    const own = names.get(file.path)!;
    addSpeaking(file, own);
    if (own.size === 0) continue;
    for (const includer of includes.includersOf(file.path)) {
      const inner = names.get(includer.path);
      if (inner === undefined) continue;
      const before = inner.size;
      for (const name of own) inner.add(name);
      if (inner.size > before) queue.add(includer);
    }
  }
  return names;
}

function addSpeaking(file: FileNames, speaking: Set<string>): void {
  const declarations = [
    ...file.items.filter((i) => i.kind !== 'function'),
    ...[...file.macros].map(([name, { uses }]) => ({ declares: new Set([name]), uses })),
  ];
  for (let before = -1; before < speaking.size; ) {
    before = speaking.size;
    for (const { declares, uses } of declarations) {
      // In `int uffd, count;` one name says nothing of the other.
      if (![...uses].some((u) => (speaks(u) || speaking.has(u)) && !declares.has(u))) continue;
      // An attribute looks like a name that is declared.
      for (const name of declares) if (!name.startsWith('__')) speaking.add(name);
    }
  }
}

/** Who includes whom, as far as the names tell: the folders of `-I` need not be known. */
class Includes {
  private readonly includers = new Map<string, FileNames[]>();
  private readonly direct = new Map<string, string[]>();
  private readonly closures = new Map<string, ReadonlySet<string>>();

  constructor(files: readonly FileNames[]) {
    const headers = new HeaderNames(files.map((f) => f.path));
    for (const file of files) {
      for (const include of file.includes) {
        const name = include.slice(1, -1).replace(/^(?:\.\.?\/)+/, '');
        for (const header of headers.of(name)) {
          push(this.includers, header, file);
          push(this.direct, file.path, header);
        }
      }
    }
  }

  includersOf(header: string): readonly FileNames[] {
    return this.includers.get(header) ?? [];
  }

  /** The file and all headers below it. */
  visibleFrom(path: string): ReadonlySet<string> {
    let closure = this.closures.get(path);
    if (closure === undefined) {
      const seen = new Set([path]);
      for (const at of seen) for (const header of this.direct.get(at) ?? []) seen.add(header);
      closure = seen;
      this.closures.set(path, closure);
    }
    return closure;
  }
}

/** A macro of some file. */
interface Macro {
  readonly path: string;
  readonly names: MacroNames;
  /** What it uses; looked up when it is used first. */
  words: readonly Word[] | undefined;
}

/** A name that some item uses, and all that is known of it wherever it is used. */
class Word {
  readonly name: string;
  readonly speaks: boolean;
  /** What the library has under this name. */
  readonly row: LibraryFunction | undefined;
  /** Functions and tables that other files can mean by it. */
  readonly externals: Node[] = [];
  /** Those of files with `main`, which the files of that program alone can mean. */
  readonly ofPrograms: Node[] = [];
  /** Macros of this name, and the files that define them. */
  readonly macros: Macro[] = [];

  constructor(name: string) {
    this.name = name;
    this.speaks = speaks(name);
    this.row = libraryFunction(name);
  }
}

/** Names are used a thousand times: what is asked of each use is found with one question. */
class Words {
  private readonly words = new Map<string, Word>();

  of(name: string): Word {
    let word = this.words.get(name);
    if (word === undefined) {
      word = new Word(name);
      this.words.set(name, word);
    }
    return word;
  }
}

/** What an item, or one that its macros expand to, uses and calls. */
interface Expanded {
  readonly uses: Iterable<Word>;
  readonly calls: ReadonlySet<string>;
}

interface Used extends Expanded {
  readonly node: Node;
}

/** What items use when the macros in them are expanded, as far as the files that define these are included. */
class VisibleMacros {
  private readonly includes: Includes;
  private readonly words: Words;

  constructor(files: readonly FileNames[], includes: Includes, words: Words) {
    this.includes = includes;
    this.words = words;
    for (const { path, macros } of files)
      for (const [name, names] of macros) words.of(name).macros.push({ path, names, words: undefined });
  }

  expand(path: string, item: MacroNames): Expanded {
    const own: Word[] = [];
    let usesMacro = false;
    for (const name of item.uses) {
      const word = this.words.of(name);
      own.push(word);
      usesMacro ||= word.macros.length > 0;
    }
    // Most items use no macro.
    if (!usesMacro) return { uses: own, calls: item.calls };
    const visible = this.includes.visibleFrom(path);
    const uses = new Set(own);
    const calls = new Set(item.calls);
    for (const { macros } of uses) {
      for (const macro of macros) {
        if (!visible.has(macro.path)) continue;
        macro.words ??= this.wordsOf(macro.names);
        for (const inner of macro.words) uses.add(inner);
        for (const inner of macro.names.calls) calls.add(inner);
      }
    }
    return { uses, calls };
  }

  private wordsOf({ uses }: MacroNames): readonly Word[] {
    const found: Word[] = [];
    for (const name of uses) found.push(this.words.of(name));
    return found;
  }
}

function runsBeforeMain({ names }: Node): boolean {
  return names.kind === 'function' && names.uses.has('constructor');
}

function bind(caller: Node, callee: Node): void {
  caller.callees.add(callee);
  callee.callers.add(caller);
}

/** Variables at the top of a file that functions may change, and tables: those of constants are nobody's to store into. */
function variablesIn({ items }: FileNames): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { kind, declares, uses } of items)
    if (kind !== 'function' && !uses.has('typedef') && !uses.has('const')) for (const name of declares) found.add(name);
  return found;
}

function usesAny({ uses }: ItemNames, variables: ReadonlySet<string>): boolean {
  for (const name of variables) if (uses.has(name)) return true;
  return false;
}

/**
 * The neighbours of a node, with those of its file that a harness binds together: `others` tells them, given what macros
 * make in that file. Once for each file, whoever asks first: the whole file is one.
 */
function oncePerFile(
  made: ReadonlyMap<string, ReadonlySet<Node>>,
  neighbours: (n: Node) => Iterable<Node>,
  others: (own: ReadonlySet<Node>, n: Node) => Iterable<Node>,
): (n: Node) => Iterable<Node> {
  const done = new Set<string>();
  return (n) => {
    const own = done.has(n.path) ? undefined : made.get(n.path);
    const more = own === undefined ? [] : [...others(own, n)];
    if (more.length === 0) return neighbours(n);
    done.add(n.path);
    return [...neighbours(n), ...more];
  };
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Everything that can be reached, nearest first. */
function spread(from: readonly Node[], next: (n: Node) => Iterable<Node>): Node[] {
  const seen = new Set(from);
  for (const node of seen) for (const n of next(node)) seen.add(n);
  return [...seen];
}

/** A call of a macro stands alone at the top of a file, and may make a function there: `register_handler(EVENT, function)`. */
function makesFunction({ calls }: ItemNames, making: ReadonlySet<string>): boolean {
  if (making.size === 0) return false;
  for (const name of calls) if (making.has(name)) return true;
  return false;
}
