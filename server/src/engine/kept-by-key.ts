/** Things that are kept by a key, several for each, as long as they are of use. */

interface Entry<T> {
  readonly kept: T;
  /** The call in which it was kept or found last. */
  used: number;
  /** It was found at least once: what was of use once will be again (as in segmented LRU caches). */
  isProven: boolean;
}

export class KeptByKey<T> {
  private readonly byKey = new Map<string, Entry<T>[]>();
  private call = 0;
  /** Nothing was looked for or kept in the present call. */
  private isIdle = true;
  private readonly most: number;

  /** `most`: kept of one key beside each other. */
  constructor(most: number) {
    this.most = most;
  }

  find(key: string, isGood: (kept: T) => boolean): T | undefined {
    this.isIdle = false;
    const found = this.byKey.get(key)?.find(({ kept }) => isGood(kept));
    if (found === undefined) return undefined;
    found.used = this.call;
    found.isProven = true;
    return found.kept;
  }

  /** In the place of what was not of use for the longest time, where there are as many as may be. */
  keep(key: string, kept: T): void {
    this.isIdle = false;
    const list = [{ kept, used: this.call, isProven: false }, ...(this.byKey.get(key) ?? [])];
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
    for (const [key, kept] of all)
      this.byKey.set(key, [...(this.byKey.get(key) ?? []), { kept, used: this.call - 1, isProven: false }]);
  }

  /**
   * Begins a call, and forgets what the last `calls` of them had no use for, and what was never found again the last
   * `unproven`. Calls in which nothing was looked for do not count.
   */
  begin(calls: number, unproven = calls): void {
    if (this.isIdle) return;
    this.isIdle = true;
    this.call++;
    for (const [key, list] of this.byKey) {
      const left = list.filter(({ used, isProven }) => used >= this.call - (isProven ? calls : unproven));
      if (left.length === 0) this.byKey.delete(key);
      else if (left.length < list.length) this.byKey.set(key, left);
    }
  }

  clear(): void {
    this.byKey.clear();
  }
}
