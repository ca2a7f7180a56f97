/**
 * Trees of C programs that differ in size alone. A unit is a folder of about 1,000 lines: one program that uses
 * userfaultfd, in as many files as it has, and files of plain functions that it calls, which call a file that all units
 * share. The programs take turns, so from as many units on as there are programs the density is the same.
 */
import { PLAIN_INCLUDES, plainFunction } from './plain-code.ts';
import { Random } from './random.ts';

export interface GeneratedFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** A program that uses userfaultfd: its files by name, one of them with main(). */
export type Program = readonly GeneratedFile[];

export const UNIT_LINES = 1000;
const FILE_LINES = 300;
/** A function calls functions of lower levels among the last so many before it, so calls are never deeper. */
const REACH = 12;
const LEVELS = 4;
/** Functions that main() reaches directly. */
const ENTRIES = 6;
/** Functions in the file that all units share. */
const SHARED = 8;
const MAIN = /^(int\s+)?main\([^)]*\)\s*\{\n/m;

/** The files of so many units; the same for the same arguments. */
export function* generate(units: number, programs: readonly Program[], seed: number): Generator<GeneratedFile> {
  const random = new Random(seed);
  const shared = Array.from({ length: SHARED }, (_, i) => `shared_${i}`);
  const functions = shared.map((name) => `\n${plainFunction(random, name, [])}`).join('');
  yield { path: 'common/common.c', text: `${PLAIN_INCLUDES}${functions}` };
  yield header('common/common', shared);
  for (let unit = 0; unit < units; unit++) {
    const name = `unit${String(unit).padStart(4, '0')}`;
    const entry = `${name}_prepare`;
    let lines = 0;
    for (const { path, text } of programs[unit % programs.length]!) {
      const file = { path: `${name}/${path}`, text: withCall(text, name, entry) };
      lines += lineCount(file.text);
      yield file;
    }
    yield* plainFiles(name, entry, UNIT_LINES - lines, shared, random);
  }
}

/** Lines of a text that ends with its last line's end. */
export function lineCount(text: string): number {
  return text.split('\n').length - 1;
}

/** main() calls the plain functions first. */
function withCall(text: string, unit: string, entry: string): string {
  if (!MAIN.test(text)) return text;
  return `#include "${unit}.h"\n${text.replace(MAIN, (head) => `${head}\t${entry}(${unit.length}, "${unit}");\n`)}`;
}

/** Files of plain functions with a header, about `lines` lines in all; the last function is `entry`. */
function* plainFiles(
  unit: string,
  entry: string,
  lines: number,
  shared: readonly string[],
  random: Random,
): Generator<GeneratedFile> {
  const names: string[] = [];
  let left = lines;
  for (let file = 0; left > 0; file++) {
    let text = `${PLAIN_INCLUDES}#include "../common/common.h"\n#include "${unit}.h"\n`;
    // A function and its line in the header.
    while (left > 0 && lineCount(text) < FILE_LINES) {
      const name = `${unit}_${names.length}`;
      const before = lineCount(text);
      text += `\n${plainFunction(random, name, calleesOf(names, shared))}`;
      left -= lineCount(text) - before + 1;
      names.push(name);
    }
    left -= 2 + PLAIN_INCLUDES.split('\n').length;
    if (left <= 0) {
      text += `\nlong ${entry}(long n, const char *s)\n{\n\treturn ${names
        .slice(-ENTRIES)
        .map((f) => `${f}(n, s)`)
        .join(' +\n\t\t')};\n}\n`;
      names.push(entry);
    }
    yield { path: `${unit}/plain${file}.c`, text };
  }
  yield header(`${unit}/${unit}`, names);
}

/** What the function after `names` may call. */
function calleesOf(names: readonly string[], shared: readonly string[]): string[] {
  const level = names.length % LEVELS;
  if (level === 0) return [];
  return [...names.filter((_, i) => i >= names.length - REACH && i % LEVELS < level), ...shared];
}

/** Prototypes of functions. `path` is without the `.h`. */
function header(path: string, names: readonly string[]): GeneratedFile {
  const guard = `${path.replace(/\W/g, '_').toUpperCase()}_H`;
  const prototypes = names.map((name) => `long ${name}(long n, const char *s);\n`).join('');
  return { path: `${path}.h`, text: `#ifndef ${guard}\n#define ${guard}\n\n${prototypes}\n#endif\n` };
}
