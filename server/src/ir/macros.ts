/** Expansion of a project's macros, with a way back from the expansion's offsets to the source. */
import type { CParser, MacroDefinition, ParsedSnippet, SyntaxNode } from '../syntax/tree.ts';
import type { Builder, View } from './builder.ts';
import { prescanned } from './prescan.ts';
import { MAX_EXPANSION, rescan } from './rescan.ts';
import { isMisread, NO_CLEANUPS, parseSnippet, type Snippet } from './snippets.ts';
import { type Piece, type Substitution, splitArguments, substitute } from './substitute.ts';
import { STATEMENT, type Surrounding, splicingOf, statementsOf } from './templates.ts';

const MAX_DEPTH = 24;

export interface Expansion {
  /** The parser met something in it that it does not know. */
  readonly hasError: boolean;
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
  const macros = b.macrosAt(node);
  const texts = args === undefined ? undefined : prescanned(macro, splitArguments(b.view.text, node), macros);
  const splicing = args && texts && splicingOf(b.unit.parser, { macro, macros, nodes: args, texts, surrounding });
  const { text, pieces } = splicing ?? surrounded(substitute(macro, texts), surrounding);
  if (text.length - surrounding.before.length - surrounding.after.length > MAX_EXPANSION) return undefined;
  let snippets = b.unit.snippets.get(macros);
  if (snippets === undefined) {
    snippets = new Map();
    b.unit.snippets.set(macros, snippets);
  }
  let snippet = snippets.get(text);
  if (snippet === undefined) {
    const statements = splicing?.statements();
    snippet =
      statements === undefined
        ? parsedSnippet(b.unit.parser, text, macro.name, surrounding, macros)
        : { text, written: text, isRescanned: false, statements, hasError: false, cleanups: NO_CLEANUPS };
    snippets.set(text, snippet);
  }
  const { statements, hasError } = snippet;
  if (statements === undefined) return undefined;
  const view = viewOf(snippet, snippet.isRescanned ? [] : pieces, b.view, macro, node);
  return { hasError, view, statements };
}

/** The text with what stands around it. */
export function surrounded({ text, pieces }: Substitution, { before, after }: Surrounding) {
  const by = before.length;
  return {
    text: `${before}${text}${after}`,
    pieces: pieces.map(({ from, to, outer }) => ({ from: from + by, to: to + by, outer })),
  };
}

function parsedSnippet(
  parser: CParser,
  written: string,
  name: string,
  { before, after }: Surrounding,
  macros: ReadonlyMap<string, MacroDefinition>,
): ParsedSnippet {
  const parsed = parseSnippet(parser, written, macros);
  if (parsed.root.hasError || isMisread(parsed.root)) {
    // Macros that follow each other with nothing between are no C before they are expanded, too.
    const text = written.slice(before.length, written.length - after.length);
    const further = rescan(text, macros, { hidden: [name] })?.text ?? text;
    const rewritten = before + further + after;
    const other = further === text ? undefined : parseSnippet(parser, rewritten, macros);
    if (other?.root.hasError === false) return asBody(other, rewritten, true);
  }
  return asBody(parsed, written, false);
}

function asBody({ text, root, cleanups }: Snippet, written: string, isRescanned: boolean): ParsedSnippet {
  return { text, written, isRescanned, statements: statementsOf(root), hasError: root.hasError, cleanups };
}

/** The expansion of a macro used by `node`; what is no piece of an argument stands where the use does. */
function viewOf(
  { text, written, cleanups }: ParsedSnippet,
  pieces: readonly Piece[],
  outer: View,
  macro: MacroDefinition,
  node: SyntaxNode,
): View {
  const site = outer.spanOf(node.start, node.end);
  return {
    text,
    original: written,
    cleanups,
    spanOf: (start, end) => {
      const p = pieceAround(pieces, start, end);
      return p === undefined ? site : outer.spanOf(start + p.outer - p.from, end + p.outer - p.from);
    },
    blocked: (name, start, end) => {
      const p = pieceAround(pieces, start, end);
      if (p === undefined) return name === macro.name || (outer.blocked?.(name, node.start, node.end) ?? false);
      return outer.blocked?.(name, start + p.outer - p.from, end + p.outer - p.from) ?? false;
    },
  };
}

function pieceAround(pieces: readonly Piece[], start: number, end: number): Piece | undefined {
  for (const piece of pieces) if (piece.from <= start && end <= piece.to) return piece;
  return undefined;
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
