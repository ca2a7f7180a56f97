/** Generated trees on the disk. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generate, lineCount, type Program } from './generate.ts';

export interface Tree {
  /** Nominal size in kLOC. */
  readonly size: number;
  readonly folder: string;
  /** Lines that were written. */
  readonly lines: number;
}

/** A tree that holds nothing to analyse: what is left is the start of the command. */
export function emptyTree(folder: string): Tree {
  mkdirSync(folder);
  writeFileSync(join(folder, 'empty.c'), '');
  return { size: 0, folder, lines: 1 };
}

/** `size` in kLOC. */
export function writeTree(folder: string, size: number, programs: readonly Program[], seed: number): Tree {
  let lines = 0;
  for (const { path, text } of generate(size, programs, seed)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    lines += lineCount(text);
  }
  return { size, folder, lines };
}
