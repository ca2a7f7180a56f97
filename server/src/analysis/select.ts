/**
 * Which files of a universe are parsed. Files that mention userfaultfd are the seeds. Others are drawn in by their
 * names alone: the callers of functions that lead to a mention, and what those functions call where it has an effect
 * that the engine models (a wrapper of ioctl(), a helper that forks, a function that ends the program) or has to do with
 * memory that others see (a table, a list, a variable with functions around it). A library that only computes costs one
 * pass over its tokens.
 */
import type { LinkOptions } from '../engine/program.ts';
import { findHeader } from '../syntax/file.ts';
import { type FileNames, type ItemNames, scanNames } from '../syntax/names.ts';
import type { Span } from '../text/span.ts';
import { type GraphOptions, NameGraph } from './name-graph.ts';
import { isHeader, mentions, type SourceFile } from './source-file.ts';

/** Files beyond the seeds whose names are looked at; the nearest ones by folder. Where there are many seeds, more. */
export const MAX_SCANNED = 1000;
const MAX_SCANNED_A_SEED = 20;
/** Files beyond the seeds that are parsed, of those that calls bind together. What they leave out is unknown code to the engine, and unknown is silent. */
export const MAX_DRAWN_IN = 100;
const MAX_DRAWN_IN_A_SEED = 10;

export interface Selection {
  /** Sorted by path. */
  readonly files: readonly SourceFile[];
  /** True for a function that is worth a run of its own: it leads to a mention of userfaultfd. */
  leadsToMention(place: Span): boolean;
  /** True for those, and for what they call: no other function is lowered. */
  isNeeded(place: Span): boolean;
  /** Where a stretch of a file lies: in a function or table that is needed, in one that is not, or around some. */
  at(file: string, start: number, end: number): Surroundings;
  /** True for a name that a needed function uses, directly or by a macro. */
  uses(name: string): boolean;
  /** False for what is called and is known to do nothing that the engine models. */
  acts(name: string): boolean;
  /** True for a function of these files, and for a table of some. */
  defines(name: string): boolean;
  /** False for a header of which nothing but macros is used. */
  opens(header: string): boolean;
}

export interface Surroundings {
  readonly inside: ItemNames['kind'] | 'idle' | 'nothing';
  readonly holdsNeeded: boolean;
}

export interface SelectOptions {
  /** Files that may be drawn in beside those that were given, by path. */
  readonly neighbours?: readonly string[] | undefined;
  readonly read?: ((path: string) => string | undefined) | undefined;
  readonly includePaths?: ((path: string) => readonly string[]) | undefined;
  readonly targetsOf?: LinkOptions['targetsOf'];
  /** `scanNames`, or what remembers it. */
  readonly scan?: typeof scanNames;
  /** Makes the graph of some files, or remembers it. */
  readonly graphOf?: (files: readonly FileNames[], options: GraphOptions) => NameGraph;
  /** A function that is wanted whatever it has to say. */
  readonly wanted?: string | undefined;
}

export function selectFiles(given: readonly SourceFile[], options: SelectOptions = {}): Selection {
  const mentioning = given.filter((f) => mentions(f.text)).map((f) => f.path);
  if (mentioning.length === 0 && options.wanted === undefined)
    return {
      files: [],
      leadsToMention: () => false,
      isNeeded: () => false,
      at: () => ({ inside: 'nothing', holdsNeeded: false }),
      uses: () => false,
      acts: () => false,
      defines: () => false,
      opens: () => false,
    };
  const texts = new Map(given.map((f) => [f.path, f.text]));
  const read = (path: string) => {
    const text = texts.get(path) ?? options.read?.(path);
    if (text !== undefined) texts.set(path, text);
    return text;
  };
  const namesIn = options.scan ?? scanNames;
  const graphOf = options.graphOf ?? ((names, given) => new NameGraph(names, given));
  const scanned = new Map<string, FileNames>();
  let latest: { readonly graph: NameGraph; readonly files: number } | undefined;
  const scan = (files: readonly string[]): NameGraph => {
    // Headers that are included join the set while it is walked: their macros and inline functions are names too.
    const paths = new Set(files);
    for (const path of paths) {
      const text = read(path);
      const names = scanned.get(path) ?? (text === undefined ? undefined : namesIn(path, text));
      if (names === undefined) continue;
      scanned.set(path, names);
      for (const name of names.includes) {
        const found = findHeader(path, name, { readHeader: read, includePaths: options.includePaths?.(path) });
        if (found !== undefined) paths.add(found.path);
      }
    }
    // Files only ever join.
    if (latest?.files !== scanned.size) {
      const { targetsOf, wanted } = options;
      latest = { graph: graphOf([...scanned.values()], { targetsOf, wanted }), files: scanned.size };
    }
    return latest.graph;
  };
  // Not those that have the word in comments alone, or in names of their own.
  const speaking = scan(mentioning).filesThatSpeak;
  const seeds = new Set(mentioning.filter((path) => speaking.has(path)));
  const others = [...given.map((f) => f.path), ...(options.neighbours ?? [])].filter((path) => !seeds.has(path));
  const graph = scan([
    ...seeds,
    ...nearest(others, [...seeds]).slice(0, Math.max(MAX_SCANNED, seeds.size * MAX_SCANNED_A_SEED)),
  ]);
  const drawn = new Set<string>();
  const left = new Map<string, { files: number }>();
  for (const { path } of graph.drawn) {
    // Headers come with the files that include them.
    if (seeds.has(path) || isHeader(path) || drawn.has(path)) continue;
    if (!left.has(path)) {
      const group = [...graph.boundTo(path)];
      const bound = { files: Math.max(MAX_DRAWN_IN, group.filter((p) => seeds.has(p)).length * MAX_DRAWN_IN_A_SEED) };
      for (const other of group) left.set(other, bound);
    }
    const bound = left.get(path)!;
    if (bound.files === 0) continue;
    bound.files--;
    drawn.add(path);
  }
  return {
    files: [...seeds, ...drawn].sort().map((path) => ({ path, text: texts.get(path)! })),
    leadsToMention: ({ file, start }) => graph.at(file, start).some((n) => n.leads),
    isNeeded: ({ file, start }) => graph.at(file, start).some((n) => n.needed),
    at: (file, start, end) => {
      const around = graph.at(file, start).filter((n) => end <= n.names.end);
      return {
        inside: around.length === 0 ? 'nothing' : (around.find((n) => n.needed)?.names.kind ?? 'idle'),
        holdsNeeded: graph.within(file, start, end).some((n) => n.needed),
      };
    },
    uses: (name) => graph.usedNames.has(name),
    acts: (name) => graph.acts(name),
    defines: (name) => graph.defined.has(name),
    opens: (header) => graph.opens(header),
  };
}

/** Nearest to some seed first: by the folders between them, then by name. */
function nearest(paths: readonly string[], seeds: readonly string[]): string[] {
  const folders = [...new Set(seeds.map((s) => s.split('/').slice(0, -1).join('/')))].map((f) => f.split('/'));
  const distances = new Map<string, number>();
  const distance = (path: string) => {
    const parts = path.split('/').slice(0, -1);
    const key = parts.join('/');
    let best = distances.get(key);
    if (best === undefined) {
      best = Math.min(
        ...folders.map((f) => {
          let common = 0;
          while (common < f.length && common < parts.length && f[common] === parts[common]) common++;
          return f.length + parts.length - 2 * common;
        }),
      );
      distances.set(key, best);
    }
    return best;
  };
  return [...new Set(paths)]
    .map((path) => ({ path, at: distance(path) }))
    .sort((a, b) => a.at - b.at || (a.path < b.path ? -1 : 1))
    .map((p) => p.path);
}
