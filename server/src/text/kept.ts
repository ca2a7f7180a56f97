/** A disk that remembers: what was read is read again only when the file has changed. */
import { statSync } from 'node:fs';
import { type FileSource, type LeftOut, type ReadFile, why } from './source.ts';

export interface Stamp {
  /** Equal for as long as the file stays what it is, as far as its times and its size tell. */
  readonly key: string;
  readonly bytes: number;
}

/** Undefined where there is no such file. */
export function stampOf(path: string): Stamp | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isFile() ? { key: `${stat.ino}:${stat.mtimeMs}:${stat.size}`, bytes: stat.size } : undefined;
  } catch (error) {
    // Unreadable in another way than by not being there: whoever reads it will be told.
    return { key: why(error), bytes: 0 };
  }
}

/** Keeps texts of up to so many characters in all; the oldest ones go first. */
export function keeping(below: FileSource, maxLength: number): FileSource {
  const kept = new Map<string, { readonly key: string; readonly file: ReadFile | LeftOut }>();
  let length = 0;
  const lengthOf = (file: ReadFile | LeftOut | undefined) =>
    file !== undefined && 'text' in file ? file.text.length : 0;
  const forget = (path: string) => {
    length -= lengthOf(kept.get(path)?.file);
    kept.delete(path);
  };
  return {
    ...below,
    read(path, limit) {
      const stamp = stampOf(path);
      const known = kept.get(path);
      if (known !== undefined && known.key === stamp?.key) return known.file;
      forget(path);
      const file = below.read(path, limit);
      if (stamp === undefined) return file;
      kept.set(path, { key: stamp.key, file });
      length += lengthOf(file);
      for (const oldest of kept.keys()) {
        if (length <= maxLength) break;
        forget(oldest);
      }
      return file;
    },
  };
}
