/** A half-open range of UTF-16 offsets in one file. `file` is the path by which the file was given to the analysis. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}
