/** Headers by the names that an `#include` has for them, whatever folders a build names with `-I`. */
import { isHeader } from './source-file.ts';

export class HeaderNames {
  private readonly byLastPart = new Map<string, string[]>();

  constructor(paths: Iterable<string>) {
    for (const path of paths) {
      if (!isHeader(path)) continue;
      const name = lastPart(path);
      const known = this.byLastPart.get(name);
      if (known === undefined) this.byLastPart.set(name, [path]);
      else known.push(path);
    }
  }

  /** Those whose paths end as the name, which has no quotes or angles. */
  of(name: string): string[] {
    const known = this.byLastPart.get(lastPart(name)) ?? [];
    return known.filter((path) => path === name || path.endsWith(`/${name}`));
  }

  get isEmpty(): boolean {
    return this.byLastPart.size === 0;
  }
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
