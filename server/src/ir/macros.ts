/** Expansion of a project's macros, with a way back from the expansion's offsets to the source. */
import { closing } from '../syntax/preprocess.ts';
import type { MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import type { Builder, View } from './builder.ts';
import { parseSnippet } from './snippets.ts';

/** Expansions larger than this are not followed. */
const MAX_EXPANSION = 20_000;
const MAX_DEPTH = 24;

export interface Expansion {
  readonly root: SyntaxNode;
  readonly view: View;
  /** Statements of the expansion (it was parsed as the body of a function). */
  readonly statements: readonly SyntaxNode[];
}

interface Piece {
  readonly from: number;
  readonly to: number;
  /** Offset in the outer view, for text that came from an argument. */
  readonly outer: number;
}

/** What stands around an expansion when it is parsed. */
interface Surrounding {
  readonly before: string;
  readonly after: string;
}

export const STATEMENT: Surrounding = { before: 'void f(void){', after: ';}' };

/** An element of an initialiser, or its designator alone. */
export const ELEMENT: Surrounding = { before: 'void f(void){int v[]={', after: '};}' };
export const DESIGNATOR: Surrounding = { before: ELEMENT.before, after: '=0};}' };

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
    const parse = (expansion: string) => {
      const written = surrounding.before + expansion + surrounding.after;
      return { ...parseSnippet(b.unit.parser, written, macros), written };
    };
    snippet = parse(text);
    // Macros that follow each other with nothing between are no C before they are expanded, too.
    const further = snippet.root.hasError ? rescanned(text, macros, [macro.name]) : text;
    const other = further === text || further.length > MAX_EXPANSION ? undefined : parse(further);
    if (other?.root.hasError === false) snippet = { ...other, isRescanned: true };
    snippets.set(original, snippet);
  }
  const { text: whole, root } = snippet;
  const pieces = snippet.isRescanned === true ? [] : given.pieces;
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

interface ArgumentText {
  readonly text: string;
  readonly start: number;
}

/** Splits the arguments of a call by its text, so that types and braces as arguments survive. */
function splitArguments(text: string, node: { readonly start: number; readonly end: number }): ArgumentText[] {
  const open = text.indexOf('(', node.start);
  const result: ArgumentText[] = [];
  let depth = 0;
  let start = open + 1;
  const push = (end: number) => {
    const raw = text.slice(start, end);
    const lead = raw.length - raw.trimStart().length;
    result.push({ text: raw.trim(), start: start + lead });
  };
  for (let i = open; i >= 0 && i < node.end; i++) {
    const c = text[i];
    if (c === '"' || c === "'") {
      for (i++; i < node.end && text[i] !== c; i++) if (text[i] === '\\') i++;
    } else if (c === '(' || c === '{' || c === '[') depth++;
    else if (c === ')' || c === '}' || c === ']') {
      depth--;
      if (depth === 0) {
        push(i);
        break;
      }
    } else if (c === ',' && depth === 1) {
      push(i);
      start = i + 1;
    }
  }
  return result;
}

function substitute(
  macro: MacroDefinition,
  args: readonly ArgumentText[] | undefined,
): { text: string; pieces: Piece[] } {
  const pieces: Piece[] = [];
  if (macro.parameters === undefined || args === undefined) return { text: macro.body, pieces };
  const byName = new Map<string, ArgumentText>();
  for (const [i, p] of macro.parameters.entries()) {
    if (p.endsWith('...')) {
      const rest = args.slice(i);
      const joined = rest.map((a) => a.text).join(', ');
      byName.set(p === '...' ? '__VA_ARGS__' : p.slice(0, -3).trim(), {
        text: joined,
        start: rest.length === 1 ? rest[0]!.start : -1,
      });
    } else byName.set(p, args[i] ?? { text: '', start: -1 });
  }
  const rest = byName.get('__VA_ARGS__');
  // C23: what stands in __VA_OPT__ is there when there are further arguments.
  const body =
    rest === undefined
      ? macro.body
      : macro.body.replace(/__VA_OPT__\s*\(([^()]*)\)/g, (_, kept: string) => (rest.text === '' ? '' : kept));
  let out = '';
  for (const { text, quoted, pasted, name } of tokensOf(body)) {
    if (quoted !== undefined && byName.has(quoted)) {
      out += JSON.stringify(byName.get(quoted)!.text);
      continue;
    }
    if (pasted !== undefined) {
      const value = byName.get(pasted);
      // GNU: `, ##__VA_ARGS__` drops the comma before nothing.
      if (value !== undefined && value.text === '') out = out.replace(/,\s*$/, '');
      else {
        const comma = /,\s*$/.test(out);
        if (!comma) out = out.trimEnd();
        out += value?.text ?? pasted;
      }
      continue;
    }
    const value = name === undefined ? undefined : byName.get(name);
    if (value === undefined) {
      out += text;
      continue;
    }
    if (value.start >= 0) pieces.push({ from: out.length, to: out.length + value.text.length, outer: value.start });
    out += value.text;
  }
  return { text: out, pieces };
}

/** A part of a macro's body: a word that may be a parameter, alone or with `#` or `##`, or whatever stands between. */
interface Token {
  readonly text: string;
  readonly quoted?: string | undefined;
  readonly pasted?: string | undefined;
  readonly name?: string | undefined;
}

const TOKEN =
  /##\s*([A-Za-z_]\w*)|#\s*([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*(?=##)|[A-Za-z_]\w*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\s\S]/g;

/** Bodies that were split already: a macro is used again and again. */
const MAX_SPLIT = 2000;
const split = new Map<string, readonly Token[]>();

function tokensOf(body: string): readonly Token[] {
  const known = split.get(body);
  if (known !== undefined) return known;
  const tokens: Token[] = [];
  let between = '';
  for (const [text, pasted, quoted, left] of body.matchAll(TOKEN)) {
    const word = /^[A-Za-z_]/.test(text);
    if (pasted === undefined && quoted === undefined && !word) {
      between += text;
      continue;
    }
    if (between !== '') tokens.push({ text: between });
    between = '';
    tokens.push({ text, pasted, quoted, name: word ? (left ?? text) : undefined });
  }
  if (between !== '') tokens.push({ text: between });
  if (split.size >= MAX_SPLIT) split.clear();
  split.set(body, tokens);
  return tokens;
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
