/** Offsets to lines and columns and back. Offsets and columns are UTF-16 units; lines and columns are 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export class LineIndex {
  private readonly starts: number[] = [0];
  readonly text: string;

  /** Lines end with `\n`, `\r\n` or `\r`, as editors count them. */
  constructor(text: string) {
    this.text = text;
    for (const match of text.matchAll(/\r\n|\n|\r/g)) this.starts.push(match.index + match[0].length);
  }

  /** An offset outside the text is taken for the nearest end of it. */
  position(offset: number): Position {
    const at = Math.min(Math.max(offset, 0), this.text.length);
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - this.starts[low]! + 1 };
  }

  /** A column behind the end of its line is taken for that end, a line behind the last one for the end of the text. */
  offset(position: Position): number {
    const start = this.starts[position.line - 1];
    if (start === undefined) return position.line < 1 ? 0 : this.text.length;
    return start + Math.min(Math.max(position.column - 1, 0), this.line(position.line).length);
  }

  /** Text of a 1-based line, without its line end. */
  line(number: number): string {
    const start = this.starts[number - 1];
    return start === undefined ? '' : this.text.slice(start, this.starts[number]).replace(/[\r\n]+$/, '');
  }

  get lineCount(): number {
    return this.starts.length;
  }
}
