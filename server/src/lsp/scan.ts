/**
 * Looks through a workspace folder as the command does with a directory: the same files, and of each whether it
 * mentions userfaultfd. In slices, within bounds, never outside the folder; what has not changed is not read again.
 */
import { homedir } from 'node:os';
import { MENTION_WORDS } from '../analysis/analyse.ts';
import { absolutePath, walkFolder } from '../text/files.ts';
import { stampOf } from '../text/kept.ts';
import { type FileSource, type LeftOut, why } from '../text/source.ts';
import { isWithin } from './paths.ts';
import { slices } from './slices.ts';

/** C files of a folder that are looked at. */
export const MAX_FILES = 20_000;
/** Their bytes in all. */
export const MAX_BYTES = 512 * 1024 * 1024;
/** Entries of folders, of whatever kind. */
export const MAX_ENTRIES = 500_000;

const STOPPED = 'the scan was stopped';

interface Seen {
  readonly stamp: string;
  readonly mentions: boolean;
  readonly leftOut: LeftOut | undefined;
}

export interface Scanned {
  /** By path, sorted. */
  readonly files: ReadonlyMap<string, Seen>;
  /** Why the folder was not looked through to its end. */
  readonly cut: string | undefined;
}

export interface ScanOptions {
  readonly source: FileSource;
  readonly maxFileBytes: number;
  /** What an earlier scan saw. */
  readonly before: Scanned | undefined;
  /** True when nobody wants the result any more. */
  readonly unwanted: () => boolean;
  /** True when a person wants it to end here. */
  readonly stopped: () => boolean;
  readonly report: (done: number, of: number) => void;
}

/** Undefined where it became unwanted. */
export async function scanFolder(folder: string, options: ScanOptions): Promise<Scanned | undefined> {
  // Somebody who opens a file from the home directory did not ask for all that is in it.
  if (isWithin(absolutePath(homedir()), folder)) return { files: new Map(), cut: 'it holds the home directory' };
  const pause = slices();
  let found: ReadonlySet<string> = new Set();
  let cut: string | undefined;
  try {
    for (const walked of walkFolder(folder, options.source, absolutePath)) {
      await pause();
      if (options.unwanted()) return undefined;
      found = walked.files;
      cut = options.stopped() ? STOPPED : boundOf(found.size, walked.entries);
      if (cut !== undefined) break;
    }
  } catch (error) {
    return { files: new Map(), cut: why(error) };
  }
  const files = new Map<string, Seen>();
  let bytes = 0;
  for (const path of [...found].slice(0, MAX_FILES).sort()) {
    await pause();
    if (options.unwanted()) return undefined;
    const stamp = stampOf(path);
    if (stamp === undefined) continue;
    bytes += stamp.bytes;
    if (options.stopped()) return { files, cut: STOPPED };
    if (bytes > MAX_BYTES) return { files, cut: `it holds more than ${MAX_BYTES} bytes of C` };
    const known = options.before?.files.get(path);
    files.set(path, known?.stamp === stamp.key ? known : look(path, stamp.key, options));
    options.report(files.size, found.size);
  }
  return { files, cut };
}

function boundOf(files: number, entries: number): string | undefined {
  if (files > MAX_FILES) return `it holds more than ${MAX_FILES} C files`;
  return entries > MAX_ENTRIES ? `it holds more than ${MAX_ENTRIES} files and folders` : undefined;
}

function look(path: string, stamp: string, { source, maxFileBytes }: ScanOptions): Seen {
  const file = source.search(path, maxFileBytes, MENTION_WORDS);
  const leftOut = file === undefined || 'text' in file ? undefined : file;
  return { stamp, mentions: file !== undefined && 'text' in file, leftOut };
}

/** True where an analysis of the folder may find something else than before. */
export function differs(a: Scanned | undefined, b: Scanned, isOpen: (path: string) => boolean): boolean {
  if (a === undefined || a.cut !== b.cut || a.files.size !== b.files.size) return true;
  for (const [path, { stamp }] of b.files) {
    const known = a.files.get(path);
    if (known === undefined || (known.stamp !== stamp && !isOpen(path))) return true;
  }
  return false;
}
