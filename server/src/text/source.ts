/**
 * The host seam: everything above reads through a `FileSource`. One on a disk, one that lays unsaved buffers over
 * another, one that remembers what it read so that a run sees one snapshot.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { decode, isUtf16 } from './decode.ts';

export interface ReadFile {
  readonly path: string;
  readonly text: string;
  /** What a person should know about the text, and under which kind it is listed. */
  readonly note?: { readonly reason: string; readonly kind: 'encoding' | 'unreadable' } | undefined;
}

export interface LeftOut {
  readonly path: string;
  readonly reason: string;
  readonly kind: 'size' | 'encoding' | 'language' | 'unreadable';
  /** Who runs this may not read it: what it holds is not known, and nobody chose that. */
  readonly denied?: boolean;
}

export type EntryKind = 'file' | 'directory' | 'link' | 'other';

export interface Entry {
  readonly name: string;
  readonly kind: EntryKind;
}

export interface FileSource {
  /** What a path is, links followed; throws where there is nothing. */
  stat(path: string): 'file' | 'directory' | 'other';
  /** Entries of a folder, links not followed; throws where it cannot be read. */
  list(folder: string): readonly Entry[];
  /** The one name of a folder that several paths lead to. */
  identity(folder: string): string;
  /** Never throws: what cannot be read is left out, with the reason. */
  read(path: string, maxBytes: number): ReadFile | LeftOut;
  /** The file if one of the words stands in its bytes; undefined, whatever its size, where none does. */
  search(path: string, maxBytes: number, words: readonly string[]): ReadFile | LeftOut | undefined;
}

export const disk: FileSource = {
  stat(path) {
    const stat = statSync(path);
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
  },
  list(folder) {
    return readdirSync(folder, { withFileTypes: true }).map((e) => ({
      name: e.name,
      kind: e.isFile() ? 'file' : e.isDirectory() ? 'directory' : e.isSymbolicLink() ? 'link' : 'other',
    }));
  },
  identity: (folder) => realpathSync(folder),
  read: (path, maxBytes) => readFromDisk(path, maxBytes)!,
  search: readFromDisk,
};

/** Unsaved buffers win over what lies below them. */
export function overlay(below: FileSource, bufferOf: (path: string) => string | undefined): FileSource {
  return {
    stat: (path) => (bufferOf(path) === undefined ? below.stat(path) : 'file'),
    list: (folder) => below.list(folder),
    identity: (folder) => below.identity(folder),
    read(path, maxBytes) {
      const text = bufferOf(path);
      return text === undefined ? below.read(path, maxBytes) : { path, text };
    },
    search(path, maxBytes, words) {
      const text = bufferOf(path);
      if (text === undefined) return below.search(path, maxBytes, words);
      return words.some((w) => text.includes(w)) ? { path, text } : undefined;
    },
  };
}

/** Reads each file at most once; what a search did not find is not kept. */
export function snapshot(below: FileSource): FileSource {
  const seen = new Map<string, ReadFile | LeftOut>();
  return {
    ...below,
    search(path, maxBytes, words) {
      const file = seen.get(path) ?? below.search(path, maxBytes, words);
      if (file === undefined) return undefined;
      seen.set(path, file);
      return 'text' in file && !words.some((w) => file.text.includes(w)) ? undefined : file;
    },
    read(path, maxBytes) {
      let file = seen.get(path);
      if (file === undefined) {
        file = below.read(path, maxBytes);
        seen.set(path, file);
      }
      return file;
    },
  };
}

export function tooLarge(path: string, bytes: number, maxBytes: number): LeftOut | undefined {
  return bytes <= maxBytes
    ? undefined
    : {
        path,
        reason: `larger than ${maxBytes} bytes (${bytes}): raise --max-file-size to analyse it`,
        kind: 'size',
      };
}

/** Bytes that were read to what is analysed of them. */
export function sourceOf(path: string, bytes: Uint8Array): ReadFile | LeftOut {
  const decoded = decode(bytes);
  if (decoded.kind === 'binary') return { path, reason: decoded.reason, kind: 'encoding' };
  return {
    path,
    text: decoded.text,
    note: decoded.note === undefined ? undefined : { reason: decoded.note, kind: 'encoding' },
  };
}

/** Larger files are left out unsearched. */
const MAX_SEARCHED = 1 << 26;

/** Through one descriptor: a file that is replaced meanwhile is read as it was. */
function readFromDisk(path: string, maxBytes: number, words?: readonly string[]): ReadFile | LeftOut | undefined {
  let fd: number | undefined;
  try {
    // Before open(), which would wait for a writer to a FIFO.
    if (!statSync(path).isFile()) return { path, reason: 'not a regular file', kind: 'unreadable' };
    fd = openSync(path, 'r');
    const before = fstatSync(fd);
    const large = tooLarge(path, before.size, maxBytes);
    if (large !== undefined && (words === undefined || before.size > MAX_SEARCHED)) return large;
    const buffer = Buffer.allocUnsafe(before.size);
    let length = 0;
    for (let n = 1; n > 0 && length < buffer.length; length += n)
      n = readSync(fd, buffer, length, buffer.length - length, length);
    const after = fstatSync(fd);
    const bytes = buffer.subarray(0, length);
    if (words !== undefined && !isUtf16(bytes) && !words.some((w) => bytes.includes(w))) return undefined;
    if (large !== undefined) return large;
    const file = sourceOf(path, bytes);
    if (!('text' in file) || (after.size === before.size && after.mtimeMs === before.mtimeMs)) return file;
    return {
      ...file,
      note: { reason: 'changed while it was read: run again for what it holds now', kind: 'unreadable' },
    };
  } catch (error) {
    return unreadable(path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'a loop of symbolic links',
};

export function unreadable(path: string, error: unknown): LeftOut {
  const { code } = error as NodeJS.ErrnoException;
  const denied = code === 'EACCES' || code === 'EPERM';
  return { path, reason: `cannot be read: ${why(error)}`, kind: 'unreadable', denied };
}

export function why(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return WORDS[code ?? ''] ?? message;
}
