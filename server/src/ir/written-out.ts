/**
 * Bodies of functions in which calls of macros are no C before they are expanded: a macro that is a case label or one
 * half of a block, statements as an argument, calls that follow each other with nothing between. Their text is
 * expanded as the preprocessor would do it, and parsed again.
 */
import type { CParser, MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import type { View } from './builder.ts';
import { type Part, rescan } from './rescan.ts';
import { parseSnippet } from './snippets.ts';

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

/**
 * The body with these macros expanded; undefined where the parser does not understand it better for that. `outer` is
 * the view of the file.
 */
export function writeOut(
  parser: CParser,
  outer: View,
  body: SyntaxNode,
  macros: ReadonlyMap<string, MacroDefinition>,
  isWanted: (name: string) => boolean,
): WrittenOut | undefined {
  if (body.end - body.start > MAX_BODY) return undefined;
  const given = withNames(outer, body, macros);
  const expanded = rescan(given, macros, { isWanted, most: 2 * MAX_BODY });
  if (expanded === undefined || expanded.text === given) return undefined;
  const written = BEFORE + expanded.text;
  const { text, root } = parseSnippet(parser, written, macros);
  const made = root.children[0]?.children.find((c) => c.type === 'compound_statement');
  if (root.hasError || made === undefined || made.end !== written.length) return undefined;
  const source = wayBack(expanded.parts, body.start);
  const view: View = {
    text,
    original: written,
    spanOf: (start, end) => {
      const [from, to] = source(start - BEFORE.length, end - BEFORE.length);
      return outer.spanOf(from, to);
    },
    blocked: (name, start) => partAt(expanded.parts, start - BEFORE.length).hidden.includes(name),
  };
  return { body: made, view };
}

/** The masked text of a body, with the names of macros that the mask put something else in the place of. */
function withNames({ text, original }: View, { start, end }: SyntaxNode, macros: ReadonlyMap<string, unknown>): string {
  const masked = text.slice(start, end);
  if (original === undefined) return masked;
  return masked.replace(/[A-Za-z_]\w*[ \t]*/g, (word, offset: number) => {
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
