/** What a benchmark says: figures, some with a goal, and notes on what was not measured. */

/** `times` is a ratio. */
export type Unit = 'times' | 'ms' | 'MiB' | 'µs/line';

export interface Figure {
  readonly what: string;
  /** Undefined where the measurement did not come to an end; `from` says why. */
  readonly value: number | undefined;
  readonly unit: Unit;
  /** What the value was made from. */
  readonly from?: string;
  /** The goal: the value is at most this. */
  readonly atMost?: number;
}

export interface Part {
  readonly number: number;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** What was skipped and why, and what a reader must know of the figures. */
  readonly notes: readonly string[];
}

export function isMet(figure: Figure): boolean | undefined {
  if (figure.atMost === undefined) return undefined;
  return figure.value !== undefined && figure.value <= figure.atMost;
}

export function formatValue(value: number | undefined, unit: Unit): string {
  if (value === undefined) return '–';
  if (unit === 'times') return `${value.toFixed(2)} ×`;
  if (unit === 'µs/line') return `${value.toFixed(1)} µs/line`;
  const digits = unit === 'ms' && value < 100 ? 1 : 0;
  const number = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number} ${unit}`;
}

export function formatMs(value: number): string {
  return formatValue(value, 'ms');
}
