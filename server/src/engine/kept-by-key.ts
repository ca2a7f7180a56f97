/** Things that are kept by a key, several for each, as long as they are of use. */

export class KeptByKey<T> {
  private readonly byKey = new Map<string, { readonly kept: T; used: number }[]>();
  private call = 0;
  private readonly most: number;

  /** `most`: kept of one key beside each other. */
  constructor(most: number) {
    this.most = most;
  }

  find(key: string, isGood: (kept: T) => boolean): T | undefined {
    const found = this.byKey.get(key)?.find(({ kept }) => isGood(kept));
    if (found === undefined) return undefined;
    found.used = this.call;
    return found.kept;
  }

  /** In the place of what was not of use for the longest time, where there are as many as may be. */
  keep(key: string, kept: T): void {
    const list = [{ kept, used: this.call }, ...(this.byKey.get(key) ?? [])];
    if (list.length > this.most) {
      const least = Math.min(...list.map(({ used }) => used));
      list.splice(
        list.findLastIndex(({ used }) => used === least),
        1,
      );
    }
    this.byKey.set(key, list);
  }

  /** Those that were found or kept since the present call began. */
  inUse(): (readonly [key: string, kept: T])[] {
    return [...this.byKey].flatMap(([key, list]) =>
      list.flatMap(({ kept, used }) => (used === this.call ? [[key, kept] as const] : [])),
    );
  }

  /** Adds what was kept elsewhere: nothing of it was of use in this call yet. */
  add(all: readonly (readonly [key: string, kept: T])[]): void {
    for (const [key, kept] of all) this.byKey.set(key, [...(this.byKey.get(key) ?? []), { kept, used: this.call - 1 }]);
  }

  /** Begins a call, and forgets what the last `calls` of them did not use. */
  begin(calls: number): void {
    this.call++;
    for (const [key, list] of this.byKey) {
      const left = list.filter((e) => e.used >= this.call - calls);
      if (left.length === 0) this.byKey.delete(key);
      else if (left.length < list.length) this.byKey.set(key, left);
    }
  }

  clear(): void {
    this.byKey.clear();
  }
}
