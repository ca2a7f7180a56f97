/**
 * Bodies of functions in which calls of macros are no C before they are expanded: a macro that is a case label or one
 * half of a block, statements as an argument, calls that follow each other with nothing between. Their text is
 * expanded as the preprocessor would do it, and parsed again.
 */
import { isAttribute } from '../syntax/attributes.ts';
import { maskSnippet } from '../syntax/mask.ts';
import { closing } from '../syntax/preprocess.ts';
import type { CParser, MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import type { View } from './builder.ts';
import { type Part, type RescanOptions, rescan } from './rescan.ts';

/** Longer bodies are left as they are. */
const MAX_BODY = 100_000;
/** What stands around a body when it is parsed. */
const BEFORE = 'void f(void)';

/** A body to be lowered in the view that it was written out in. */
export interface WrittenOut {
  readonly body: SyntaxNode;
  readonly view: View;
}

const structural = new WeakMap<ReadonlyMap<string, MacroDefinition>, ReadonlySet<string>>();

/** Macros that are no whole expression and no whole statements, whatever their arguments are. */
export function structuralMacros(macros: ReadonlyMap<string, MacroDefinition>): ReadonlySet<string> {
  let found = structural.get(macros);
  if (found === undefined) {
    found = findStructural(macros);
    structural.set(macros, found);
  }
  return found;
}

function findStructural(macros: ReadonlyMap<string, MacroDefinition>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { name, body } of macros.values()) if (isStructural(body)) found.add(name);
  // One that stands for another is as that one.
  for (let before = -1; before < found.size; ) {
    before = found.size;
    if (before === 0) break;
    for (const { name, body } of macros.values())
      if (!found.has(name) && (body.match(/[A-Za-z_]\w*/g) ?? []).some((word) => found.has(word))) found.add(name);
  }
  return found;
}

function isStructural(body: string): boolean {
  // A declaration with such an attribute is one, whatever follows the call.
  if (/\b_*cleanup_*\s*\(/.test(body) && !isAttribute(body)) return true;
  if (!/[{}]|\b(?:case|default|else)\b/.test(body)) return false;
  if (/^\s*else\b/.test(body)) return true;
  // Of braces; and of parentheses too: `default:` in _Generic() is no label.
  let depth = 0;
  let inside = 0;
  for (const [token] of body.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}()]|\bcase\b|\bdefault\s*:/g)) {
    if (token === '{') depth++;
    else if (token === '}') depth--;
    else if (token === '(') inside++;
    else if (token === ')') inside--;
    else if (depth === 0 && inside === 0 && /^[cd]/.test(token)) return true;
    if (depth < 0) return true;
  }
  return depth !== 0;
}

/** The text calls one of these macros. */
export function callsOneOf(macros: ReadonlySet<string>, text: string): boolean {
  if (macros.size === 0) return false;
  for (const [word] of text.matchAll(/[A-Za-z_]\w*/g)) if (macros.has(word)) return true;
  return false;
}

/** A text of the file with macros in it expanded, parsed, and the view that it is to be lowered in. */
export interface Expanded {
  readonly root: SyntaxNode;
  readonly view: View;
}

/**
 * The body with these macros expanded; undefined where the parser does not understand it better for that. `outer` is
 * the view of the file.
 */
export function writeOut(
  parser: CParser,
  outer: View,
  body: SyntaxNode,
  macros: ReadonlyMap<string, MacroDefinition>,
  options: Pick<RescanOptions, 'isWanted' | 'macrosAt'>,
): WrittenOut | undefined {
  const made = expandRange(parser, outer, body, macros, { ...options, before: BEFORE, after: '' });
  const written = made?.root.children[0]?.children.find((c) => c.type === 'compound_statement');
  if (made === undefined || written === undefined || written.end !== made.view.text.length) return undefined;
  return { body: written, view: made.view };
}

/** Declarations, or a part of one, with macros in them expanded, all if not told otherwise; undefined as with bodies. */
export function expanded(
  parser: CParser,
  outer: View,
  range: Pick<SyntaxNode, 'start' | 'end'>,
  macros: ReadonlyMap<string, MacroDefinition>,
  { isWanted, after = '' }: ExpandOptions = {},
): Expanded | undefined {
  return expandRange(parser, outer, range, macros, { isWanted, before: '', after });
}

export interface ExpandOptions {
  readonly isWanted?: ((name: string) => boolean) | undefined;
  /** What stands behind the text when it is parsed. */
  readonly after?: string;
}

interface Around extends Pick<RescanOptions, 'isWanted' | 'macrosAt'> {
  readonly before: string;
  readonly after: string;
}

function expandRange(
  parser: CParser,
  outer: View,
  range: Pick<SyntaxNode, 'start' | 'end'>,
  macros: ReadonlyMap<string, MacroDefinition>,
  { isWanted, macrosAt, before, after }: Around,
): Expanded | undefined {
  if (range.end - range.start > MAX_BODY) return undefined;
  const given = withNames(outer, range, macros);
  const made = rescan(given, macros, { isWanted, macrosAt, most: 2 * MAX_BODY });
  if (made === undefined || made.text === given) return undefined;
  const written = before + made.text + after;
  // Not kept as expansions are: whole bodies do not recur, and their trees are large.
  const { text, cleanups, noreturns, constructors } = maskSnippet(written, macros);
  const root = parser.parse(text);
  if (root.hasError) return undefined;
  const source = wayBack(made.parts, range.start);
  const view: View = {
    text,
    original: written,
    cleanups,
    attributes: { noreturns, constructors },
    spanOf: (start, end) => {
      const [from, to] = source(start - before.length, end - before.length);
      return outer.spanOf(from, to);
    },
    blocked: (name, start) => partAt(made.parts, start - before.length).hidden.includes(name),
  };
  return { root, view };
}

/**
 * The masked text of a body, with the names of macros that the mask put something else in the place of, and with the
 * attributes that it blanked: the expansion is masked again.
 */
function withNames(
  { text, original, cleanups }: View,
  { start, end }: Pick<SyntaxNode, 'start' | 'end'>,
  macros: ReadonlyMap<string, unknown>,
): string {
  let masked = text.slice(start, end);
  if (original === undefined) return masked;
  for (const at of cleanups.keys()) {
    if (at < start || at >= end) continue;
    const [word, open] = /^\w+\s*(\()?/.exec(original.slice(at, end)) ?? [''];
    const behind = open === undefined ? at + word.length : closing(original, at + word.length - 1);
    masked = masked.slice(0, at - start) + original.slice(at, behind) + masked.slice(behind - start);
  }
  return masked.replace(/[A-Za-z_]\w*[ \t]*|;/g, (word, offset: number) => {
    // A semicolon that the mask added: it does so again.
    if (word === ';') return original[start + offset]!.replace(/\S/, word);
    const written = original.slice(start + offset, start + offset + word.length);
    const name = written === word ? undefined : /^[A-Za-z_]\w*\s*$/.exec(written)?.[0].trimEnd();
    return name !== undefined && macros.has(name) ? written : word;
  });
}

/** From a range of the expanded text to one of the source. */
function wayBack(parts: readonly Part[], origin: number): (start: number, end: number) => readonly [number, number] {
  return (start, end) => {
    const [first, last] = [partAt(parts, start), partAt(parts, Math.max(start, end - 1))];
    const from = first.at === undefined ? first.call!.start : first.at + start - first.from;
    const to = last.at === undefined ? last.call!.end : last.at + end - last.from;
    return [origin + Math.min(from, to), origin + Math.max(from, to)];
  };
}

/** The part that the offset lies in, or the one next to it. */
function partAt(parts: readonly Part[], offset: number): Part {
  let low = 0;
  let high = parts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (parts[middle]!.from <= offset) low = middle;
    else high = middle - 1;
  }
  return parts[low]!;
}
