/** Random numbers that can be had again: `UFFD_LINT_SEED` gives the seed, which a failing test prints. */
export interface Generator {
  readonly seed: number;
  /** An integer from 0 up to, and without, `n`. */
  below(n: number): number;
}

export function generator(seed = Number(process.env.UFFD_LINT_SEED ?? Date.now() % 1_000_000_007)): Generator {
  // mulberry32
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, below: (n) => Math.floor(next() * n) };
}
