/** Expansion of a project's macros, with a way back from the expansion's offsets to the source. */
import type { MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import type { Builder, View } from './builder.ts';
import { prescanned } from './prescan.ts';
import { MAX_EXPANSION, rescan } from './rescan.ts';
import { NO_CLEANUPS, parseSnippet } from './snippets.ts';
import { splitArguments, substitute } from './substitute.ts';
import { STATEMENT, type Surrounding, splicedTree } from './templates.ts';
import { child } from './types.ts';

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
  const macros = b.macrosAt(node);
  const texts = args === undefined ? undefined : prescanned(macro, splitArguments(outer.text, node), macros);
  const given = substitute(macro, texts);
  const { text } = given;
  if (text.length > MAX_EXPANSION) return undefined;
  const original = `${surrounding.before}${text}${surrounding.after}`;
  const shiftedBy = surrounding.before.length;
  let snippets = b.unit.snippets.get(macros);
  if (snippets === undefined) {
    snippets = new Map();
    b.unit.snippets.set(macros, snippets);
  }
  let snippet = snippets.get(original);
  if (snippet === undefined) {
    const parse = (expansion: string, isRescanned: boolean) => {
      const written = surrounding.before + expansion + surrounding.after;
      return { ...parseSnippet(b.unit.parser, written, macros), written, isRescanned };
    };
    const use = texts && args && { macro, macros, nodes: args, texts, surrounding, written: original };
    const spliced = use && splicedTree(b.unit.parser, use);
    snippet = spliced
      ? { text: original, written: original, isRescanned: false, root: spliced.root, cleanups: NO_CLEANUPS }
      : parse(text, false);
    // Macros that follow each other with nothing between are no C before they are expanded, too.
    if (snippet.root.hasError || isMisread(snippet.root)) {
      const further = rescan(text, macros, { hidden: [macro.name] })?.text ?? text;
      const other = further === text ? undefined : parse(further, true);
      if (other?.root.hasError === false) snippet = other;
    }
    snippets.set(original, snippet);
  }
  const { text: whole, root, cleanups } = snippet;
  const pieces = snippet.isRescanned ? [] : given.pieces;
  const site = outer.spanOf(node.start, node.end);
  const pieceAt = (start: number, end: number) =>
    pieces.find((p) => p.from <= start - shiftedBy && end - shiftedBy <= p.to);
  const view: View = {
    text: whole,
    original: snippet.written,
    cleanups,
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

/** Some call of a macro in front of a statement is a declaration to the grammar. */
function isMisread(root: SyntaxNode): boolean {
  const left = [root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node.type === 'declaration' && declaresFunction(node)) return true;
    for (const c of node.children) if (c.children.length > 0) left.push(c);
  }
  return false;
}

/** `MACRO(x) f(y);` without a semicolon after the macro is a declaration of `f` to the grammar. */
export function declaresFunction(declaration: SyntaxNode): boolean {
  return (
    child(declaration, 'type')?.type === 'macro_type_specifier' &&
    declaration.children.some((c) => c.field === 'declarator' && c.type === 'function_declarator')
  );
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
