/** Text of a stranger's file on a terminal: shown, never obeyed. */

/** Control characters (an escape sequence in a comment or a file name) and direction marks become visible. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}|\p{Bidi_Control}|\ufeff/gu, (c) => (c === '\n' || c === '\t' ? c : '\ufffd'));
}

/** Made when the first line is shown: most runs show none, and what a property stands for is looked up at once. */
let classes: { readonly emoji: RegExp; readonly noWidth: RegExp } | undefined;

const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;

/** Columns that a terminal gives to a text. */
export function width(text: string): number {
  classes ??= { emoji: /^\p{Emoji_Presentation}/u, noWidth: /^(?:\p{Mn}|\p{Me}|\p{Cf}|\p{Variation_Selector})$/u };
  const { emoji, noWidth } = classes;
  let columns = 0;
  for (const c of text) columns += noWidth.test(c) ? 0 : WIDE.test(c) || emoji.test(c) || c > '\u{1ffff}' ? 2 : 1;
  return columns;
}
