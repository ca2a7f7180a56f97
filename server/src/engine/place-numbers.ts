/**
 * Numbers for the places of one function: in their order, and as far as an edit left them alone the same as in the
 * version before it, so that what other functions know of this one's places stays as it was.
 */

export interface PlaceNumbers {
  /** Ascending, in UTF-16 units. */
  readonly offsets: readonly number[];
  /** Of each offset, ascending too. */
  readonly numbers: readonly number[];
}

/** Between the numbers of neighbours there is room for what later versions have between them. */
const GAP = 16;

/** `before` holds numbers of other versions of the same function, the last one first. */
export function numberPlaces(offsets: readonly number[], before: readonly PlaceNumbers[]): PlaceNumbers {
  const same = before.find((known) => isSameList(known.offsets, offsets));
  if (same !== undefined) return same;
  const last = before[0];
  const kept = last === undefined ? undefined : numbersFrom(last, offsets);
  return { offsets, numbers: kept ?? offsets.map((_, i) => i * GAP) };
}

export function highestNumber({ numbers }: PlaceNumbers): number {
  return numbers.length === 0 ? 0 : numbers[numbers.length - 1]!;
}

/** The offset of a number; undefined where none has it. */
export function offsetOfNumber({ offsets, numbers }: PlaceNumbers, number: number): number | undefined {
  let low = 0;
  let high = numbers.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = numbers[middle]!;
    if (found === number) return offsets[middle];
    if (found < number) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/**
 * What comes before an edit is where it was, and what comes behind it is moved by as much as the end. Undefined where
 * there is no room for what is between.
 */
function numbersFrom(before: PlaceNumbers, offsets: readonly number[]): readonly number[] | undefined {
  const { offsets: old, numbers } = before;
  // As many places in the same order: only what stands between them changed.
  if (old.length === offsets.length) return numbers;
  const most = Math.min(old.length, offsets.length);
  const moved = offsets[offsets.length - 1]! - old[old.length - 1]!;
  let ahead = 0;
  while (ahead < most && old[ahead] === offsets[ahead]) ahead++;
  let behind = 0;
  while (behind < most - ahead && old[old.length - 1 - behind]! + moved === offsets[offsets.length - 1 - behind]!)
    behind++;
  const between = offsets.length - ahead - behind;
  const low = ahead === 0 ? -1 : numbers[ahead - 1]!;
  const high = behind === 0 ? low + (between + 1) * GAP : numbers[old.length - behind]!;
  if (high - low - 1 < between) return undefined;
  const step = (high - low) / (between + 1);
  const middle = Array.from({ length: between }, (_, i) => low + Math.floor((i + 1) * step));
  return [...numbers.slice(0, ahead), ...middle, ...numbers.slice(old.length - behind)];
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
