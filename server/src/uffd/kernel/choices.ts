/**
 * Where the kernel may go on in more than one way (which of two woken tasks runs first), the model asks `choose`.
 * `explore` runs it once for each sequence of answers, so that model code reads as if there were one way only.
 */
import type { RaceName } from './races.ts';

export type Choose = (ways: number, race: RaceName) => number;

export function explore<T>(run: (choose: Choose) => T, limit = 4096): T[] {
  const found: T[] = [];
  let answers: number[] = [];
  for (;;) {
    const ways: number[] = [];
    const taken = answers;
    found.push(
      run((n) => {
        const answer = taken[ways.length] ?? 0;
        ways.push(n);
        return answer;
      }),
    );
    if (found.length > limit) throw new Error(`more than ${limit} ways`);
    // The next sequence in order: raise the last answer that can be raised.
    let last = ways.length - 1;
    while (last >= 0 && (taken[last] ?? 0) + 1 >= ways[last]!) last--;
    if (last < 0) return found;
    answers = Array.from({ length: last + 1 }, (_, i) => (taken[i] ?? 0) + (i === last ? 1 : 0));
  }
}
