/** Expansion of a project's macros, with a way back from the expansion's offsets to the source. */
import type { MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import type { Builder, View } from './builder.ts';

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

const PREFIX = 'void f(void){';

/** Expands a macro used by `node` (an identifier or a call); undefined when it cannot be done. */
export function expand(
  b: Builder,
  macro: MacroDefinition,
  node: SyntaxNode,
  args: readonly SyntaxNode[] | undefined,
  suffix = ';',
): Expansion | undefined {
  if (b.expanding.length >= MAX_DEPTH || b.expanding.includes(macro.name)) return undefined;
  const outer = b.view;
  const texts = args === undefined ? undefined : splitArguments(outer.text, node);
  const { text, pieces } = substitute(macro, texts);
  if (text.length > MAX_EXPANSION) return undefined;
  const whole = `${PREFIX}${text}${suffix}}`;
  let root = b.unit.snippets.get(whole);
  if (root === undefined) {
    root = b.unit.parser.parse(whole);
    b.unit.snippets.set(whole, root);
  }
  const site = outer.spanOf(node.start, node.end);
  const view: View = {
    text: whole,
    spanOf: (start, end) => {
      const s = start - PREFIX.length;
      const e = end - PREFIX.length;
      for (const p of pieces) {
        if (p.from <= s && e <= p.to) return outer.spanOf(p.outer + (s - p.from), p.outer + (e - p.from));
      }
      return site;
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
function splitArguments(text: string, node: SyntaxNode): ArgumentText[] {
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
  let out = '';
  const token =
    /##\s*([A-Za-z_]\w*)|#\s*([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*(?=##)|[A-Za-z_]\w*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\s\S]/g;
  for (let m = token.exec(macro.body); m !== null; m = token.exec(macro.body)) {
    const pasted = m[1];
    const quoted = m[2];
    const name = pasted ?? m[3] ?? m[0];
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
    const value = byName.get(name);
    if (value === undefined) {
      out += m[0];
      continue;
    }
    if (value.start >= 0) pieces.push({ from: out.length, to: out.length + value.text.length, outer: value.start });
    out += value.text;
  }
  return { text: out, pieces };
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
