/** Expansion of a project's macros, with a way back from the expansion's offsets to the source. */
import { closing } from '../syntax/preprocess.ts';
import type { MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import type { Builder, View } from './builder.ts';
import { parseSnippet } from './snippets.ts';
import { type ArgumentText, splitArguments, substitute } from './substitute.ts';
import { STATEMENT, type Surrounding, splicedTree } from './templates.ts';

/** Expansions larger than this are not followed. */
const MAX_EXPANSION = 20_000;
const MAX_DEPTH = 24;

export interface Expansion {
  readonly root: SyntaxNode;
  readonly view: View;
  /** Statements of the expansion (it was parsed as the body of a function). */
  readonly statements: readonly SyntaxNode[];
}

/** Expands a macro used by `node` (an identifier or a call); undefined when it cannot be done. */
export function expand(
  b: Builder,
  macro: MacroDefinition,
  node: SyntaxNode,
  args: readonly SyntaxNode[] | undefined,
  surrounding: Surrounding = STATEMENT,
): Expansion | undefined {
  if (b.expanding.length >= MAX_DEPTH || b.blocked(macro.name, node)) return undefined;
  const outer = b.view;
  const texts = args === undefined ? undefined : splitArguments(outer.text, node);
  const given = substitute(macro, texts);
  const { text } = given;
  if (text.length > MAX_EXPANSION) return undefined;
  const original = `${surrounding.before}${text}${surrounding.after}`;
  const shiftedBy = surrounding.before.length;
  const macros = b.macrosAt(node);
  let snippets = b.unit.snippets.get(macros);
  if (snippets === undefined) {
    snippets = new Map();
    b.unit.snippets.set(macros, snippets);
  }
  let snippet = snippets.get(original);
  if (snippet === undefined) {
    const parse = (expansion: string, isRescanned: boolean) => {
      const written = surrounding.before + expansion + surrounding.after;
      const { text: masked, root } = parseSnippet(b.unit.parser, written, macros);
      return { text: masked, written, isRescanned, root };
    };
    const use = texts && args && { macro, macros, nodes: args, texts, surrounding, written: original };
    const spliced = use && splicedTree(b.unit.parser, use);
    snippet = spliced
      ? { text: original, written: original, isRescanned: false, root: spliced.root }
      : parse(text, false);
    // Macros that follow each other with nothing between are no C before they are expanded, too.
    const further = snippet.root.hasError ? rescanned(text, macros, [macro.name]) : text;
    const other = further === text || further.length > MAX_EXPANSION ? undefined : parse(further, true);
    if (other?.root.hasError === false) snippet = other;
    snippets.set(original, snippet);
  }
  const { text: whole, root } = snippet;
  const pieces = snippet.isRescanned ? [] : given.pieces;
  const site = outer.spanOf(node.start, node.end);
  const pieceAt = (start: number, end: number) =>
    pieces.find((p) => p.from <= start - shiftedBy && end - shiftedBy <= p.to);
  const view: View = {
    text: whole,
    original: snippet.written,
    spanOf: (start, end) => {
      const p = pieceAt(start, end);
      const shift = p === undefined ? 0 : p.outer - p.from - shiftedBy;
      return p === undefined ? site : outer.spanOf(start + shift, end + shift);
    },
    blocked: (name, start, end) => {
      const p = pieceAt(start, end);
      if (p === undefined) return name === macro.name || (outer.blocked?.(name, node.start, node.end) ?? false);
      const shift = p.outer - p.from - shiftedBy;
      return outer.blocked?.(name, start + shift, end + shift) ?? false;
    },
  };
  const body = root.children[0]?.children.find((c) => c.type === 'compound_statement');
  if (body === undefined) return undefined;
  const statements = body.children.filter((c) => c.type !== '{' && c.type !== '}' && c.type !== 'comment');
  return { root, view, statements };
}

/** The text with the macros in it expanded, but for those that are being expanded (C17 6.10.3.4). */
function rescanned(text: string, macros: ReadonlyMap<string, MacroDefinition>, hidden: readonly string[]): string {
  if (hidden.length > MAX_DEPTH) return text;
  let out = '';
  const word = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z_]\w*/g;
  let from = 0;
  for (let match = word.exec(text); match !== null && out.length <= MAX_EXPANSION; match = word.exec(text)) {
    const name = match[0];
    const macro = hidden.includes(name) ? undefined : macros.get(name);
    if (macro === undefined) continue;
    let end = match.index + name.length;
    let args: ArgumentText[] | undefined;
    if (macro.parameters !== undefined) {
      const open = /^\s*\(/.exec(text.slice(end));
      const close = open === null ? -1 : closing(text, end + open[0].length - 1);
      if (close < 0) continue;
      args = splitArguments(text, { start: end, end: close });
      end = close;
    }
    out += text.slice(from, match.index) + rescanned(substitute(macro, args).text, macros, [...hidden, name]);
    from = end;
    word.lastIndex = end;
  }
  return out + text.slice(from);
}

/** Runs `body` with the builder looking at the expansion. */
export function within<T>(b: Builder, macro: MacroDefinition, view: View, body: () => T): T {
  const saved = b.view;
  b.view = view;
  b.expanding.push(macro.name);
  try {
    return body();
  } finally {
    b.expanding.pop();
    b.view = saved;
  }
}
