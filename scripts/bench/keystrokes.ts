/**
 * What a person types into a C file, one character at a time: a few characters at many places, most of them taken back
 * from the front. While no place is visited twice no two texts on the way are equal, so none is answered with what was
 * found for an earlier one.
 */

export interface Keystroke {
  /** From 0, in UTF-16 units. */
  readonly line: number;
  readonly character: number;
  /** What is inserted there; undefined where the character after the position is deleted. */
  readonly insert: string | undefined;
}

export type Where = 'functions' | 'comments';

/** What is typed: a statement, which the parser does not understand before its end, and a word. */
const TYPED: Readonly<Record<Where, string>> = { functions: ' n++; ', comments: ' words' };
/** So many of its characters are taken back; an empty statement and the end of the word stay. */
const TAKEN_BACK = 4;

/** Keystrokes at one place. After them the text means what it meant. */
export type Visit = readonly Keystroke[];
export const KEYSTROKES_PER_VISIT = 10;

/** So many visits to places that are spread over the whole text. */
export function visitsTo(text: string, where: Where, count: number): Visit[] {
  const places = placesIn(text, where);
  if (places.length === 0) throw new Error(`there is no place for edits in ${where}`);
  return Array.from({ length: count }, (_, i) => {
    // Fewer visits than places are spread evenly.
    const at = count < places.length ? Math.floor((i * places.length) / count) : i % places.length;
    return visit(places[at]!, TYPED[where]);
  });
}

/** Also where an earlier visit left characters: they move to the right. */
function visit({ line, character }: Place, typed: string): Visit {
  const there = [...typed].map((insert, i) => ({ line, character: character + i, insert }));
  const back = Array.from({ length: TAKEN_BACK }, () => ({ line, character, insert: undefined }));
  return [...there, ...back];
}

interface Place {
  readonly line: number;
  readonly character: number;
}

/** Ends of statements that are a call, and ends of lines of comments. */
function placesIn(text: string, where: Where): Place[] {
  const lines = text.split('\n');
  return lines.flatMap((content, line) => {
    // A line of a macro's body is in no function.
    if (content.endsWith('\\') || lines[line - 1]?.endsWith('\\')) return [];
    const found =
      where === 'functions' ? /^\s+\w+\(.*\);$/.exec(content) : /^\s*(?:\/\*|\*) \w.*?(?=\s*\*\/|$)/.exec(content);
    return found === null ? [] : [{ line, character: found[0].length }];
  });
}
