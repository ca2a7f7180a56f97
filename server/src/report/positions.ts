/** Spans to lines and columns, one index a file. */
import { LineIndex, type Position } from '../text/line-index.ts';
import type { Span } from '../text/span.ts';

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

export class Positions {
  private readonly indices = new Map<string, LineIndex>();
  private readonly textOf: (file: string) => string | undefined;

  constructor(textOf: (file: string) => string | undefined) {
    this.textOf = textOf;
  }

  index(file: string): LineIndex {
    let index = this.indices.get(file);
    if (index === undefined) {
      index = new LineIndex(this.textOf(file) ?? '');
      this.indices.set(file, index);
    }
    return index;
  }

  range(span: Span): Range {
    const index = this.index(span.file);
    return { start: index.position(span.start), end: index.position(Math.max(span.start, span.end)) };
  }
}
