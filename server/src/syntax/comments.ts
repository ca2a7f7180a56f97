/** Comments of a text, without those that stand in directives. */
import { endOfComment, endOfDirective, endOfLine, endOfString } from './preprocess.ts';

export interface Comment {
  readonly start: number;
  /** Past the closing mark, or at the end of the line. */
  readonly end: number;
}

/** In order; the last one may have no end. */
export function commentsOf(text: string): Comment[] {
  const found: Comment[] = [];
  const mark = /\n[ \t\r]*#|"|'|\/\*|\/\//g;
  if (/^[ \t\r]*#/.test(text)) mark.lastIndex = endOfDirective(text, text.indexOf('#'));
  for (let match = mark.exec(text); match !== null; match = mark.exec(text)) {
    const { index: start } = match;
    const what = match[0];
    let end: number;
    if (what === '/*' || what === '//') {
      end = what === '/*' ? endOfComment(text, start) : endOfLine(text, start);
      found.push({ start, end });
    } else end = what.length > 1 ? endOfDirective(text, start + what.length) : endOfString(text, start);
    mark.lastIndex = end;
  }
  return found;
}
