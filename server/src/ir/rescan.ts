/** Texts with the macros in them expanded, as the preprocessor would leave them (C17 6.10.3.4), with a way back. */
import { closing } from '../syntax/preprocess.ts';
import type { MacroDefinition } from '../syntax/tree.ts';
import { prescanned } from './prescan.ts';
import { type ArgumentText, type Piece, splitArguments, substitute } from './substitute.ts';

/** Longer texts are not made. */
export const MAX_EXPANSION = 20_000;
const MAX_DEPTH = 24;

/** Offsets of the text that was given. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** A part of the text that comes out. */
export interface Part {
  readonly from: number;
  readonly to: number;
  /** Where it begins in the text that was given; undefined where it stands in a macro alone. */
  readonly at: number | undefined;
  /** The outermost call of a macro that it comes from. */
  readonly call: Range | undefined;
  /** Macros that are being expanded there: their names stand for themselves. */
  readonly hidden: readonly string[];
}

export interface Rescanned {
  readonly text: string;
  /** One behind the other, without gaps. */
  readonly parts: readonly Part[];
}

export interface RescanOptions {
  /** Macros that are expanded; all, where not given. */
  readonly isWanted?: ((name: string) => boolean) | undefined;
  /** The macros that hold at an offset of the text, where some name is defined again on the way. */
  readonly macrosAt?: ((offset: number) => Macros) | undefined;
  readonly hidden?: readonly string[];
  /** The longest text that may come out. */
  readonly most?: number;
}

type Macros = ReadonlyMap<string, MacroDefinition>;

const WORD = /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z_]\w*/g;

/** Undefined where the text would get too long. */
export function rescan(
  text: string,
  macros: Macros,
  { isWanted = () => true, macrosAt, hidden = [], most = MAX_EXPANSION }: RescanOptions = {},
): Rescanned | undefined {
  const parts: Part[] = [];
  let out = '';
  const emit = (piece: string, at: number | undefined, call: Range | undefined, names: readonly string[]) => {
    if (piece === '') return;
    parts.push({ from: out.length, to: out.length + piece.length, at, call, hidden: names });
    out += piece;
  };
  /** `pieces`: parts of the text that stand in the one that was given; `around`: the macros of the call around. */
  const write = (
    inner: string,
    pieces: readonly Piece[],
    call: Range | undefined,
    names: readonly string[],
    around: Macros | undefined,
  ) => {
    const copy = (from: number, to: number) => {
      let at = from;
      for (const p of pieces) {
        const [start, end] = [Math.max(at, p.from), Math.min(to, p.to)];
        if (start >= end) continue;
        emit(inner.slice(at, start), undefined, call, names);
        emit(inner.slice(start, end), p.outer + start - p.from, call, names);
        at = end;
      }
      emit(inner.slice(at, to), undefined, call, names);
    };
    let from = 0;
    const words = new RegExp(WORD);
    for (let match = words.exec(inner); match !== null && out.length <= most; match = words.exec(inner)) {
      const [name] = match;
      const known = around ?? macrosAt?.(match.index) ?? macros;
      const macro = names.includes(name) || names.length > MAX_DEPTH || !isWanted(name) ? undefined : known.get(name);
      if (macro === undefined) continue;
      let end = match.index + name.length;
      let args: ArgumentText[] | undefined;
      if (macro.parameters !== undefined) {
        const open = /^\s*\(/.exec(inner.slice(end));
        const close = open === null ? -1 : closing(inner, end + open[0].length - 1);
        if (close < 0) continue;
        args = splitArguments(inner, { start: end, end: close });
        end = close;
      }
      copy(from, match.index);
      const given = substitute(macro, prescanned(macro, args, known));
      const placed = given.pieces.flatMap((piece) => placedIn(pieces, piece));
      write(given.text, placed, call ?? { start: match.index, end }, [...names, name], known);
      from = end;
      words.lastIndex = end;
    }
    copy(from, inner.length);
  };
  write(text, [{ from: 0, to: text.length, outer: 0 }], undefined, hidden, undefined);
  return out.length > most ? undefined : { text: out, parts };
}

/** The piece of an argument as a piece of the text that was given, where it lies in one. */
function placedIn(pieces: readonly Piece[], { from, to, outer }: Piece): Piece[] {
  const around = pieces.find((p) => p.from <= outer && outer + to - from <= p.to);
  return around === undefined ? [] : [{ from, to, outer: around.outer + outer - around.from }];
}
