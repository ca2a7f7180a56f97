/**
 * The folder of `--cache`: one file an entry, named by the entry's key. It may be deleted at any time, shared by runs
 * that go on at once, and damaged: what is not whole is not there.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ResultStore } from '../analysis/analyse.ts';

/** Beyond this the entries that were used longest ago are removed. */
export const MAX_CACHE_BYTES = 256 * 1024 * 1024;
/** What is left then, so that not every run has to clear. */
const KEPT_SHARE = 0.8;
/** Temporary files of a run that ended badly are removed after so many milliseconds. */
const STALE_MS = 3_600_000;

/** https://bford.info/cachedir/: backups leave it out. */
const TAG = 'Signature: 8a477f597d28d172789f06886806bc55\n# Results of uffd-lint. May be deleted at any time.\n';
const ENTRY = /^[0-9a-f]{62}$/;
const TEMPORARY = /^[0-9a-f]{62}\.\d+\.tmp$/;

/** mkdirSync() of Node 20 with `recursive` never comes back from a folder that makes nothing, as those under /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another run made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

export class CacheFolder implements ResultStore {
  private readonly folder: string;
  private readonly maxBytes: number;
  private written = false;

  /** Makes the folder; throws where that is not possible. */
  constructor(folder: string, maxBytes = MAX_CACHE_BYTES) {
    this.folder = folder;
    this.maxBytes = maxBytes;
    makeFolder(resolve(folder));
    writeFileSync(join(folder, 'CACHEDIR.TAG'), TAG);
  }

  get(key: string): string | undefined {
    const path = this.pathOf(key);
    try {
      const content = readFileSync(path, 'utf8');
      const end = content.indexOf('\n');
      const text = content.slice(end + 1);
      if (content.slice(0, end) !== checksum(key, text)) return undefined;
      const now = new Date();
      utimesSync(path, now, now);
      return text;
    } catch {
      return undefined;
    }
  }

  put(key: string, text: string): void {
    const path = this.pathOf(key);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      mkdirSync(join(this.folder, key.slice(0, 2)), { recursive: true });
      writeFileSync(temporary, `${checksum(key, text)}\n${text}`);
      // Whoever reads meanwhile sees the old entry or the new one.
      renameSync(temporary, path);
      this.written = true;
    } catch {
      // A full disk costs the next run time, not this one its result.
      rmSync(temporary, { force: true });
    }
  }

  /** Removes what was used longest ago, where there is too much. */
  close(): void {
    if (!this.written) return;
    const entries = this.entries().sort((a, b) => a.usedMs - b.usedMs);
    let bytes = entries.reduce((n, e) => n + e.bytes, 0);
    if (bytes <= this.maxBytes) return;
    for (const entry of entries) {
      if (bytes <= this.maxBytes * KEPT_SHARE) break;
      rmSync(entry.path, { force: true });
      bytes -= entry.bytes;
    }
  }

  private entries(): { path: string; bytes: number; usedMs: number }[] {
    const found: { path: string; bytes: number; usedMs: number }[] = [];
    for (const shelf of readdirSync(this.folder).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      for (const name of namesIn(join(this.folder, shelf))) {
        const path = join(this.folder, shelf, name);
        const stat = statSync(path, { throwIfNoEntry: false });
        if (stat === undefined) continue;
        if (ENTRY.test(name)) found.push({ path, bytes: stat.size, usedMs: stat.mtimeMs });
        else if (TEMPORARY.test(name) && Date.now() - stat.mtimeMs > STALE_MS) rmSync(path, { force: true });
      }
    }
    return found;
  }

  private pathOf(key: string): string {
    return join(this.folder, key.slice(0, 2), key.slice(2));
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** With the key: an entry that was moved to another place is none. */
function checksum(key: string, text: string): string {
  return createHash('sha256').update(key).update(text).digest('hex');
}
