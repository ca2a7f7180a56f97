import type { Plugin } from 'esbuild';

export interface PlainCode {
  /** By path, of what the entries lead to and what changes in it. */
  readonly texts: ReadonlyMap<string, string>;
  /** A module with the classes that these texts import. */
  readonly records: string;
}

export function plainCode(entries: readonly string[], configPath?: string): PlainCode;

/** Loads these texts in the place of the files. */
export function plainCodePlugin(code: PlainCode): Plugin;
