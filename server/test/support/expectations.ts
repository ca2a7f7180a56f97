/** Expectations that stand in fixtures as trailing comments. */
export interface Expectation {
  readonly line: number;
  readonly ruleId: string;
  readonly kind: 'expect' | 'reports-wrongly' | 'misses';
}

const COMMENT = /\/\/\s*(expect|reports-wrongly|misses):\s*([a-z, -]+?)\s*(?:--.*)?$/;

export function expectationsOf(text: string): Expectation[] {
  return text.split('\n').flatMap((line, i) => {
    const match = COMMENT.exec(line.replace(/\*\/\s*$/, ''));
    if (match === null) return [];
    const kind = match[1] as Expectation['kind'];
    return match[2]!.split(',').map((id) => ({ line: i + 1, ruleId: id.trim(), kind }));
  });
}

/** What the tool must say today: what is expected, and what it is known to say wrongly. */
export function mustReport(text: string): string[] {
  return expectationsOf(text)
    .filter((e) => e.kind !== 'misses')
    .map((e) => `${e.line}: ${e.ruleId}`)
    .sort();
}
