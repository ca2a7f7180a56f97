/**
 * The length-preserving mask: chooses one configuration, blanks directives, untaken groups and attribute-like macros,
 * and neutralises loop macros, so that tree-sitter sees plain C and every offset stays valid.
 */
import {
  ATTRIBUTE_WORDS,
  type Attributes,
  attributesOf,
  isCleanupWord,
  isDeclaredName,
  isParameterAttribute,
  NORETURN_WORDS,
  noAttributes,
  noteAttribute,
  soundsLikeAttribute,
} from './attributes.ts';
import {
  closing,
  type Definitions,
  type Directive,
  endOfComment,
  endOfLine,
  endOfString,
  findDirectives,
  INCLUDED,
  isOpen,
  judge,
  parseDefine,
  skipSpace,
} from './preprocess.ts';
import { differs } from './redefinitions.ts';
import type { Choice, MacroDefinition, Redefinition, Unknown } from './tree.ts';

export interface MaskResult {
  readonly masked: string;
  /** Offsets of `__attribute__((cleanup(f)))` with the function's name. */
  readonly cleanups: ReadonlyMap<number, string>;
  /** Offsets of noreturn attributes. */
  readonly noreturns: readonly number[];
  /** Offsets of constructor attributes. */
  readonly constructors: readonly number[];
  /** Conditionals whose groups were chosen without knowing. */
  readonly choices: readonly Choice[];
  readonly redefinitions: readonly Redefinition[];
}

export interface MaskOptions {
  readonly definitions: Definitions;
  readonly path: string;
  /** Called at each `#include` with the name and its quotes or angles: adds the header's macros to the table. */
  readonly include: (name: string) => void;
}

export function mask(text: string, options: MaskOptions): MaskResult {
  const directives = new Blanker(text);
  const { choices, redefinitions } = chooseConfiguration(text, options, directives);
  const found = noAttributes();
  const tokens = new Blanker(directives.toString());
  maskTokens(tokens, options.definitions.macros, found);
  return { masked: tokens.toString(), ...found, choices, redefinitions };
}

/** The expansion of a macro, masked like the file that it stands in. */
export function maskSnippet(text: string, macros: ReadonlyMap<string, MacroDefinition>): MaskedSnippet {
  const tokens = new Blanker(text);
  const found = noAttributes();
  maskTokens(tokens, macros, found);
  return { text: tokens.toString(), ...found };
}

export interface MaskedSnippet extends Readonly<Attributes> {
  readonly text: string;
}

/** Text whose parts can be blanked without moving anything. */
class Blanker {
  private readonly pieces: { start: number; end: number; text: string }[] = [];
  readonly text: string;
  /** Where a statement was last given the semicolon that it lacks. */
  ended = -1;
  constructor(text: string) {
    this.text = text;
  }
  blank(start: number, end: number): void {
    this.replace(start, end, this.text.slice(start, end).replace(/[^\n\r]/g, ' '));
  }
  replace(start: number, end: number, text: string): void {
    if (end > start) this.pieces.push({ start, end, text });
  }
  /** The text with the pieces applied. */
  toString(): string {
    if (this.pieces.length === 0) return this.text;
    const sorted = [...this.pieces].sort((a, b) => a.start - b.start || b.end - a.end);
    const out: string[] = [];
    let at = 0;
    for (const p of sorted) {
      if (p.start < at) continue;
      out.push(this.text.slice(at, p.start), p.text);
      at = p.end;
    }
    out.push(this.text.slice(at));
    return out.join('');
  }
}

interface Group {
  /** Text of this group counts. */
  active: boolean;
  /** Some group of this conditional was taken. */
  decided: boolean;
  readonly outer: boolean;
  readonly start: number;
  readonly unknowns: Unknown[];
}

function chooseConfiguration(
  text: string,
  options: MaskOptions,
  chars: Blanker,
): Pick<MaskResult, 'choices' | 'redefinitions'> {
  const { macros, undefinedNames } = options.definitions;
  const choices: Choice[] = [];
  const redefinitions: Redefinition[] = [];
  const groups: Group[] = [];
  let active = true;
  let inactiveFrom = 0;
  const setActive = (next: boolean, at: number) => {
    if (active && !next) inactiveFrom = at;
    if (!active && next) chars.blank(inactiveFrom, at);
    active = next;
  };
  const holds = (d: Directive, next: Directive | undefined, unknowns: Unknown[]): boolean => {
    const judgement = judge(d.name, d.rest, options.definitions);
    // A header's guard, or a default: what is defined only where it is not yet is not yet.
    if (judgement.unknowns.length > 0 && d.name === 'ifndef' && next?.name === 'define') {
      if (next.rest.split(/\W/)[0] === d.rest.split(/\W/)[0]) return true;
    }
    unknowns.push(...judgement.unknowns);
    return judgement.holds;
  };
  const closeChoice = (group: Group, end: number) => {
    if (group.unknowns.length > 0) choices.push({ start: group.start, end, unknowns: group.unknowns });
  };
  const directives = findDirectives(text);
  for (const [i, d] of directives.entries()) {
    if (active) chars.blank(d.start, d.end);
    switch (d.name) {
      case 'if':
      case 'ifdef':
      case 'ifndef': {
        const unknowns: Unknown[] = [];
        const taken = active && holds(d, directives[i + 1], unknowns);
        groups.push({ active: taken, decided: taken, outer: active, start: d.start, unknowns });
        setActive(taken, d.end);
        break;
      }
      case 'elif':
      case 'elifdef':
      case 'elifndef':
      case 'else': {
        const group = groups[groups.length - 1];
        if (group === undefined) break;
        const taken = group.outer && !group.decided && (d.name === 'else' || holds(d, undefined, group.unknowns));
        group.active = taken;
        if (taken) group.decided = true;
        setActive(group.active, active ? d.start : d.end);
        break;
      }
      case 'endif': {
        const group = groups.pop();
        if (group === undefined) break;
        setActive(group.outer, d.end);
        closeChoice(group, d.end);
        break;
      }
      case 'define': {
        if (!active) {
          // What the file defines where it surely does not count is not what a build would define.
          const name = parseDefine(d.rest, options.path)?.name;
          const isSure = groups.find((g) => !g.active)?.unknowns.length === 0;
          if (isSure && name !== undefined && !macros.has(name) && isOpen(name)) undefinedNames.add(name);
          break;
        }
        const macro = parseDefine(d.rest, options.path);
        if (macro !== undefined) {
          const before = macros.get(macro.name);
          if (before !== undefined && differs(before, macro))
            redefinitions.push({ at: d.start, name: macro.name, before, after: macro });
          macros.set(macro.name, macro);
          undefinedNames.delete(macro.name);
        }
        break;
      }
      case 'undef':
        if (active) {
          // The body may still be used above; only conditions ask for definedness.
          undefinedNames.add(d.rest.split(/\W/)[0]!);
        }
        break;
      case 'include': {
        const match = INCLUDED.exec(d.rest);
        if (active && match !== null) options.include(match[0]);
        break;
      }
    }
  }
  if (!active) chars.blank(inactiveFrom, text.length);
  for (const group of groups) closeChoice(group, text.length);
  return { choices, redefinitions };
}

/** `typeof(e)` is a type to the grammar only for some `e`: the widest integer stands in for it. */
const TYPEOF_WORDS = new Set(['typeof', '__typeof__', '__typeof', 'typeof_unqual']);
const STAND_IN = 'int64_t';
/** Their last argument is a type, which the grammar takes for an expression where it is one word. */
const TYPE_TAKERS = new Set(['va_arg', '__builtin_va_arg']);
const TYPE_ARGUMENT = /,(\s*)((?:[A-Za-z_]\w*[\s*]+)+(?:[A-Za-z_]\w*)?)\)$/;

/** A type of several words or of a pointer becomes one word. */
function maskTypeArgument(chars: Blanker, text: string, from: number): void {
  const close = closing(text, skipSpace(text, from));
  const match = close < 0 ? null : TYPE_ARGUMENT.exec(text.slice(from, close));
  if (match === null) return;
  const start = from + match.index + 1 + match[1]!.length;
  const [word] = /^\w+/.exec(match[2]!)!;
  const rest = match[2]!.slice(word.length).replace(/[^\n\r]/g, ' ');
  chars.replace(start, start + match[2]!.length, pad('int', word.length).slice(0, word.length) + rest);
}

/** `offsetof(struct s, a.b[2])`: the grammar knows members of the record itself. */
function maskMember(chars: Blanker, text: string, from: number): void {
  const open = skipSpace(text, from);
  const close = text[open] === '(' ? closing(text, open) : -1;
  const match = close < 0 ? null : /^([^,]*,\s*\w+)(\s*[.[][^,]*)\)$/.exec(text.slice(open, close));
  if (match !== null) chars.blank(open + match[1]!.length, close - 1);
}

/** Leaves the type and the variable of a declaration with cleanup; gives the offset where the text goes on. */
function maskCleanup(chars: Blanker, text: string, start: number, end: number, found: Attributes): number {
  const open = skipSpace(text, end);
  const close = text[open] === '(' ? closing(text, open) : -1;
  const word = text.slice(start, end);
  const namesType = word.startsWith('g_auto') && close > 0;
  // Memory alone is freed.
  if (word !== 'g_autofree')
    found.cleanups.set(start, close > 0 && !namesType ? text.slice(open + 1, close - 1) : word);
  if (!namesType) {
    chars.blank(start, close > 0 ? close : end);
    return close > 0 ? close : end;
  }
  chars.blank(start, open + 1);
  if (word === 'g_auto') chars.blank(close - 1, close);
  else chars.replace(close - 1, close, '*');
  return close;
}

/** Object-like macros that are nothing but the beginning of an endless loop, or punctuation. */
const ENDLESS_BODY = /^(?:for\s*\(\s*;\s*;\s*\)|while\s*\(\s*(?:1|true)\s*\)|[{};\s]+)$/;

/** True when a macro begins a statement with this word and leaves it to be completed by what follows the call. */
function begins(word: RegExp, body: string): boolean {
  return word.test(body) && closing(body, body.indexOf('(')) > 0 && !/[;}]\s*$/.test(body);
}
const LOOP = /^(?:for|while)\s*\(/;
const IF = /^if\s*\(/;

/** One pass over the identifiers outside comments and strings. */
function maskTokens(chars: Blanker, macros: ReadonlyMap<string, MacroDefinition>, found: Attributes): void {
  const { text } = chars;
  const word = /[A-Za-z_]\w*|"|'|\/\*|\/\/|[{}]/g;
  let depth = 0;
  /** Past the function or record before. */
  let top = 0;
  const ordinary = new Set<string>();
  for (let match = word.exec(text); match !== null; match = word.exec(text)) {
    const w = match[0];
    if (ordinary.has(w)) continue;
    const start = match.index;
    const end = start + w.length;
    if (w === '"' || w === "'") {
      word.lastIndex = endOfString(text, start);
      continue;
    }
    if (w === '/*') {
      word.lastIndex = endOfComment(text, start);
      continue;
    }
    if (w === '//') {
      word.lastIndex = endOfLine(text, start);
      continue;
    }
    if (w === '{') {
      if (depth === 0) maskOldStyle(chars, text, top, start);
      depth++;
    } else if (w === '}') {
      depth = Math.max(0, depth - 1);
      if (depth === 0) top = end;
    } else if (isOrdinary(w, macros)) {
      ordinary.add(w);
    } else if (w === COMPUTED_GOTO) {
      if (text[skipSpace(text, end)] === '*') chars.replace(start, end, pad('+', w.length));
    } else if (w === 'case') {
      const dots = rangeIn(text, end);
      if (dots >= 0) chars.replace(dots, dots + RANGE.length, RANGE_STAND_IN);
    } else if (BLANKED_WITH_ARGUMENT.has(w)) {
      const close = closing(text, skipSpace(text, end));
      if (close > 0) {
        noteAttribute(text.slice(end, close), start, found);
        chars.blank(start, close);
        word.lastIndex = close;
      }
    } else if (TYPE_TAKERS.has(w)) {
      maskTypeArgument(chars, text, end);
    } else if (w === 'offsetof') {
      maskMember(chars, text, end);
    } else if (w === '_Atomic') {
      const open = skipSpace(text, end);
      const close = text[open] === '(' ? closing(text, open) : -1;
      if (close > 0) {
        chars.blank(open, open + 1);
        chars.blank(close - 1, close);
      }
    } else if (!macros.has(w) && isCleanupWord(w)) {
      word.lastIndex = maskCleanup(chars, text, start, end, found);
    } else if (TYPEOF_WORDS.has(w)) {
      const close = closing(text, skipSpace(text, end));
      // Not as an argument, where any name is a type.
      if (close > 0 && !inFrontOf(text, start).endsWith(',')) {
        const blank = text.slice(start + STAND_IN.length, close).replace(/[^\n\r]/g, ' ');
        if (!/[\n\r]/.test(text.slice(start, start + STAND_IN.length))) {
          chars.replace(start, close, STAND_IN + blank);
        }
        word.lastIndex = close;
      }
    } else if (w === 'struct' || w === 'union' || w === 'enum') {
      if (depth > 0 && isTypeAsArgument(inFrontOf(text, start), text.slice(end, end + 80))) chars.blank(start, end);
    } else if (
      !macros.has(w) &&
      (ATTRIBUTE_WORDS.has(w) ? !isDeclaredName(text, start, end) : isParameterAttribute(text, start, end, w))
    ) {
      if (NORETURN_WORDS.has(w)) found.noreturns.push(start);
      const at = skipSpace(text, end);
      const close = w === '__printf' && text[at] === '(' ? closing(text, at) : end;
      chars.blank(start, close);
    } else {
      word.lastIndex = maskMacro(chars, text, start, end, w, depth, macros, found);
    }
  }
}

/** GNU `goto *e;` is no C to the grammar: the value of a sign, in a statement of its own, stands in for it. */
export const COMPUTED_GOTO = 'goto';

/** They and what stands in parentheses behind them say nothing that is followed, cleanup functions apart. */
const BLANKED_WITH_ARGUMENT: ReadonlySet<string> = new Set([
  '__attribute__',
  '__attribute',
  '__declspec',
  '_Alignas',
  '_Pragma',
]);

/** Words to which something is done in some places: all that maskTokens asks for. */
const TREATED: ReadonlySet<string> = new Set([
  COMPUTED_GOTO,
  'case',
  ...BLANKED_WITH_ARGUMENT,
  'offsetof',
  '_Atomic',
  'struct',
  'union',
  'enum',
  ...TYPE_TAKERS,
  ...TYPEOF_WORDS,
  ...ATTRIBUTE_WORDS,
]);

/** Nothing is done to the word, wherever it stands: nearly all of a text are such. */
function isOrdinary(word: string, macros: ReadonlyMap<string, MacroDefinition>): boolean {
  return (
    !TREATED.has(word) &&
    !macros.has(word) &&
    !isCleanupWord(word) &&
    !soundsLikeAttribute(word) &&
    !FOR_EACH.test(word) &&
    !ASSERTION.test(word) &&
    !STATEMENT_MACRO.test(word)
  );
}

/** Names of macros that begin a loop, and of ones that may stand for statements, wherever they are defined. */
const FOR_EACH = /for_each|foreach|FOREACH|FOR_EACH/;
const STATEMENT_MACRO = /^[A-Z][A-Z0-9_]+$/;
/** Assertions, whose arguments may be no C, and behind which a block may stand. */
const ASSERTION = /assert|expect/i;
/** `g_assert_cmpint(a, ==, b)`. */
const OPERATOR_ARGUMENT = /,(\s*(?:[=!<>]=|[<>])\s*),/g;

/** GNU `case low ... high:` is no C to the grammar; no operator binds weaker than the one that stands in for it. */
export const RANGE = '...';
const RANGE_STAND_IN = '|| ';

/** Where the range stands in a case label that begins behind `case`, or -1. */
function rangeIn(text: string, from: number): number {
  let depth = 0;
  let conditionals = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"' || c === "'") i = endOfString(text, i) - 1;
    else if (c === '/' && text[i + 1] === '*') i = endOfComment(text, i) - 1;
    else if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === '?') conditionals++;
    else if (c === ':' && conditionals > 0) conditionals--;
    else if (depth < 0 || /[;{}:]/.test(c)) return -1;
    else if (c === '.' && text.startsWith(RANGE, i)) return i;
  }
  return -1;
}

/** The head of an old-style definition is looked for this far before its body. */
const MAX_HEAD = 2000;
const OLD_STYLE =
  /(\*[\s*]*)[A-Za-z_]\w*\s*\(\s*[A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*\s*\)\s*(?:[A-Za-z_][^;{}=]*;\s*)+$/;

/** The grammar knows no `char *f(a) int a; {`: the pointer that it returns is blanked. */
function maskOldStyle(chars: Blanker, text: string, top: number, brace: number): void {
  const from = Math.max(top, brace - MAX_HEAD);
  const head = text.slice(from, brace).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, (comment) => ' '.repeat(comment.length));
  if (!/;\s*$/.test(head)) return;
  const match = OLD_STYLE.exec(head);
  if (match !== null) chars.blank(from + match.index, from + match.index + match[1]!.length);
}

/** `g_new0(struct pollfd, n)`, `list_entry(p, struct child, link)`: calls of macros, which are no calls of C's grammar. */
function isTypeAsArgument(before: string, after: string): boolean {
  if (before.endsWith(',')) return /^\s+[A-Za-z_]\w*\s*\**\s*[,)]/.test(after);
  const callee = /([A-Za-z_]\w*)\s*\($/.exec(before)?.[1];
  if (callee === undefined || /^(?:sizeof|offsetof|_Alignof|alignof|__alignof__|typeof|__typeof__)$/.test(callee))
    return false;
  return /^\s+[A-Za-z_]\w*\s*\**\s*,/.test(after);
}

/** The text in front of an offset without the white space that it ends with, as far back as somebody looks. */
function inFrontOf(text: string, at: number): string {
  let end = at;
  while (end > 0 && /\s/.test(text[end - 1]!)) end--;
  return text.slice(Math.max(0, end - 40), end);
}

/** Deals with a macro's name; returns where the scan goes on. */
function maskMacro(
  chars: Blanker,
  text: string,
  start: number,
  end: number,
  name: string,
  depth: number,
  macros: ReadonlyMap<string, MacroDefinition>,
  found: Attributes,
): number {
  const macro = macros.get(name);
  const open = skipSpace(text, end);
  const called = text[open] === '(';
  const alone = macro !== undefined && macro.parameters === undefined ? attributesOf(name, macros) : undefined;
  if (alone !== undefined) {
    noteAttribute(alone, start, found);
    // `inline` and `static` matter less than a clean parse.
    chars.blank(start, end);
    return end;
  }
  if (macro !== undefined && macro.parameters === undefined && ENDLESS_BODY.test(macro.body)) {
    // Half of a pair of braces whose other half stays a name would end the function.
    if (openBraces(macro.body) !== 0 && leavesBraces(macros)) return end;
    const short = macro.body.replace(/\s+/g, '');
    if (short.length <= end - start) chars.replace(start, end, pad(short, end - start));
    return end;
  }
  if (!called) return end;
  const close = closing(text, open);
  if (close < 0) return end;
  if (macro?.parameters !== undefined) {
    if (begins(LOOP, macro.body)) {
      // The lowering expands the macro; a short name has room for an `if` only, which has the same shape.
      chars.replace(start, end, pad(end - start < 'while'.length ? 'if' : 'while', end - start));
      return end;
    }
    if (IF.test(macro.body) && closing(macro.body, macro.body.indexOf('(')) === macro.body.length) {
      chars.replace(start, end, pad('if', end - start));
      return end;
    }
    const attributes = macro.body === '' ? undefined : attributesOf(text.slice(start, close), macros);
    if (attributes !== undefined) {
      noteAttribute(attributes, start, found);
      chars.blank(start, close);
      return close;
    }
  } else if (macro === undefined && depth > 0 && FOR_EACH.test(name) && end - start >= 5) {
    const after = skipSpace(text, close);
    if (text[after] !== ';' && text[after] !== ')') {
      chars.replace(start, end, pad('while', end - start));
      return end;
    }
  }
  const isAssertion = macro === undefined && ASSERTION.test(name);
  if (isAssertion) maskOperators(chars, text, open, close);
  if (
    depth > 0 &&
    (macro?.parameters !== undefined || isAssertion || STATEMENT_MACRO.test(name)) &&
    startsStatement(text, start, chars.ended)
  ) {
    // A macro call without semicolon in front of the next statement would make a declaration of it.
    const after = skipComments(text, close);
    const follows = /[A-Za-z_}*]/.test(text[after] ?? '') && text.slice(close, after).includes('\n');
    if (after > close && /\s/.test(text[close]!) && (follows || (isAssertion && text[after] === '{'))) {
      chars.replace(close, close + 1, ';');
      chars.ended = close;
    }
  }
  if (depth === 0 && macro?.parameters !== undefined && standsAlone(text, start, close)) {
    // `EVENTS(COUNTER)` on a line of its own, where what it expands to is whole: else it is the head of what follows.
    const names = [name, ...(text.slice(open, close).match(/[A-Za-z_]\w*/g) ?? [])];
    if (names.some((n) => /[;}]\s*$/.test(macros.get(n)?.body ?? ''))) chars.replace(close, close + 1, ';');
  }
  return end;
}

/** A comparison that an assertion is given in three arguments becomes one. */
function maskOperators(chars: Blanker, text: string, open: number, close: number): void {
  for (const { 0: found, 1: operator, index } of text.slice(open, close).matchAll(OPERATOR_ARGUMENT))
    chars.replace(open + index, open + index + found.length, ` ${operator!} `);
}

/** The call begins a line, and what follows it begins one too. */
function standsAlone(text: string, start: number, close: number): boolean {
  if (start > 0 && text[start - 1] !== '\n') return false;
  const after = /^[ \t\r]*\n\s*/.exec(text.slice(close, close + MAX_LINE))?.[0].length;
  return after !== undefined && /[A-Za-z_#/]/.test(text[close + after] ?? '');
}

function openBraces(body: string): number {
  return (body.match(/\{/g)?.length ?? 0) - (body.match(/\}/g)?.length ?? 0);
}

/** Some macro opens or closes a block and is more than that. */
function leavesBraces(macros: ReadonlyMap<string, MacroDefinition>): boolean {
  for (const { body } of macros.values()) if (openBraces(body) !== 0 && !ENDLESS_BODY.test(body)) return true;
  return false;
}

function pad(word: string, length: number): string {
  return length >= word.length ? word + ' '.repeat(length - word.length) : word.slice(0, length);
}

/** The next place at which something stands that is no comment. */
function skipComments(text: string, at: number): number {
  let i = skipSpace(text, at);
  for (;;) {
    if (text.startsWith('/*', i)) i = skipSpace(text, endOfComment(text, i));
    else if (text.startsWith('//', i)) i = skipSpace(text, endOfLine(text, i));
    else return i;
  }
}

/** `ended` is where a statement was given the semicolon that it lacks. */
function startsStatement(text: string, at: number, ended: number): boolean {
  let i = at - 1;
  for (;;) {
    while (i >= 0 && /\s/.test(text[i]!)) i--;
    if (i < 0 || i + 1 === ended) return true;
    const comment = commentEndingAt(text, i);
    if (comment === undefined) return /[;{}:]/.test(text[i]!);
    i = comment - 1;
  }
}

/** Longer lines are not looked at for a comment at their end. */
const MAX_LINE = 1000;

/** Where the comment begins that this character is the last one of. */
function commentEndingAt(text: string, last: number): number | undefined {
  if (text[last] === '/' && text[last - 1] === '*') return Math.max(0, text.lastIndexOf('/*', last - 2));
  const start = text.lastIndexOf('\n', last) + 1;
  if (last - start > MAX_LINE) return undefined;
  const comment = /^(?:[^"'/]|\/(?![/*])|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*?\/\//.exec(text.slice(start, last + 1));
  return comment === null ? undefined : start + comment[0].length - 2;
}
