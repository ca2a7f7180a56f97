import type { Plugin } from 'esbuild';

/** Source texts by path, of what the entries lead to and what changes in it. */
export function plainLoops(entries: readonly string[], configPath?: string): ReadonlyMap<string, string>;

/** Loads these texts in the place of the files. */
export function plainLoopsPlugin(texts: ReadonlyMap<string, string>): Plugin;
