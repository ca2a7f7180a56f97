/**
 * The preprocessor's facts, without preprocessing: which lines are directives, which groups of conditionals are taken,
 * which macros exist. Conditions have three values; what is not known takes the likelier way, and is said.
 */
import type { MacroDefinition, Unknown } from './tree.ts';

export interface Directive {
  readonly name: string;
  /** Text after the name, continuations joined and comments removed. */
  readonly rest: string;
  readonly start: number;
  readonly end: number;
}

/** Finds directive lines; text inside comments and strings is none. */
export function findDirectives(text: string): Directive[] {
  const found: Directive[] = [];
  /** Nothing but blanks and comments stands before this place in its line. */
  let isStart = true;
  let from = 0;
  for (;;) {
    STOP_OUTSIDE.lastIndex = from;
    if (!STOP_OUTSIDE.test(text)) return found;
    const at = STOP_OUTSIDE.lastIndex - 1;
    const c = text.charCodeAt(at);
    const isString = c === 34 || c === 39;
    isStart = !isString && beginsLine(text, from, at, isStart);
    if (isString) from = endOfString(text, at);
    else if (c === 47) from = text.charCodeAt(at + 1) === 47 ? endOfLine(text, at) : endOfComment(text, at);
    else if (isStart) {
      from = endOfDirective(text, at);
      const line = clean(text.slice(at + 1, from));
      const match = /^\s*([A-Za-z_]\w*)?([\s\S]*)$/.exec(line)!;
      found.push({ name: match[1] ?? '', rest: match[2]!.trim(), start: at, end: from });
    } else from = at + 1;
  }
}

const STOP_OUTSIDE = /["'#]|\/(?=[/*])/g;

/** `before`: so it is at `from`, behind which nothing but other characters of a line stand. */
function beginsLine(text: string, from: number, at: number, before: boolean): boolean {
  let i = at - 1;
  while (i >= from && isBlank(text.charCodeAt(i))) i--;
  return i < from ? before : text.charCodeAt(i) === 10;
}

function isBlank(c: number): boolean {
  return c === 32 || c === 9 || c === 13;
}

export function endOfLine(text: string, at: number): number {
  let i = at;
  for (;;) {
    const end = text.indexOf('\n', i);
    if (end < 0) return text.length;
    const back = text[end - 1] === '\r' ? end - 2 : end - 1;
    if (text[back] !== '\\') return end;
    i = end + 1;
  }
}

export function endOfComment(text: string, at: number): number {
  const end = text.indexOf('*/', at + 2);
  return end < 0 ? text.length : end + 2;
}

const STOP_IN_STRING = /["\\\n]/g;
const STOP_IN_CHARACTER = /['\\\n]/g;

/** Past the closing quote, or to the end of the line when it is missing. */
export function endOfString(text: string, at: number): number {
  const stop = text.charCodeAt(at) === 34 ? STOP_IN_STRING : STOP_IN_CHARACTER;
  stop.lastIndex = at + 1;
  while (stop.test(text)) {
    const end = stop.lastIndex;
    const c = text.charCodeAt(end - 1);
    if (c !== 92) return c === 10 ? end - 1 : end;
    stop.lastIndex = end + 1;
  }
  return text.length;
}

export function endOfDirective(text: string, at: number): number {
  for (let i = at; i < text.length; ) {
    const c = text.charCodeAt(i);
    if (c === 10) {
      const back = text[i - 1] === '\r' ? i - 2 : i - 1;
      if (text[back] !== '\\') return i;
      i++;
    } else if (c === 47 && text.charCodeAt(i + 1) === 42) i = endOfComment(text, i);
    else if (c === 47 && text.charCodeAt(i + 1) === 47) return endOfLine(text, i);
    else if (c === 34) i = endOfString(text, i);
    else i++;
  }
  return text.length;
}

function clean(directive: string): string {
  return directive
    .replace(/\\\r?\n/g, ' ')
    .replace(/"(?:[^"\\]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/.*$/gm, (m) => (m[0] === '"' ? m : ' '));
}

/** The header that an `#include` names, with its quotes or angles. */
export const INCLUDED = /^(?:"[^"]+"|<[^>]+>)/;

export function parseDefine(rest: string, file: string | undefined): MacroDefinition | undefined {
  const match = /^([A-Za-z_]\w*)(\(([^)]*)\))?([\s\S]*)$/.exec(rest);
  if (match === null) return undefined;
  const parameters =
    match[2] === undefined
      ? undefined
      : match[3]!
          .split(',')
          .map((p) => p.trim())
          .filter((p) => p !== '');
  return { name: match[1]!, parameters, body: match[4]!.trim(), file };
}

/** Names that the kernel's header or the usual compiler defines: testing for them is testing for what we know. */
const SURELY_DEFINED =
  /^(UFFD_|UFFDIO_|_UFFD|_UFFDIO|USERFAULTFD_|__NR_|SYS_|__linux__$|__linux$|linux$|__unix__$|__x86_64__$|__LP64__$|__GNUC__$|__STDC__$|_GNU_SOURCE$|_DEFAULT_SOURCE$|MADV_|MAP_|O_|CLONE_|PR_|F_|EPOLL|POLL)/;
/** A header's guard, whatever it begins with: `UFFD_H`, `UFFDIO_HELPERS_H_`, `_UFFD_UTIL_H_INCLUDED`. */
const GUARD = /_H(?:PP)?_*(?:INCLUDED|GUARD)?_*$/;

function isSurelyDefined(name: string): boolean {
  return SURELY_DEFINED.test(name) && !GUARD.test(name);
}

/** Reserved names are the compiler's and the platform's, and a build seldom varies assertions: nobody is asked. */
const NOT_VARIED = /^(?:__|_[A-Z]|NDEBUG$)/;
/** Names that a build sets when the feature is wanted: the code behind them is the interesting one. */
const LIKELY_DEFINED = /^(HAVE_|CONFIG_HAVE_|WITH_|ENABLE_)/;

/** Nothing but what the program and its build say defines the name. */
export function isOpen(name: string): boolean {
  return !isSurelyDefined(name) && !NOT_VARIED.test(name) && !LIKELY_DEFINED.test(name) && !COMPILER_VALUES.has(name);
}

/** What a usual compiler for Linux on x86-64 has for its own names. */
const COMPILER_VALUES: ReadonlyMap<string, number> = new Map([
  ['__GNUC__', 13],
  ['__GNUC_MINOR__', 2],
  ['__GNUC_PATCHLEVEL__', 0],
  ['__STDC__', 1],
  ['__STDC_VERSION__', 201710],
  ['__linux__', 1],
  ['__unix__', 1],
  ['__x86_64__', 1],
  ['__LP64__', 1],
  ['__SIZEOF_POINTER__', 8],
  ['__SIZEOF_LONG__', 8],
]);

type Number3 = number | undefined;

/** What is known of names at one place of a translation unit. */
export interface Definitions {
  readonly macros: Map<string, MacroDefinition>;
  readonly undefinedNames: Set<string>;
  /** True where names that nobody defined are not defined: the build's options and all project headers are known. */
  readonly closed: boolean;
  /** For conditions that are not known otherwise: a name is (not) defined, or a whole condition holds (or not). */
  readonly decisions: ReadonlyMap<string, boolean>;
}

export interface Judgement {
  readonly holds: boolean;
  /** What decides, where it is not known. */
  readonly unknowns: readonly Unknown[];
}

/** Judges an `#if`, `#ifdef`, `#ifndef`, or the `#elif` of one; what is not known takes the likelier way. */
export function judge(directive: string, rest: string, definitions: Definitions): Judgement {
  const text = conditionOf(directive, rest);
  const strict = new Evaluation(definitions, 'nothing');
  const certain = strict.run(text);
  if (certain !== undefined) return { holds: certain !== 0, unknowns: [] };
  const key = text.replace(/\s+/g, ' ').trim();
  const decided = definitions.decisions.get(key);
  if (decided !== undefined) return { holds: decided, unknowns: [{ key, value: decided, condition: key }] };
  // What is left open even so takes the first group.
  const likely = new Evaluation(definitions, strict.opaque ? 'definedness' : 'values').run(text);
  const holds = likely === undefined || likely !== 0;
  if (!strict.opaque) return { holds, unknowns: [...strict.unknown.values()] };
  return { holds, unknowns: strict.varies ? [{ key, value: holds, condition: key }] : [] };
}

function conditionOf(directive: string, rest: string): string {
  const name = rest.split(/\W/)[0]!;
  if (directive === 'ifdef' || directive === 'elifdef') return `defined(${name})`;
  if (directive === 'ifndef' || directive === 'elifndef') return `!defined(${name})`;
  return rest;
}

const LEVELS = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const TOKENS = /[A-Za-z_]\w*|0[xX][0-9a-fA-F]+|\d+|&&|\|\||[=!<>]=|<<|>>|[-+*/%!~<>()&|^?:,]/g;
const SUFFIX = /\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]+\b/g;
/** Macros in macros in conditions are followed to this depth. */
const MAX_DEPTH = 8;

/** What is assumed of names that are not known. */
type Guesses = 'nothing' | 'definedness' | 'values';

/** One evaluation of a condition: with what is known alone, or with the likelier value of what is not. */
class Evaluation {
  /** Names whose being defined is not known. */
  readonly unknown = new Map<string, Unknown>();
  /** Something not known stands in a comparison or a computation: no single name decides. */
  opaque = false;
  /** A name that a build may choose is among what is not known. */
  varies = false;
  private readonly definitions: Definitions;
  private readonly guesses: Guesses;
  private tokens: readonly string[] = [];
  private at = 0;
  private depth = 0;

  constructor(definitions: Definitions, guesses: Guesses) {
    this.definitions = definitions;
    this.guesses = guesses;
  }

  run(text: string): Number3 {
    const outer = { tokens: this.tokens, at: this.at };
    this.tokens = text.replace(SUFFIX, '$1').match(TOKENS) ?? [];
    this.at = 0;
    const value = this.conditional();
    this.tokens = outer.tokens;
    this.at = outer.at;
    return value;
  }

  private take(token: string): boolean {
    if (this.tokens[this.at] !== token) return false;
    this.at++;
    return true;
  }

  private conditional(): Number3 {
    const condition = this.binary(0);
    if (!this.take('?')) return condition;
    const then = this.conditional();
    this.take(':');
    const otherwise = this.conditional();
    if (condition === undefined) return then === otherwise ? then : undefined;
    return condition === 0 ? otherwise : then;
  }

  private binary(level: number): Number3 {
    const operators = LEVELS[level];
    if (operators === undefined) return this.primary();
    let left = this.binary(level + 1);
    while (operators.includes(this.tokens[this.at] ?? '')) {
      const operator = this.tokens[this.at++]!;
      const right = this.binary(level + 1);
      if (level > 1 && (left === undefined || right === undefined)) this.opaque = true;
      left = combine(operator, left, right);
    }
    return left;
  }

  private primary(): Number3 {
    const token = this.tokens[this.at++];
    if (token === undefined) return undefined;
    if (token === '(') {
      const value = this.conditional();
      this.take(')');
      return value;
    }
    if (token === '!') {
      const value = this.primary();
      return value === undefined ? undefined : value === 0 ? 1 : 0;
    }
    if (token === '-' || token === '+' || token === '~') {
      const value = this.primary();
      if (value === undefined) this.opaque = true;
      return value === undefined ? undefined : token === '-' ? -value : token === '~' ? ~value : value;
    }
    if (/^\d/.test(token)) return Number(token);
    if (token === 'defined') {
      const parenthesised = this.take('(');
      const name = this.tokens[this.at++] ?? '';
      if (parenthesised) this.take(')');
      return this.isDefined(name);
    }
    if (!/^[A-Za-z_]/.test(token)) return undefined;
    return this.tokens[this.at] === '(' ? this.call(token) : this.valueOf(token);
  }

  private isDefined(name: string): Number3 {
    const { macros, undefinedNames, decisions, closed } = this.definitions;
    if (macros.has(name) && !undefinedNames.has(name)) return 1;
    if (undefinedNames.has(name)) return 0;
    if (isSurelyDefined(name)) return 1;
    const decided = decisions.get(name);
    if (decided !== undefined) return this.open(name, decided, `defined(${name})`);
    if (NOT_VARIED.test(name) || closed) return 0;
    return this.open(name, LIKELY_DEFINED.test(name), `defined(${name})`);
  }

  private valueOf(name: string): Number3 {
    const { macros, undefinedNames, decisions, closed } = this.definitions;
    const macro = undefinedNames.has(name) ? undefined : macros.get(name);
    if (macro !== undefined) {
      const value = macro.parameters === undefined && this.depth < MAX_DEPTH ? this.expand(macro.body) : undefined;
      if (value === undefined) this.opaque = true;
      return value;
    }
    if (undefinedNames.has(name)) return 0;
    const decided = decisions.get(name);
    if (decided !== undefined) return this.open(name, decided, name);
    const own = COMPILER_VALUES.get(name);
    if (own !== undefined) return own;
    if (isSurelyDefined(name) || NOT_VARIED.test(name)) {
      this.opaque = true;
      return undefined;
    }
    return closed || !/^[A-Z]/.test(name) ? 0 : this.open(name, true, name);
  }

  private expand(body: string): Number3 {
    if (/["']/.test(body)) return undefined;
    this.depth++;
    const value = this.run(body);
    this.depth--;
    return value;
  }

  /** A function-like macro: `KERNEL_VERSION(5, 7, 0)`, `__has_include(…)`. */
  private call(name: string): Number3 {
    const values: Number3[] = [];
    const from = this.at;
    for (let open = 0; this.at < this.tokens.length; ) {
      const token = this.tokens[this.at++]!;
      if (token === '(') open++;
      if (token === ')' && --open === 0) break;
      if (open === 1 && /^\d/.test(token)) values.push(Number(token));
      if (/^[A-Z]/.test(token) && !this.definitions.macros.has(token)) this.varies = true;
    }
    if (name === 'KERNEL_VERSION' && values.length === 3) return (values[0]! << 16) + (values[1]! << 8) + values[2]!;
    // A header that is asked for is there.
    if (name === '__has_include' && this.at > from) return 1;
    if (!NOT_VARIED.test(name)) this.varies = true;
    this.opaque = true;
    return undefined;
  }

  private open(name: string, value: boolean, condition: string): Number3 {
    this.varies = true;
    this.unknown.set(name, { key: name, value, condition });
    const guessed = this.guesses === 'values' || (this.guesses === 'definedness' && condition !== name);
    return guessed ? Number(value) : undefined;
  }
}

function combine(op: string, a: Number3, b: Number3): Number3 {
  if (op === '&&') return a === 0 || b === 0 ? 0 : a === undefined || b === undefined ? undefined : 1;
  if (op === '||')
    return (a !== undefined && a !== 0) || (b !== undefined && b !== 0)
      ? 1
      : a === undefined || b === undefined
        ? undefined
        : 0;
  if (a === undefined || b === undefined) return undefined;
  switch (op) {
    case '==':
      return a === b ? 1 : 0;
    case '!=':
      return a !== b ? 1 : 0;
    case '<':
      return a < b ? 1 : 0;
    case '>':
      return a > b ? 1 : 0;
    case '<=':
      return a <= b ? 1 : 0;
    case '>=':
      return a >= b ? 1 : 0;
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '<<':
      return a << b;
    case '>>':
      return a >> b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    default:
      return undefined;
  }
}

/** The first offset from `at` on that holds no white space. */
export function skipSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && (text[i] === ' ' || text[i] === '\t' || text[i] === '\n' || text[i] === '\r')) i++;
  return i;
}

/** The offset behind the parenthesis that closes the one at `open`, or -1. */
export function closing(text: string, open: number): number {
  if (text[open] !== '(') return -1;
  let depth = 0;
  for (let i = open; i < text.length; ) {
    const c = text[i];
    if (c === '(') depth++;
    else if (c === ')') {
      depth--;
      if (depth === 0) return i + 1;
    } else if (c === '"' || c === "'") {
      i = endOfString(text, i);
      continue;
    } else if (c === '/' && text[i + 1] === '*') {
      i = endOfComment(text, i);
      continue;
    }
    i++;
  }
  return -1;
}
