/** Measures contestants in turn: A B C, A B C, … */

export interface Contestant {
  readonly name: string;
  /** One measurement, in whatever unit the caller compares. */
  readonly measure: () => Promise<number>;
}

/** The measurements of each contestant by name, one for each round. */
export async function interleave(
  contestants: readonly Contestant[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const out = new Map<string, number[]>(contestants.map((c) => [c.name, []]));
  for (let round = 0; round < rounds; round++)
    for (const { name, measure } of contestants) out.get(name)!.push(await measure());
  return out;
}
