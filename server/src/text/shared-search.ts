/** A search through many files that several threads take part in: each takes the next few until none are left. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isUtf16 } from './decode.ts';

/** Files that a thread takes at a time. */
const CHUNK = 32;
/** Bytes; the buffer grows for larger files, up to those that are left to whoever reads them for real. */
const BUFFER_BYTES = 1 << 20;
const MAX_BYTES = 1 << 26;

/** What the threads have in common. */
export interface SharedSearch {
  readonly paths: readonly string[];
  readonly words: readonly string[];
  /** One number: the first file that nobody has taken. */
  readonly next: Int32Array;
  /** By file: 1 where it was read and none of the words stands in its bytes. */
  readonly silent: Uint8Array;
}

export function shareSearch(paths: readonly string[], words: readonly string[]): SharedSearch {
  return {
    paths,
    words,
    next: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    silent: new Uint8Array(new SharedArrayBuffer(paths.length)),
  };
}

/** Takes part until all files are taken. */
export function searchOn({ paths, words, next, silent }: SharedSearch): void {
  const wanted = words.map((w) => Buffer.from(w));
  let buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const roomFor = (bytes: number) => {
    if (bytes > buffer.length) buffer = Buffer.allocUnsafe(bytes);
    return buffer;
  };
  for (let at = Atomics.add(next, 0, CHUNK); at < paths.length; at = Atomics.add(next, 0, CHUNK))
    for (let i = at; i < Math.min(at + CHUNK, paths.length); i++)
      if (isSilent(paths[i]!, wanted, roomFor)) silent[i] = 1;
}

/** None of the words stands in the file, for sure. What is unusual in any way is for others to look at. */
function isSilent(path: string, words: readonly Buffer[], roomFor: (bytes: number) => Buffer): boolean {
  let fd: number | undefined;
  try {
    // A FIFO would keep whoever opens it waiting.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_BYTES) return false;
    const buffer = roomFor(stat.size);
    let length = 0;
    for (let n = 1; n > 0 && length < stat.size; length += n)
      n = readSync(fd, buffer, length, stat.size - length, length);
    const bytes = buffer.subarray(0, length);
    return length === stat.size && !isUtf16(bytes) && !words.some((w) => bytes.includes(w));
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
