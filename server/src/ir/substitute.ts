/** Arguments in the replacement text of a macro: what comes out, and where in it each of them lies. */
import type { MacroDefinition } from '../syntax/tree.ts';
import type { Hole } from './splice.ts';

/** Text of an expansion that stands in the source. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  /** Offset in the outer view, for text that came from an argument. */
  readonly outer: number;
}

export interface Substitution {
  readonly text: string;
  readonly pieces: readonly Piece[];
  /** Where arguments lie that have any text: inside of the quotes of those that are made strings. */
  readonly holes: readonly Hole[];
}

/** An argument as the call has it, and where it stands; -1 where it stands nowhere. */
export interface ArgumentText {
  readonly text: string;
  readonly start: number;
}

const NOTHING: ArgumentText = { text: '', start: -1 };

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
      if (written.text !== '') holes.push(holeAt(out.length + 1, written));
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
        else if (value !== undefined) holes.push(holeAt(out.length, value));
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
    if (value.text !== '') holes.push(holeAt(out.length, value));
    out += value.text;
  }
  return { text: out, pieces, holes };
}

function holeAt(from: number, { text, argument }: ArgumentText & { readonly argument: number }): Hole {
  return { from, to: from + text.length, argument };
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
