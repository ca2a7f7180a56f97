/** What is analysed together with a document: what the command would take for its folder, as far as it is known. */
import { dirname } from 'node:path';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { MENTION_WORDS } from '../analysis/analyse.ts';
import type { OtherFiles } from '../analysis/refutable.ts';
import type { CompileDatabase } from '../text/compile-commands.ts';
import { isCpp } from '../text/files.ts';
import type { Settings } from './settings.ts';
import type { Workspace } from './workspace.ts';

export interface Universe {
  /** Equal for documents that are analysed together. */
  readonly key: string;
  readonly files: readonly string[];
  readonly neighbours: readonly string[];
  readonly settings: Settings;
  readonly database: CompileDatabase | undefined;
  /** Whether there are files that are not known; undefined where all are. */
  readonly others: OtherFiles['others'] | undefined;
}

/** Open documents by path. */
export type Open = ReadonlyMap<string, TextDocument>;

export function universeOf(path: string, open: Open, workspace: Workspace): Universe {
  const project = workspace.projectOf(path);
  const own = [...open.keys()].filter((p) => p === path || (C_FILE.test(p) && isC(open.get(p)!)));
  // A file of an odd name is C because somebody opened it so; it is alone with that.
  const key = `${project?.folder ?? `no folder|${dirname(path)}`}|${C_FILE.test(path) ? '' : path}`;
  if (project === undefined) {
    const files = own.filter((p) => dirname(p) === dirname(path)).sort();
    return { key, files, neighbours: [], settings: workspace.loose, database: undefined, others: 'none' };
  }
  const { settings, database, scanned } = project;
  const opened = own.filter((p) => workspace.projectOf(p) === project);
  const files = new Set(opened.filter((p) => scanned === undefined || mentions(open.get(p)!.getText())));
  const neighbours = new Set(opened.filter((p) => !files.has(p)));
  for (const [p, seen] of scanned?.files ?? []) {
    if (open.has(p) || seen.leftOut !== undefined) continue;
    (seen.mentions ? files : neighbours).add(p);
  }
  return {
    key,
    files: [...files].sort(),
    neighbours: [...neighbours].sort(),
    settings,
    database,
    others: project.isWhole ? undefined : 'hidden',
  };
}

const C_FILE = /\.[ch]$/;

function mentions(text: string): boolean {
  return MENTION_WORDS.some((word) => text.includes(word));
}

/** Clients attach a server to C++ too when they are told to; nothing is claimed about it. */
export function isC(document: TextDocument): boolean {
  return !/^(cpp|c\+\+|cuda|objc|objective-c)/i.test(document.languageId) && !isCpp(document.uri);
}
