/**
 * Splits the files of a run into components: two files are in one where the content of one can change what is found in
 * the other. That is so for the files of one program, for all files that no `main` reaches (they are one program), and
 * for a file and whoever may define a name that it uses, in whatever configuration. Headers that are only included do
 * not bind their includers together: what is found in them is put together at the end.
 */
import { divide, linkNames } from '../engine/division.ts';
import { scanNames } from '../syntax/names.ts';
import { findDirectives } from '../syntax/preprocess.ts';
import type { Unit } from './units.ts';

/** What a parsed file has to say about what it is bound to. Plain data: it is kept in files too. */
export interface FileFacts {
  readonly path: string;
  /** Project headers that it includes. */
  readonly includes: readonly string[];
  readonly hasMain: boolean;
  /** It has `main` under a condition that a build may decide either way. */
  readonly mayLoseMain: boolean;
  /** External names that it defines and uses, as it is likely built. */
  readonly defined: readonly string[];
  readonly used: readonly string[];
  /** Those that other decisions of its conditions may add. */
  readonly mayDefine: readonly string[];
  readonly mayUse: readonly string[];
  /** Words are pasted together under such a condition: they may name anything. */
  readonly mayUseAnything: boolean;
}

/** Of a file that could not be parsed: it is bound to nothing. */
export function factsOfNothing(path: string): FileFacts {
  return {
    path,
    includes: [],
    hasMain: false,
    mayLoseMain: false,
    defined: [],
    used: [],
    mayDefine: [],
    mayUse: [],
    mayUseAnything: false,
  };
}

const IDENTIFIER = /[A-Za-z_]\w*/g;

/** Units do not change. */
const known = new WeakMap<Unit, FileFacts>();

export function factsOf(unit: Unit): FileFacts {
  let facts = known.get(unit);
  if (facts === undefined) {
    facts = readFacts(unit);
    known.set(unit, facts);
  }
  return facts;
}

function readFacts(unit: Unit): FileFacts {
  const { path, hasMain, defined, used } = linkNames(unit);
  const groups = unit.choices.map((c) => unit.texts.get(c.file)!.slice(c.start, c.end));
  const mayDefine = new Set<string>();
  const mayUse = new Set<string>();
  const open = groups.length > 0;
  const bodies = open ? [...unit.texts.values()].flatMap(macroTexts) : [];
  for (const text of [...groups, ...bodies]) for (const [name] of text.matchAll(IDENTIFIER)) mayUse.add(name);
  for (const [file, text] of open ? unit.texts : []) {
    for (const item of scanNames(file, text).items)
      if (!item.static) for (const name of item.declares) mayDefine.add(name);
  }
  return {
    path,
    includes: [...unit.texts.keys()].filter((p) => p !== path),
    hasMain,
    mayLoseMain: hasMain && groups.some((g) => /\bmain\b/.test(g)),
    defined: [...defined],
    used: [...used],
    mayDefine: [...mayDefine],
    mayUse: [...mayUse],
    mayUseAnything: bodies.some((b) => b.replace(/,\s*##/g, '').includes('##')),
  };
}

function macroTexts(text: string): string[] {
  return findDirectives(text).flatMap((d) => (d.name === 'define' ? [d.rest] : []));
}

/** Each file in one list; lists and their files in the order in which the files are given. */
export function componentsOf(
  files: readonly FileFacts[],
  targetsOf?: (path: string) => readonly string[],
): (readonly FileFacts[])[] {
  const groups = new Groups(files.length);
  const named = files.map((f, index) => ({ ...f, defined: new Set(f.defined), used: new Set(f.used), index }));
  const { programs, library } = divide(named, targetsOf);
  const unbound = [...library, ...named.filter((f) => f.mayLoseMain)];
  for (const members of [...programs, unbound]) for (const m of members) groups.unite(m.index, members[0]!.index);
  const definers = new Map<string, number[]>();
  const shared = named.filter((f) => !f.hasMain || f.mayLoseMain);
  for (const { index, defined, mayDefine } of shared) {
    for (const name of new Set([...defined, ...mayDefine])) {
      const known = definers.get(name);
      if (known === undefined) definers.set(name, [index]);
      else known.push(index);
    }
  }
  for (const { index, used, mayUse, mayUseAnything } of named) {
    for (const name of [...used, ...mayUse]) for (const other of definers.get(name) ?? []) groups.unite(index, other);
    if (mayUseAnything) for (const other of shared) groups.unite(index, other.index);
  }
  const lists = new Map<number, FileFacts[]>();
  for (const [index, file] of files.entries()) {
    const group = groups.find(index);
    const list = lists.get(group);
    if (list === undefined) lists.set(group, [file]);
    else list.push(file);
  }
  return [...lists.values()];
}

/** Union-find over indices. */
class Groups {
  private readonly parents: number[];

  constructor(size: number) {
    this.parents = Array.from({ length: size }, (_, i) => i);
  }

  find(index: number): number {
    let at = index;
    for (let up = this.parents[at]!; up !== at; up = this.parents[at]!) {
      // Halves the path.
      this.parents[at] = this.parents[up]!;
      at = this.parents[at]!;
    }
    return at;
  }

  unite(a: number, b: number): void {
    this.parents[this.find(a)] = this.find(b);
  }
}
