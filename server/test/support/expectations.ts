/** Expectations that stand in fixtures as trailing comments. */
export interface Expectation {
  readonly line: number;
  /** A rule, or for `not-analysed` the kind of the note. */
  readonly id: string;
  readonly kind: 'expect' | 'reports-wrongly' | 'misses' | 'not-analysed';
  readonly reason: string | undefined;
}

const COMMENT = /\/\/\s*(expect|reports-wrongly|misses|not-analysed):\s*([a-z, -]+?)\s*(?:--\s*(.*))?$/;

export function expectationsOf(text: string): Expectation[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, i) => {
    const match = COMMENT.exec(line.replace(/\*\/\s*$/, ''));
    if (match === null) return [];
    const kind = match[1] as Expectation['kind'];
    return match[2]!.split(',').map((id) => ({ line: i + 1, id: id.trim(), kind, reason: match[3] }));
  });
}

/** What the tool must say today: what is expected, and what it is known to say wrongly. */
export function mustReport(text: string): string[] {
  return expectationsOf(text)
    .filter((e) => e.kind === 'expect' || e.kind === 'reports-wrongly')
    .map((e) => `${e.line}: ${e.id}`)
    .sort();
}

/** Of which parts the tool must say that it did not analyse them whole. */
export function mustNote(text: string): string[] {
  return expectationsOf(text)
    .filter((e) => e.kind === 'not-analysed')
    .map((e) => `${e.line}: ${e.id}`)
    .sort();
}

const STEP = /\/\/\s*step:\s*(.+?)\s*$/;

/** Steps of which the path of some finding must have each, as line and message. */
export function mustStep(text: string): string[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, i) => {
    const match = STEP.exec(line);
    return match === null ? [] : [`${i + 1}: ${match[1]}`];
  });
}
