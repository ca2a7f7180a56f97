/** A half-open range of UTF-16 offsets in one file. `file` is the path by which the file was given to the analysis. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export function sameSpan(a: Span, b: Span): boolean {
  return a.file === b.file && a.start === b.start && a.end === b.end;
}
