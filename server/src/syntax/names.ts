/**
 * Which functions a file defines and which names they use, by one pass over its tokens: cheap enough for files that
 * will not be parsed. All groups of a conditional count.
 */
import { endOfComment, endOfLine, endOfString, findDirectives, INCLUDED, parseDefine } from './preprocess.ts';

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
}

export interface MacroNames {
  readonly uses: ReadonlySet<string>;
  readonly calls: ReadonlySet<string>;
}

export interface FileNames {
  readonly path: string;
  readonly items: readonly ItemNames[];
  /** Identifiers in the bodies of its macros. */
  readonly macros: ReadonlyMap<string, MacroNames>;
  /** Macros that paste words together: what they name cannot be told. */
  readonly pasting: ReadonlySet<string>;
  /** Headers, with their quotes or angles. */
  readonly includes: readonly string[];
}

const TOKEN = /[A-Za-z_]\w*|["'{}();=,[]|\/\*|\/\//g;
const CALL = /([A-Za-z_]\w*)\s*\(/g;
const IDENTIFIER = /[A-Za-z_]\w*/g;
/** What looks like the name of a function in front of its parameters and is none. */
const NO_NAME =
  /^(?:__attribute__|__attribute|__declspec|__asm__|__printf|__scanf|_Alignas|if|while|for|switch|void|char|short|int|long|float|double|unsigned|signed|const)$/;
/** Literals longer than this name nothing. */
const MAX_LITERAL = 80;

export function scanNames(path: string, text: string): FileNames {
  return new Scan(path, text).run();
}

class Scan {
  private readonly path: string;
  private readonly text: string;
  private readonly items: ItemNames[] = [];
  private readonly pasting = new Set<string>();
  private readonly macros = new Map<string, MacroNames>();
  private depth = 0;
  private parentheses = 0;
  /** The declaration or definition at the top of the file that is being read. */
  private uses = new Set<string>();
  private calls = new Set<string>();
  private declares = new Set<string>();
  private start = -1;
  private isStatic = false;
  private assigned = false;
  /** Behind `=`: what stands there is not declared. */
  private inValue = false;
  /** The identifier in front of the first parameter list. */
  private name: string | undefined;

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
    const token = new RegExp(TOKEN);
    for (let match = token.exec(text); match !== null; match = token.exec(text)) {
      const at = match.index;
      const directive = directives[nextDirective];
      if (directive !== undefined && at >= directive.start) {
        nextDirective++;
        if (directive.name === 'define') this.macro(directive.rest);
        else if (directive.name.startsWith('if')) conditionals.push(this.depth);
        else if (directive.name.startsWith('el')) this.depth = conditionals[conditionals.length - 1] ?? this.depth;
        else if (directive.name === 'endif') conditionals.pop();
        token.lastIndex = Math.max(directive.end, at);
        continue;
      }
      const word = match[0];
      switch (word) {
        case '"':
        case "'": {
          const end = endOfString(text, at);
          if (end - at < MAX_LITERAL) this.uses.add(text.slice(at, end));
          token.lastIndex = end;
          break;
        }
        case '/*':
          token.lastIndex = endOfComment(text, at);
          continue;
        case '//':
          token.lastIndex = endOfLine(text, at);
          continue;
        default:
          if (/^\w/.test(word)) this.word(word, at);
          else this.punctuation(word, at, last, before);
      }
      before = last;
      last = word;
    }
    // A function that the end of the file cuts off is one too.
    this.close(text.length, this.depth > 0);
    const includes = directives.flatMap((d) => (d.name === 'include' ? (INCLUDED.exec(d.rest)?.[0] ?? []) : []));
    return { path: this.path, items: this.items, macros: this.macros, pasting: this.pasting, includes };
  }

  private word(word: string, at: number): void {
    if (this.start < 0) this.start = at;
    if (this.depth === 0 && word === 'static') this.isStatic = true;
    this.uses.add(word);
  }

  private punctuation(c: string, at: number, last: string, before: string): void {
    const outside = this.depth === 0 && this.parentheses === 0;
    // `struct tag {`, `name;`, `name =`, `name,`, `name[`.
    if (outside && !this.inValue && /^[{;=,[]$/.test(c) && /^[A-Za-z_]/.test(last)) {
      if (c !== '{' || /^(?:struct|union|enum)$/.test(before)) this.declares.add(last);
    }
    // `(*name[])(…)`.
    const isTable = c === '[' && this.depth === 0 && this.parentheses === 1 && this.name === undefined;
    if (isTable && this.declares.size === 0 && /^[A-Za-z_]/.test(last)) this.declares.add(last);
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
        if (/^[A-Za-z_]/.test(last)) this.calls.add(last);
        if (outside && this.name === undefined && /^[A-Za-z_]/.test(last) && !NO_NAME.test(last)) this.name = last;
        this.parentheses++;
        break;
      case ')':
        // `typedef void (*name)(…)`.
        if (this.depth === 0 && this.declares.size === 0 && /^[A-Za-z_]/.test(last) && before === '(')
          this.declares.add(last);
        this.parentheses = Math.max(0, this.parentheses - 1);
        break;
      case ';':
        if (outside && !this.isOldStyle(at)) this.close(at, false);
        break;
      case '=':
        if (outside) this.assigned = true;
        break;
    }
    if (this.depth > 0 && c === '{') this.parentheses = 0;
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
    if (macro === undefined) return;
    // Two definitions, each under its condition: both count.
    const uses = new Set(this.macros.get(macro.name)?.uses);
    const calls = new Set(this.macros.get(macro.name)?.calls);
    for (const [word] of macro.body.matchAll(IDENTIFIER)) uses.add(word);
    for (const [, word] of macro.body.matchAll(CALL)) calls.add(word!);
    this.macros.set(macro.name, { uses, calls });
    // GNU's `, ##args` pastes nothing.
    if (macro.body.replace(/,\s*##/g, '').includes('##')) this.pasting.add(macro.name);
  }
}
