/** Text of a stranger's file on a terminal: shown, never obeyed. */

/** Control characters (an escape sequence in a comment or a file name) and direction marks become visible. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}|\p{Bidi_Control}|\ufeff/gu, (c) => (c === '\n' || c === '\t' ? c : '\ufffd'));
}

const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;
const EMOJI = /^\p{Emoji_Presentation}/u;
const NO_WIDTH = /^(?:\p{Mn}|\p{Me}|\p{Cf}|\p{Variation_Selector})$/u;

/** Columns that a terminal gives to a text. */
export function width(text: string): number {
  let columns = 0;
  for (const c of text) columns += NO_WIDTH.test(c) ? 0 : WIDE.test(c) || EMOJI.test(c) || c > '\u{1ffff}' ? 2 : 1;
  return columns;
}
