/** Random edits of the files of a program, as people and accidents make them; each can be done again on its own. */
import type { Generator } from './random.ts';

export type Texts = ReadonlyMap<string, string>;

/** `insert` takes the place of `removed` characters. */
export interface Edit {
  readonly path: string;
  readonly at: number;
  readonly removed: number;
  readonly insert: string;
}

const TOKENS =
  '{ } ( ) ; , * & = == ! 0 1 -1 if( else return break; switch( case while( fork(); close(uffd); uffd msg UFFD_EVENT_FORK UFFD_FEATURE_EVENT_FORK UFFDIO_API int static'.split(
    ' ',
  );
const DECLARATIONS = [
  ' struct made { int uffd; struct { int fd; } in; } made; ',
  ' enum { NONE, UFFD_EVENT_FORK }; ',
  ' typedef long msg_t; ',
  ' int helper(int); ',
  ' static int table[] = { 1, 2 }; ',
  ' union { int uffd; } u; ',
  ' __attribute__((noreturn)) ',
  ' int inner(void) { return 1; } ',
];
const DAMAGE = [
  '{',
  '}',
  '"',
  "'",
  '/*',
  '*/',
  '\\\n',
  '\n#if 0\n',
  '\n#ifdef WITH_IT\n',
  '\n#ifndef DEBUG\n',
  '\n#else\n',
  '\n#endif\n',
  '\n#define uffd fd\n',
  '\n#undef UFFD\n',
  '\n#include "shared.h"\n',
  'main',
  'é',
  '\r',
];

/** An edit of one of the files. */
export function randomEdit(texts: Texts, { below }: Generator): Edit {
  const paths = [...texts.keys()];
  const path = paths[below(paths.length)]!;
  const text = texts.get(path)!;
  const at = below(text.length + 1);
  const pick = (from: readonly string[]) => from[below(from.length)]!;
  const replace = (start: number, end: number, insert: string): Edit => ({
    path,
    at: start,
    removed: end - start,
    insert,
  });
  switch (below(12)) {
    case 10:
    case 11: {
      const comments = [...text.matchAll(/\/\*[\s\S]*?\*\/|\/\/.*/g)];
      if (comments.length === 0) return replace(at, at, ` /* ${pick(TOKENS)} */ `);
      const comment = comments[below(comments.length)]!;
      const inside = comment.index + below(comment[0].length + 1);
      return replace(
        inside,
        inside + below(2),
        pick(['', 'x', ' uffd', '*', '/', '\n', '\\', 'line\nline', ...DAMAGE]),
      );
    }
    case 9:
      return replace(at, at, pick(DECLARATIONS));
    case 0:
      return replace(at, at, String.fromCharCode(32 + below(95)));
    case 1:
      return replace(at, at + 1, '');
    case 2:
      return replace(at, at + 1, String.fromCharCode(97 + below(26)));
    case 3:
      return replace(at, at, ` ${pick(TOKENS)} `);
    case 4: {
      // A word or a mark in the place of another one.
      const token = /[A-Za-z_]\w*|[^\s\w]/g;
      token.lastIndex = at;
      const found = token.exec(text);
      const other = pick([pick(TOKENS), ...(text.match(/[A-Za-z_]\w*/g) ?? [])].slice(0, 200));
      return found === null ? replace(at, at, other) : replace(found.index, found.index + found[0].length, other);
    }
    case 5: {
      const { start, end } = lineAt(text, at);
      return replace(start, end, '');
    }
    case 6: {
      const from = lineAt(text, below(text.length + 1));
      const { start } = lineAt(text, at);
      return replace(start, start, text.slice(from.start, from.end));
    }
    case 7:
      return replace(at, at, pick(DAMAGE));
    default:
      return replace(0, 0, pick(['\n', '// a comment\n', '\n\n/* and\n another */\n']));
  }
}

function lineAt(text: string, at: number): { start: number; end: number } {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  const end = text.indexOf('\n', at);
  return { start, end: end < 0 ? text.length : end + 1 };
}

export function applied(texts: Texts, { path, at, removed, insert }: Edit): Texts {
  const text = texts.get(path)!;
  return new Map(texts).set(path, text.slice(0, at) + insert + text.slice(at + removed));
}

/** The edit that takes this one back. */
export function inverse(texts: Texts, { path, at, removed, insert }: Edit): Edit {
  return { path, at, removed: insert.length, insert: texts.get(path)!.slice(at, at + removed) };
}

/** Fewer edits that still fail. `fails` is asked at most so many times. */
export async function shrink(
  edits: readonly Edit[],
  fails: (edits: readonly Edit[]) => Promise<boolean>,
  tries = 150,
): Promise<readonly Edit[]> {
  let smallest = edits;
  let left = tries;
  for (let size = Math.ceil(edits.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < smallest.length && left > 0; ) {
      const fewer = [...smallest.slice(0, from), ...smallest.slice(from + size)];
      left--;
      if (fewer.length < smallest.length && (await fails(fewer))) smallest = fewer;
      else from += size;
    }
  }
  return smallest;
}
