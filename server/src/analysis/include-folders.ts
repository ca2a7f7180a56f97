/**
 * Folders that a build names with `-I`, where nobody says so: a header that lies in the tree and whose path ends as the
 * `#include` has it says where its folder is. Files that mention userfaultfd are asked alone: what is drawn in beside
 * them is mostly large, and its headers say little of userfaultfd.
 */
import { findHeader, isSystemHeader } from '../syntax/file.ts';
import type { FileNames } from '../syntax/names.ts';
import { HeaderNames } from './header-names.ts';
import { mentions } from './source-file.ts';

/** Headers below one file that are asked for theirs. */
const MAX_HEADERS = 400;

export interface TreeOfHeaders {
  /** All files that are known of, by path. */
  readonly paths: Iterable<string>;
  readonly read: (path: string) => string | undefined;
  readonly scan: (path: string, text: string) => FileNames;
  /** Folders that were given for the file. */
  readonly configured: (path: string) => readonly string[];
}

export class IncludeFolders {
  private readonly tree: TreeOfHeaders;
  private readonly headers: HeaderNames;
  private readonly own = new Map<string, readonly string[]>();
  private readonly all = new Map<string, readonly string[]>();

  constructor(tree: TreeOfHeaders) {
    this.tree = tree;
    this.headers = new HeaderNames(tree.paths);
  }

  /** For what the file itself includes. */
  ownOf(path: string): readonly string[] {
    let own = this.own.get(path);
    if (own === undefined) {
      own = this.isAsked(path) ? this.findFor(path, this.tree.configured(path)).folders : [];
      this.own.set(path, own);
    }
    return own;
  }

  /** For what the file includes, and what that includes. */
  of(path: string): readonly string[] {
    let all = this.all.get(path);
    if (all === undefined) {
      const folders = new Set<string>();
      const configured = this.tree.configured(path);
      const paths = new Set(this.isAsked(path) ? [path] : []);
      for (const at of paths) {
        const found = this.findFor(at, [...configured, ...folders]);
        for (const folder of found.folders) folders.add(folder);
        if (paths.size < MAX_HEADERS) for (const header of found.headers) paths.add(header);
      }
      all = [...folders];
      this.all.set(path, all);
    }
    return all;
  }

  private isAsked(path: string): boolean {
    return !this.headers.isEmpty && mentions(this.tree.read(path) ?? '');
  }

  private findFor(path: string, given: readonly string[]): { folders: readonly string[]; headers: readonly string[] } {
    const folders: string[] = [];
    const headers: string[] = [];
    const text = this.tree.read(path);
    if (text === undefined) return { folders, headers };
    for (const name of this.tree.scan(path, text).includes) {
      if (isSystemHeader(name)) continue;
      const find = () => findHeader(path, name, { readHeader: this.tree.read, includePaths: [...given, ...folders] });
      let found = find();
      if (found === undefined) {
        const folder = this.folderFor(path, name.slice(1, -1));
        if (folder === undefined) continue;
        folders.push(folder);
        found = find();
      }
      if (found !== undefined) headers.push(found.path);
    }
    return { folders, headers };
  }

  /** The folder of the one header of this name that is nearest; undefined where two are equally near. */
  private folderFor(from: string, name: string): string | undefined {
    if (/^\/|(?:^|\/)\.\.?(?:\/|$)/.test(name)) return undefined;
    let best: string | undefined;
    let most = -1;
    for (const path of this.headers.of(name)) {
      const common = commonFolders(from, path);
      if (common === most) best = undefined;
      if (common <= most) continue;
      best = path;
      most = common;
    }
    if (best === undefined) return undefined;
    return best === name ? '.' : best.slice(0, -name.length - 1);
  }
}

function commonFolders(a: string, b: string): number {
  const [x, y] = [a.split('/'), b.split('/')];
  let common = 0;
  while (common < x.length - 1 && common < y.length - 1 && x[common] === y[common]) common++;
  return common;
}
