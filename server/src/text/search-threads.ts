/** Which of many files are worth reading: two threads look for some words in their bytes. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { searchOn, shareSearch } from './shared-search.ts';

/** Files from which on a second thread has paid for its start: some tenths of a second on one. */
const MANY_FILES = 3000;

/**
 * The paths of regular files in whose bytes none of the words stands. Those that cannot be read, and any others that
 * have something unusual about them, are not among them; nor is any where there are few files.
 */
export async function findSilent(
  paths: readonly string[],
  words: readonly string[],
  fromFiles = MANY_FILES,
): Promise<ReadonlySet<string>> {
  if (paths.length < fromFiles) return new Set();
  const search = shareSearch(paths, words);
  const done = startThread(search);
  searchOn(search);
  await done;
  return new Set(paths.filter((_, i) => search.silent[i] === 1));
}

/** Ends with the thread, whatever became of it: what it did not look at counts as not silent. */
function startThread(search: unknown): Promise<void> {
  // Loaded here: most runs start no thread.
  const { Worker } = createRequire(import.meta.url)('node:worker_threads') as typeof import('node:worker_threads');
  return new Promise((resolve) => {
    const thread = new Worker(threadEntry(), { workerData: search });
    thread.once('error', () => resolve());
    thread.once('exit', () => resolve());
  });
}

/** Beside the bundle, or beside this source under a TypeScript loader. */
function threadEntry(): string | URL {
  const here = import.meta.url;
  return here.startsWith('file:') ? new URL('./search-thread.ts', here) : join(dirname(here), 'search-thread.cjs');
}
