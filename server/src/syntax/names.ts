/**
 * Which functions a file defines and which names they use, by one pass over its tokens: cheap enough for files that
 * will not be parsed. All groups of a conditional count.
 */
import { endOfComment, endOfLine, endOfString, findDirectives, INCLUDED, parseDefine } from './preprocess.ts';
import { standInMacros } from './system-macros.ts';
import type { MacroDefinition } from './tree.ts';

/** A function, or a declaration at the top of a file: what it declares, and what stands in it. */
export interface ItemNames {
  readonly kind: 'function' | 'initialised' | 'declaration';
  readonly declares: ReadonlySet<string>;
  readonly static: boolean;
  readonly start: number;
  readonly end: number;
  /** Identifiers and string literals. */
  readonly uses: ReadonlySet<string>;
  /** Those in front of parentheses. */
  readonly calls: ReadonlySet<string>;
  /** Something is assigned to a member, to an element, or to what a pointer leads to. */
  readonly stores: boolean;
}

export interface MacroNames {
  readonly uses: ReadonlySet<string>;
  readonly calls: ReadonlySet<string>;
}

export interface OwnMacroNames extends MacroNames {
  /** It may make a function: a block stands behind parentheses in it. */
  readonly makesBlock: boolean;
}

export interface FileNames {
  readonly path: string;
  readonly items: readonly ItemNames[];
  /** Identifiers in the bodies of its macros. */
  readonly macros: ReadonlyMap<string, OwnMacroNames>;
  /** Macros that paste words together: what they name cannot be told. */
  readonly pasting: ReadonlySet<string>;
  /** Headers, with their quotes or angles. */
  readonly includes: readonly string[];
}

const CALL = /([A-Za-z_]\w*)\s*\(/g;
const IDENTIFIER = /[A-Za-z_]\w*/g;
const BLOCK = /\)\s*\{/;
/** What looks like the name of a function in front of its parameters and is none. */
const NO_NAMES: ReadonlySet<string> = new Set(
  `__attribute__ __attribute __declspec __asm__ __printf __scanf _Alignas if while for switch void char short int long
  float double unsigned signed const`.split(/\s+/),
);
const TAGS: ReadonlySet<string> = new Set(['struct', 'union', 'enum']);
/** Literals longer than this name nothing. */
const MAX_LITERAL = 80;

/** What a token begins with; 0 for what is no part of one. */
const LETTER = 1;
const DIGIT = 2;
const QUOTE = 3;
const SLASH = 4;
const MARK = 5;
const KINDS = new Uint8Array(128);
for (let c = 0; c < KINDS.length; c++) {
  const character = String.fromCharCode(c);
  if (/[A-Za-z_]/.test(character)) KINDS[c] = LETTER;
  else if (/\d/.test(character)) KINDS[c] = DIGIT;
  else if (/["']/.test(character)) KINDS[c] = QUOTE;
  else if (character === '/') KINDS[c] = SLASH;
  else if (/[{}();=,[]/.test(character)) KINDS[c] = MARK;
}

/** Stands for any number among the tokens that were read last. */
const NUMBER = '0';

function kindAt(text: string, at: number): number {
  const c = text.charCodeAt(at);
  return c < KINDS.length ? KINDS[c]! : 0;
}

/** What no token begins with stands between tokens. */
const TOKEN = /[\w"'/{}();=,[]/g;
const WORD = /\w+/y;

/** The next place where a token begins, or the end of the text. */
function startOfToken(text: string, at: number): number {
  TOKEN.lastIndex = at;
  return TOKEN.test(text) ? TOKEN.lastIndex - 1 : text.length;
}

/** Past the letters and digits that stand there. */
function endOfWord(text: string, at: number): number {
  WORD.lastIndex = at;
  WORD.test(text);
  return WORD.lastIndex;
}

/** In front of an `=`: an operator that goes with it, and what is assigned to. A designator stands behind `{` or a comma. */
const ASSIGNED = /(?:\]|(?:->|(?<![{,]\s*)\.)\s*\w+|[;{})]\s*\*+\s*\w+)\s*(?:<<|>>|[-+*/%&|^])?$/;
/** What an `=` is part of that compares. */
const COMPARED = /[=!]$|(?<!<)<$|(?<!>)>$/;
/** Looked at in front of an `=`. */
const LONGEST_TARGET = 60;

/** The `=` assigns to a member, to an element, or to what a pointer leads to. */
function isStore(text: string, at: number): boolean {
  if (text[at + 1] === '=') return false;
  const before = text.slice(Math.max(0, at - LONGEST_TARGET), at);
  return !COMPARED.test(before) && ASSIGNED.test(before);
}

export function scanNames(path: string, text: string): FileNames {
  return new Scan(path, text).run();
}

/** Words that no file declares. */
const RESERVED: ReadonlySet<string> = new Set(
  `auto break case char const continue default do double else enum extern float for goto if inline int long register
  restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool _Bool size_t
  ssize_t off_t pid_t FILE va_list uint8_t uint16_t uint32_t uint64_t int8_t int16_t int32_t int64_t uintptr_t
  __attribute__ __inline__ __inline __extension__ __always_inline __unused NULL`.split(/\s+/),
);

/** Whatever a file may declare: its functions, and each word in its other declarations, whether it declares that or not. */
export function declaredIn({ items }: FileNames): Set<string> {
  const found = new Set<string>();
  for (const { kind, declares, uses } of items)
    for (const name of kind === 'function' ? declares : uses) if (!RESERVED.has(name)) found.add(name);
  return found;
}

/**
 * Gives the names of a text the places of those of its next version, where they differ in nothing else; false where they
 * do. Whoever holds the names finds the new places there.
 */
export function moveTo(names: FileNames, next: FileNames): boolean {
  const { items, macros, pasting, includes } = names;
  const isSame =
    items.length === next.items.length &&
    items.every((item, i) => isSameItem(item, next.items[i]!)) &&
    macros.size === next.macros.size &&
    [...macros].every(([name, own]) => isSameOwnMacro(own, next.macros.get(name))) &&
    isSameSet(pasting, next.pasting) &&
    includes.join('\n') === next.includes.join('\n');
  if (!isSame) return false;
  for (const [i, { start, end }] of next.items.entries()) Object.assign(items[i]!, { start, end });
  return true;
}

function isSameItem(a: ItemNames, b: ItemNames): boolean {
  return (
    a.kind === b.kind &&
    a.static === b.static &&
    a.stores === b.stores &&
    isSameSet(a.declares, b.declares) &&
    isSameMacro(a, b)
  );
}

function isSameMacro(a: MacroNames, b: MacroNames | undefined): boolean {
  return b !== undefined && isSameSet(a.uses, b.uses) && isSameSet(a.calls, b.calls);
}

function isSameOwnMacro(a: OwnMacroNames, b: OwnMacroNames | undefined): boolean {
  return a.makesBlock === b?.makesBlock && isSameMacro(a, b);
}

/** In the same order, too: the first of several is sometimes the one that counts. */
function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size !== b.size) return false;
  const others = b.values();
  for (const member of a) if (member !== others.next().value) return false;
  return true;
}

class Scan {
  private readonly path: string;
  private readonly text: string;
  private readonly items: ItemNames[] = [];
  private readonly pasting = new Set<string>();
  private readonly macros = new Map<string, OwnMacroNames>();
  private depth = 0;
  private parentheses = 0;
  /** The declaration or definition at the top of the file that is being read. */
  private uses = new Set<string>();
  private calls = new Set<string>();
  private declares = new Set<string>();
  private start = -1;
  private isStatic = false;
  private stores = false;
  private assigned = false;
  /** Behind `=`: what stands there is not declared. */
  private inValue = false;
  /** Where the last parenthesis was opened. */
  private opened = -1;
  /** The identifier in front of the first parameter list. */
  private name: string | undefined = undefined;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  run(): FileNames {
    const { text } = this;
    const directives = findDirectives(text);
    let nextDirective = 0;
    // Each group of a conditional begins at the depth at which its `#if` stands.
    const conditionals: number[] = [];
    let last = '';
    let before = '';
    for (let at = startOfToken(text, 0); at < text.length; at = startOfToken(text, at)) {
      const kind = kindAt(text, at);
      const directive = directives[nextDirective];
      if (directive !== undefined && at >= directive.start) {
        nextDirective++;
        if (directive.name === 'define') this.macro(directive.rest);
        else if (directive.name.startsWith('if')) conditionals.push(this.depth);
        else if (directive.name.startsWith('el')) this.depth = conditionals[conditionals.length - 1] ?? this.depth;
        else if (directive.name === 'endif') conditionals.pop();
        at = Math.max(directive.end, at);
        continue;
      }
      if (kind === DIGIT) {
        at = endOfWord(text, at);
        before = last;
        last = NUMBER;
      } else if (kind === SLASH) {
        const next = text[at + 1];
        at = next === '*' ? endOfComment(text, at) : next === '/' ? endOfLine(text, at) : at + 1;
      } else {
        let end = at + 1;
        if (kind === LETTER) {
          end = endOfWord(text, at);
          this.word(text.slice(at, end), at);
        } else if (kind === QUOTE) {
          end = endOfString(text, at);
          if (this.start < 0) this.start = at;
          if (end - at < MAX_LITERAL) this.uses.add(text.slice(at, end));
        } else this.punctuation(text[at]!, at, last, before);
        before = last;
        last = kind === QUOTE ? text[at]! : text.slice(at, end);
        at = end;
      }
    }
    // A function that the end of the file cuts off is one too.
    this.close(text.length, this.depth > 0);
    const includes = directives.flatMap((d) => (d.name === 'include' ? (INCLUDED.exec(d.rest)?.[0] ?? []) : []));
    for (const name of includes) for (const macro of standInMacros(name)) this.noteMacro(macro);
    return { path: this.path, items: this.items, macros: this.macros, pasting: this.pasting, includes };
  }

  private word(word: string, at: number): void {
    if (this.start < 0) this.start = at;
    if (this.depth === 0 && word === 'static') this.isStatic = true;
    this.uses.add(word);
  }

  private punctuation(c: string, at: number, last: string, before: string): void {
    const outside = this.depth === 0 && this.parentheses === 0;
    const behindWord = kindAt(last, 0) === LETTER;
    // `struct tag {`, `name;`, `name =`, `name,`, `name[`.
    if (outside && behindWord && !this.inValue && c !== '(' && c !== ')' && c !== '}') {
      if (c !== '{' || TAGS.has(before)) this.declares.add(last);
    }
    // `(*name[])(…)`.
    const isTable = c === '[' && this.depth === 0 && this.parentheses === 1 && this.name === undefined;
    if (isTable && this.declares.size === 0 && behindWord) this.declares.add(last);
    if (outside && (c === '=' || c === ',')) this.inValue = c === '=';
    switch (c) {
      case '{':
        // `extern "C" {`: what stands in it is outside still.
        if (outside && last === '"' && before === 'extern') this.forget();
        else this.depth++;
        break;
      case '}':
        this.depth = Math.max(0, this.depth - 1);
        if (this.depth === 0 && this.name !== undefined && !this.assigned) this.close(at + 1, true);
        break;
      case '(':
        if (behindWord) this.calls.add(last);
        if (outside && this.name === undefined && behindWord && !NO_NAMES.has(last)) this.name = last;
        this.parentheses++;
        this.opened = at;
        break;
      case ')':
        // `typedef void (*name)(…)`.
        if (this.depth === 0 && this.declares.size === 0 && behindWord && before === '(' && this.opensPointer(at))
          this.declares.add(last);
        this.parentheses = Math.max(0, this.parentheses - 1);
        break;
      case ';':
        if (outside && !this.isOldStyle(at)) this.close(at, false);
        break;
      case '=':
        if (outside) this.assigned = true;
        else this.stores ||= this.depth > 0 && isStore(this.text, at);
        break;
    }
    if (this.depth > 0 && c === '{') this.parentheses = 0;
  }

  /** A star follows the last parenthesis that was opened. */
  private opensPointer(end: number): boolean {
    return /^\(\s*\*/.test(this.text.slice(this.opened, end));
  }

  private close(end: number, body: boolean): void {
    const { name, uses, calls, start } = this;
    const isFunction = body && name !== undefined && !this.assigned;
    if (uses.size > 0)
      this.items.push({
        kind: isFunction ? 'function' : this.assigned ? 'initialised' : 'declaration',
        declares: isFunction ? new Set([name]) : this.declares,
        static: this.isStatic,
        start,
        end,
        uses,
        calls,
        stores: this.stores,
      });
    this.forget();
  }

  /** Begins the next item. */
  private forget(): void {
    this.uses = new Set();
    this.calls = new Set();
    this.declares = new Set();
    this.start = -1;
    this.isStatic = false;
    this.stores = false;
    this.assigned = false;
    this.inValue = false;
    this.name = undefined;
    this.parentheses = 0;
  }

  /** `int f(a) int a; {`: the declarations of old-style parameters stand between the list and the body. */
  private isOldStyle(semicolon: number): boolean {
    if (this.name === undefined) return false;
    const after = this.text.slice(semicolon, semicolon + 400).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ' ');
    return /^;(?:[\w*,\s[\]()]+;)*\s*\{/.test(after);
  }

  private macro(rest: string): void {
    const macro = parseDefine(rest, this.path);
    if (macro !== undefined) this.noteMacro(macro);
  }

  private noteMacro(macro: MacroDefinition): void {
    // Two definitions, each under its condition: both count.
    const uses = new Set(this.macros.get(macro.name)?.uses);
    const calls = new Set(this.macros.get(macro.name)?.calls);
    for (const [word] of macro.body.matchAll(IDENTIFIER)) uses.add(word);
    for (const [, word] of macro.body.matchAll(CALL)) calls.add(word!);
    const makesBlock = this.macros.get(macro.name)?.makesBlock === true || BLOCK.test(macro.body);
    this.macros.set(macro.name, { uses, calls, makesBlock });
    // GNU's `, ##args` pastes nothing.
    if (macro.body.replace(/,\s*##/g, '').includes('##')) this.pasting.add(macro.name);
  }
}
