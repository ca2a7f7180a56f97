/**
 * Writes `grammars/`: names for highlighters of the constants of <linux/userfaultfd.h>, by family, so that an event that
 * stands where a feature belongs can be seen before anything is analysed. Made from the tables in `server/src/uffd`:
 * `npm run grammars` after a change there.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { EVENTS } from '../server/src/uffd/events.ts';
import { FEATURES } from '../server/src/uffd/features.ts';
import { MODES } from '../server/src/uffd/modes.ts';
import { REQUESTS } from '../server/src/uffd/requests.ts';

/** The names of each family of constants. */
export const FAMILIES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({ event: EVENTS, feature: FEATURES, request: REQUESTS, mode: MODES }).map(([family, rows]) => [
    family,
    rows.map(({ name }) => name),
  ]),
);

/** A TextMate grammar that VS Code injects into its own for C, but for comments and strings. */
function textMateGrammar(): string {
  const patterns = [...FAMILIES].map(([family, names]) => ({
    name: `support.constant.${family}.uffd.c`,
    match: `\\b(?:${names.join('|')})\\b`,
  }));
  const grammar = { scopeName: 'uffd.injection', injectionSelector: 'L:source.c -comment -string', patterns };
  return `${JSON.stringify(grammar, undefined, 2)}\n`;
}

/** Queries over the tree-sitter grammar of C, in addition to those that the editor has. */
function treeSitterQueries(): string {
  const queries = [...FAMILIES].map(
    ([family, names]) =>
      `((identifier) @constant.uffd.${family}\n  (#any-of? @constant.uffd.${family}\n${names.map((n) => `    "${n}"`).join('\n')}))\n`,
  );
  return `; extends\n\n${queries.join('\n')}`;
}

/** Paths below the project's root, and what stands there. */
export const GRAMMARS: ReadonlyMap<string, () => string> = new Map([
  ['grammars/uffd.tmLanguage.json', textMateGrammar],
  ['grammars/queries/c/highlights.scm', treeSitterQueries],
]);

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const [path, text] of GRAMMARS) writeFileSync(path, text());
