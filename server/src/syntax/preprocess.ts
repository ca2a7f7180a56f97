/**
 * The preprocessor's facts, without preprocessing: which lines are directives, which groups of conditionals are taken,
 * which macros exist. Conditions have three values; what is unknown takes its first group.
 */
import type { MacroDefinition } from './tree.ts';

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
  const n = text.length;
  let lineStart = true;
  for (let i = 0; i < n; ) {
    const c = text.charCodeAt(i);
    if (c === 10) {
      lineStart = true;
      i++;
    } else if (c === 32 || c === 9 || c === 13) {
      i++;
    } else if (c === 47 && text.charCodeAt(i + 1) === 47) {
      i = endOfLine(text, i);
    } else if (c === 47 && text.charCodeAt(i + 1) === 42) {
      i = endOfComment(text, i);
    } else if (c === 35 && lineStart) {
      const end = endOfDirective(text, i);
      const line = clean(text.slice(i + 1, end));
      const match = /^\s*([A-Za-z_]\w*)?([\s\S]*)$/.exec(line)!;
      found.push({ name: match[1] ?? '', rest: match[2]!.trim(), start: i, end });
      i = end;
    } else {
      lineStart = false;
      i = c === 34 || c === 39 ? endOfString(text, i) : i + 1;
    }
  }
  return found;
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

/** Past the closing quote, or to the end of the line when it is missing. */
export function endOfString(text: string, at: number): number {
  const quote = text.charCodeAt(at);
  for (let i = at + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 92) i++;
    else if (c === quote) return i + 1;
    else if (c === 10) return i;
  }
  return text.length;
}

function endOfDirective(text: string, at: number): number {
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
/** Names that a build sets when the feature is wanted: the code behind them is the interesting one. */
const LIKELY_DEFINED = /^(HAVE_|CONFIG_HAVE_|WITH_|ENABLE_)/;

export type Truth = true | false | undefined;

/** `true`, `false`, or undefined when it depends on what is not known. */
export function isDefined(
  name: string,
  macros: ReadonlyMap<string, MacroDefinition>,
  undefinedNames: ReadonlySet<string>,
): Truth {
  if (macros.has(name)) return true;
  if (undefinedNames.has(name)) return false;
  if (SURELY_DEFINED.test(name)) return true;
  if (LIKELY_DEFINED.test(name)) return undefined;
  return false;
}

type Number3 = number | undefined;

/** Evaluates an `#if` expression; undefined when it is not known. */
export function evaluateCondition(
  text: string,
  macros: ReadonlyMap<string, MacroDefinition>,
  undefinedNames: ReadonlySet<string>,
): Truth {
  const tokens = text.match(/[A-Za-z_]\w*|0[xX][0-9a-fA-F]+|\d+|&&|\|\||[=!<>]=|<<|>>|[-+*/%!~<>()&|^?:,]/g) ?? [];
  let at = 0;
  const peek = () => tokens[at];
  const expect = (t: string) => {
    if (tokens[at] === t) at++;
  };
  const primary = (depth: number): Number3 => {
    const t = tokens[at++];
    if (t === undefined) return undefined;
    if (t === '(') {
      const v = binary(0, depth);
      expect(')');
      return v;
    }
    if (t === '!') {
      const v = primary(depth);
      return v === undefined ? undefined : v === 0 ? 1 : 0;
    }
    if (t === '-') {
      const v = primary(depth);
      return v === undefined ? undefined : -v;
    }
    if (t === '+' || t === '~') return primary(depth);
    if (/^\d/.test(t)) return Number(t);
    if (t === 'defined') {
      const parenthesised = peek() === '(';
      if (parenthesised) at++;
      const name = tokens[at++] ?? '';
      if (parenthesised) expect(')');
      const d = isDefined(name, macros, undefinedNames);
      return d === undefined ? undefined : d ? 1 : 0;
    }
    if (peek() === '(') {
      // A function-like macro: `KERNEL_VERSION(5, 7, 0)`, `__has_include(…)`.
      let open = 0;
      do {
        if (tokens[at] === '(') open++;
        if (tokens[at] === ')') open--;
        at++;
      } while (open > 0 && at < tokens.length);
      return undefined;
    }
    const macro = macros.get(t);
    if (macro !== undefined && macro.parameters === undefined && depth < 8) {
      const body = /^\(?\s*(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\s*\)?$/.exec(macro.body);
      return body === null ? undefined : Number(body[1]);
    }
    return SURELY_DEFINED.test(t) || /^[A-Z]/.test(t) ? undefined : 0;
  };
  const levels = [
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
  const binary = (level: number, depth: number): Number3 => {
    const operators = levels[level];
    if (operators === undefined) return primary(depth);
    let left = binary(level + 1, depth);
    while (operators.includes(peek() ?? '')) {
      const op = tokens[at++]!;
      left = combine(op, left, binary(level + 1, depth));
    }
    return left;
  };
  const value = binary(0, 0);
  return value === undefined ? undefined : value !== 0;
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
