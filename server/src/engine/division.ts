/**
 * Which files make a program, by the names that they define and use: each `main` with what it reaches, and one library
 * of what none reaches. A name with several definitions means the one of the same target, else the one in the same
 * folder, else none; a C library's function means the library's unless the definition is of the same target or folder.
 */
import { originOf } from '../ir/copy.ts';
import type { FunctionBody, TranslationUnit } from '../ir/ir.ts';
import { type Visitor, visitBody, visitInitialiser } from '../ir/visit.ts';
import { libraryFunction } from '../libc/effects.ts';

/** What a file is built into, where a compile database tells. */
export type TargetsOf = (path: string) => readonly string[];

/** What linking asks of a file. */
export interface LinkNames {
  readonly path: string;
  readonly hasMain: boolean;
  /** External functions and variables that it defines. */
  readonly defined: ReadonlySet<string>;
  /** Functions and external variables that it names. */
  readonly used: ReadonlySet<string>;
}

export function linkNames(unit: TranslationUnit): LinkNames {
  return {
    path: unit.path,
    hasMain: unit.functions.some((f) => f.name === 'main'),
    defined: definedNames(unit),
    used: usedNames(unit),
  };
}

/** The files of each program, the one with `main` first, and those that no `main` reaches. */
export function divide<T extends LinkNames>(
  files: readonly T[],
  targetsOf?: TargetsOf,
): { readonly programs: readonly (readonly T[])[]; readonly library: readonly T[] } {
  const libraries = files.filter((f) => !f.hasMain);
  const definers = new Map<string, T[]>();
  for (const file of libraries) {
    for (const name of file.defined) {
      const known = definers.get(name);
      if (known === undefined) definers.set(name, [file]);
      else known.push(file);
    }
  }
  const used = new Set<T>();
  const programs = files
    .filter((f) => f.hasMain)
    .map((main) => {
      const members = reachable(main, definers, targetsOf);
      for (const m of members) used.add(m);
      return members;
    });
  return { programs, library: libraries.filter((f) => !used.has(f)) };
}

/** The one of several definitions that a file means. */
export function chooseDefinition<T extends { readonly path: string }>(
  candidates: readonly T[],
  from: string,
  targetsOf: TargetsOf = () => [],
): T | undefined {
  if (candidates.length < 2) return candidates[0];
  const only = (list: readonly T[]) => (list.length === 1 ? list[0] : undefined);
  const targets = targetsOf(from);
  const folder = folderOf(from);
  return (
    candidates.find((c) => c.path === from) ??
    only(candidates.filter((c) => targetsOf(c.path).some((t) => targets.includes(t)))) ??
    only(candidates.filter((c) => folderOf(c.path) === folder))
  );
}

export function sameFolder(a: string, b: string): boolean {
  return folderOf(a) === folderOf(b);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** The files that a program needs, by the functions and globals its files name. */
function reachable<T extends LinkNames>(
  main: T,
  definers: ReadonlyMap<string, readonly T[]>,
  targetsOf: TargetsOf | undefined,
): T[] {
  const members = new Set([main]);
  for (const member of members) {
    for (const name of member.used) {
      const candidates = definers.get(name);
      if (candidates === undefined || member.defined.has(name)) continue;
      const found = chooseDefinition(candidates, member.path, targetsOf);
      if (found !== undefined && !isReplacement(name, found.path, member.path, targetsOf)) members.add(found);
    }
  }
  return [...members];
}

/**
 * A file elsewhere that defines read() or ioctl() is made to be preloaded, or a test's double: it is not what every
 * program of the run means. userfaultfd() itself the C library does not have.
 */
function isReplacement(name: string, definer: string, user: string, targetsOf: TargetsOf = () => []): boolean {
  const row = libraryFunction(name);
  if (row === undefined || row.kind === 'userfaultfd' || sameFolder(definer, user)) return false;
  const targets = targetsOf(user);
  return !targetsOf(definer).some((t) => targets.includes(t));
}

function definedNames(unit: TranslationUnit): Set<string> {
  const names = new Set<string>();
  for (const f of unit.functions) if (!f.static) names.add(f.name);
  for (const g of unit.globals) if (g.variable.storage === 'global') names.add(g.variable.name);
  return names;
}

function usedNames(unit: TranslationUnit): Set<string> {
  const names = new Set<string>();
  for (const f of unit.functions) for (const name of namesIn(f)) names.add(name);
  for (const g of unit.globals) visitInitialiser(g, noting(names));
  // A function of its own is meant by its name, whoever else has one of that name.
  for (const f of unit.functions) if (f.static) names.delete(f.name);
  return names;
}

/** By the function as it was lowered: where it stands makes no difference. */
const named = new WeakMap<FunctionBody, ReadonlySet<string>>();

function namesIn(body: FunctionBody): ReadonlySet<string> {
  const origin = originOf(body);
  let names = named.get(origin);
  if (names === undefined) {
    const found = new Set<string>();
    visitBody(origin, noting(found));
    names = found;
    named.set(origin, names);
  }
  return names;
}

function noting(names: Set<string>): Visitor {
  return {
    expr: (e) => {
      if ((e.kind === 'function' || e.kind === 'unknown') && e.name !== undefined) names.add(e.name);
    },
    place: ({ base }) => {
      if (base.kind === 'variable' && base.variable.storage === 'global') names.add(base.variable.name);
    },
  };
}
