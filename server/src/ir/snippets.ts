/**
 * Trees of expansions, kept between files and runs: the same macros are used again and again, most of them with another
 * message each time. What a string says does not change the tree around it, so one tree serves for all such texts.
 */
import { maskSnippet } from '../syntax/mask.ts';
import { type CParser, type MacroDefinition, nodeWith, type SyntaxNode } from '../syntax/tree.ts';
import { child } from './types.ts';

/** A text with an `a` for each run of characters in its strings: that continues no escape sequence. */
interface Shape {
  readonly key: string;
  /** Where these runs end in the text. */
  readonly ends: readonly number[];
}

interface Known {
  readonly text: string;
  readonly ends: readonly number[];
  readonly root: SyntaxNode;
}

const known = new WeakMap<CParser, Map<string, Known>>();
const MAX_KNOWN = 2000;

/** An expansion as it was parsed: masked, and of the same length. */
export interface Snippet {
  readonly text: string;
  readonly root: SyntaxNode;
  /** Offsets of cleanup attributes, with the function's name. */
  readonly cleanups: ReadonlyMap<number, string>;
}

export const NO_CLEANUPS: ReadonlyMap<number, string> = new Map();

/** By the macros that hold: shapes in which nothing is masked. */
const plain = new WeakMap<ReadonlyMap<string, MacroDefinition>, Set<string>>();

export function parseSnippet(parser: CParser, written: string, macros: ReadonlyMap<string, MacroDefinition>): Snippet {
  let shapes = plain.get(macros);
  if (shapes === undefined) {
    shapes = new Set();
    plain.set(macros, shapes);
  }
  const shape = shapeOf(written);
  const { text, cleanups } = shapes.has(shape.key)
    ? { text: written, cleanups: NO_CLEANUPS }
    : maskSnippet(written, macros);
  if (text !== written) return { text, root: treeOf(parser, text, shapeOf(text)), cleanups };
  shapes.add(shape.key);
  return { text, root: treeOf(parser, text, shape), cleanups };
}

function treeOf(parser: CParser, text: string, { key, ends }: Shape): SyntaxNode {
  let trees = known.get(parser);
  if (trees === undefined || trees.size >= MAX_KNOWN) {
    trees = new Map();
    known.set(parser, trees);
  }
  const like = trees.get(key);
  if (like?.text === text) return like.root;
  // How a damaged text is recovered depends on the lengths of its parts.
  if (like?.root.hasError === false) return restrung(like, ends);
  const root = parser.parse(text);
  trees.set(key, { text, ends, root });
  return root;
}

const STRING = /"(?:[^"\\\n]|\\[\s\S])*"/g;
/** An escape sequence, or what stands between two of them. */
const PART = /\\[\s\S]|[^\\]+/g;
/** An escape sequence that may go on behind its second character. */
const LONG_ESCAPE = /\\[\dxuU]/;
/** Where these stand outside of strings, what looks like a string may be none. */
const MISLEADING = /'|\/[/*]/;

function shapeOf(text: string): Shape {
  const ends: number[] = [];
  const key = text.replace(STRING, (literal, at: number) => {
    if (LONG_ESCAPE.test(literal)) return literal;
    const inside = literal.slice(1, -1).replace(PART, (part, offset: number) => {
      if (part.startsWith('\\')) return part;
      ends.push(at + 1 + offset + part.length);
      return 'a';
    });
    return `"${inside}"`;
  });
  return MISLEADING.test(key) ? { key: text, ends: [] } : { key, ends };
}

/** The tree of a text that differs from a known one in the lengths of its runs. */
function restrung({ root, ends: before }: Known, after: readonly number[]): SyntaxNode {
  const first = before[0] ?? root.end;
  const moved = (offset: number): number => {
    let run = before.length - 1;
    while (run >= 0 && before[run]! > offset) run--;
    return run < 0 ? offset : offset + after[run]! - before[run]!;
  };
  const copy = (node: SyntaxNode): SyntaxNode =>
    node.end < first
      ? node
      : nodeWith(node, { start: moved(node.start), end: moved(node.end), children: node.children.map(copy) });
  return copy(root);
}

/** Some call of a macro in front of a statement is a declaration to the grammar. */
export function isMisread(root: SyntaxNode): boolean {
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
