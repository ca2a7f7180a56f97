/** Arguments in the replacement text of a macro: what comes out, and where in it each of them lies. */
import type { MacroDefinition } from '../syntax/tree.ts';

/** Text of an expansion that stands in the source. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  /** Offset in the outer view, for text that came from an argument. */
  readonly outer: number;
}

/** A parameter in the replacement text of a macro. */
export interface Hole {
  readonly from: number;
  readonly to: number;
  /** Which of the arguments. */
  readonly argument: number;
  /** It may be a word alone, one in quotes (without them), one behind `, ##`, or a part of another word. */
  readonly kind: 'alone' | 'quoted' | 'listed' | 'glued';
}

export interface Substitution {
  readonly text: string;
  readonly pieces: readonly Piece[];
  /** Where arguments lie that have any text. */
  readonly holes: readonly Hole[];
}

/** An argument as the call has it, and where it stands; -1 where it stands nowhere. */
export interface ArgumentText {
  readonly text: string;
  readonly start: number;
}

const NOTHING: ArgumentText = { text: '', start: -1 };

/** What says where an argument ends: most characters say nothing. */
const MARK = /["'(){}[\],]/g;

/** Splits the arguments of a call by its text, so that types and braces as arguments survive. */
export function splitArguments(text: string, node: { readonly start: number; readonly end: number }): ArgumentText[] {
  const open = text.indexOf('(', node.start);
  const result: ArgumentText[] = [];
  let depth = 0;
  let start = open + 1;
  const push = (end: number) => {
    const raw = text.slice(start, end);
    const lead = raw.length - raw.trimStart().length;
    result.push({ text: raw.trim(), start: start + lead });
  };
  if (open < 0) return result;
  MARK.lastIndex = open;
  while (MARK.test(text)) {
    const i = MARK.lastIndex - 1;
    if (i >= node.end) break;
    switch (text[i]) {
      case '"':
      case "'":
        MARK.lastIndex = closingQuote(text, i) + 1;
        break;
      case '(':
      case '{':
      case '[':
        depth++;
        break;
      case ',':
        if (depth > 1) break;
        push(i);
        start = i + 1;
        break;
      default:
        depth--;
        if (depth > 0) break;
        push(i);
        return result;
    }
  }
  return result;
}

/** Where the quotes end that begin here; the end of the text where they do not. */
function closingQuote(text: string, open: number): number {
  const quote = text[open]!;
  for (let at = text.indexOf(quote, open + 1); at >= 0; at = text.indexOf(quote, at + 1)) {
    let escapes = at;
    while (text[escapes - 1] === '\\') escapes--;
    if ((at - escapes) % 2 === 0) return at;
  }
  return text.length;
}

/** The replacement text of a macro with the arguments in it (C17 6.10.3.1). */
export function substitute(macro: MacroDefinition, args: readonly ArgumentText[] | undefined): Substitution {
  const pieces: Piece[] = [];
  const holes: Hole[] = [];
  if (macro.parameters === undefined || args === undefined) return { text: macro.body, pieces, holes };
  const byName = new Map<string, ArgumentText & { readonly argument: number }>();
  for (const [i, p] of macro.parameters.entries()) {
    if (p.endsWith('...')) {
      const rest = args.slice(i);
      const joined = rest.map((a) => a.text).join(', ');
      byName.set(p === '...' ? '__VA_ARGS__' : p.slice(0, -3).trim(), {
        text: joined,
        start: rest.length === 1 ? rest[0]!.start : -1,
        argument: i,
      });
    } else {
      const { text, start } = args[i] ?? NOTHING;
      byName.set(p, { text, start, argument: i });
    }
  }
  const rest = byName.get('__VA_ARGS__');
  // C23: what stands in __VA_OPT__ is there when there are further arguments.
  const body =
    rest === undefined
      ? macro.body
      : macro.body.replace(/__VA_OPT__\s*\(([^()]*)\)/g, (_, kept: string) => (rest.text === '' ? '' : kept));
  let out = '';
  for (const { text, quoted, pasted, name } of tokensOf(body)) {
    const written = quoted === undefined ? undefined : byName.get(quoted);
    if (written !== undefined) {
      if (written.text !== '') holes.push(holeAt(out.length + 1, written, 'quoted'));
      out += JSON.stringify(written.text);
      continue;
    }
    if (pasted !== undefined) {
      const value = byName.get(pasted);
      // GNU: `, ##__VA_ARGS__` drops the comma before nothing.
      if (value !== undefined && value.text === '') out = out.replace(/,\s*$/, '');
      else {
        const comma = /,\s*$/.test(out);
        if (!comma) out = out.trimEnd();
        if (value !== undefined) holes.push(holeAt(out.length, value, comma ? 'listed' : 'glued'));
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
    if (value.text !== '') holes.push(holeAt(out.length, value, 'alone'));
    out += value.text;
  }
  return { text: out, pieces, holes };
}

function holeAt(
  from: number,
  { text, argument }: ArgumentText & { readonly argument: number },
  kind: Hole['kind'],
): Hole {
  return { from, to: from + text.length, argument, kind };
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
