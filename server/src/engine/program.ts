/**
 * Links translation units into programs: one per `main` with what it reaches by external symbols, and one library of
 * what no `main` reaches. A name with several definitions means the one of the same target, else the one in the same
 * folder, else none.
 */
import type { FunctionBody, GlobalVariable, TranslationUnit } from '../ir/ir.ts';
import { type Visitor, visitBody, visitInitialiser } from '../ir/visit.ts';
import { libraryFunction } from '../libc/effects.ts';
import { type Program, variableBase } from './context.ts';

export interface LinkOptions {
  /** What the file is built into, where a compile database tells. */
  readonly targetsOf?: ((path: string) => readonly string[]) | undefined;
  /** Functions that are run for their own sake when nobody calls them; all, where this is not given. */
  readonly isRoot?: ((body: FunctionBody) => boolean) | undefined;
}

export interface LinkedProgram extends Program {
  /** Translation units, the one with `main` first. */
  readonly files: readonly string[];
  readonly hasMain: boolean;
  /** All functions, those that are no roots included. */
  readonly bodies: readonly FunctionBody[];
}

/** The one of several definitions that a file means. */
export function chooseDefinition<T extends { readonly path: string }>(
  candidates: readonly T[],
  from: string,
  targetsOf: (path: string) => readonly string[] = () => [],
): T | undefined {
  const only = (list: readonly T[]) => (list.length === 1 ? list[0] : undefined);
  const targets = targetsOf(from);
  const folder = folderOf(from);
  return (
    candidates.find((c) => c.path === from) ??
    only(candidates) ??
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

/** Splits one link universe into programs. */
export function linkPrograms(units: readonly TranslationUnit[], options: LinkOptions = {}): LinkedProgram[] {
  const mains = units.filter((u) => u.functions.some((f) => f.name === 'main'));
  const libraries = units.filter((u) => !mains.includes(u));
  const definers = new Map<string, TranslationUnit[]>();
  for (const unit of libraries) {
    for (const name of definedNames(unit)) definers.set(name, [...(definers.get(name) ?? []), unit]);
  }
  const used = new Set<TranslationUnit>();
  const programs = mains.map((main) => {
    const members = reachable(main, definers, options);
    for (const m of members) used.add(m);
    return link(members, options);
  });
  const rest = libraries.filter((u) => !used.has(u));
  return rest.length === 0 ? programs : [...programs, link(rest, options)];
}

function definedNames(unit: TranslationUnit): Set<string> {
  const names = new Set<string>();
  for (const f of unit.functions) if (!f.static) names.add(f.name);
  for (const g of unit.globals) if (g.variable.storage === 'global') names.add(g.variable.name);
  return names;
}

/** The files that a program needs, by the functions and globals its files name. */
function reachable(
  main: TranslationUnit,
  definers: ReadonlyMap<string, readonly TranslationUnit[]>,
  options: LinkOptions,
): TranslationUnit[] {
  const members = new Set([main]);
  for (const member of members) {
    const own = definedNames(member);
    for (const name of usedNames(member)) {
      const found = own.has(name)
        ? undefined
        : chooseDefinition(definers.get(name) ?? [], member.path, options.targetsOf);
      if (found !== undefined) members.add(found);
    }
  }
  return [...members];
}

/** Functions and external variables that a file names. */
function usedNames(unit: TranslationUnit): Set<string> {
  const names = new Set<string>();
  const visitor: Visitor = {
    expr: (e) => {
      if ((e.kind === 'function' || e.kind === 'unknown') && e.name !== undefined) names.add(e.name);
    },
    place: ({ base }) => {
      if (base.kind === 'variable' && base.variable.storage === 'global') names.add(base.variable.name);
    },
  };
  for (const f of unit.functions) visitBody(f, visitor);
  for (const g of unit.globals) visitInitialiser(g, visitor);
  return names;
}

export function link(units: readonly TranslationUnit[], options: LinkOptions = {}): LinkedProgram {
  const functions: FunctionBody[] = [];
  const externals = new Map<string, { readonly path: string; readonly body: FunctionBody }[]>();
  const statics = new Map<string, FunctionBody>();
  const staticNames = new Map<string, FunctionBody | null>();
  const byBase = new Map<string, GlobalVariable>();
  for (const unit of units) {
    for (const f of unit.functions) {
      if (f.static) {
        // A header's static functions come with every file that includes it; one body serves all.
        if (statics.has(f.id)) continue;
        statics.set(f.id, f);
        staticNames.set(f.name, staticNames.has(f.name) ? null : f);
        functions.push(f);
      } else {
        const known = externals.get(f.name) ?? [];
        const body = known.length === 0 ? f : { ...f, id: `${f.file}#${f.name}` };
        externals.set(f.name, [...known, { path: f.file, body }]);
        functions.push(body);
      }
    }
    for (const g of unit.globals) {
      const base = variableBase(g.variable);
      const known = byBase.get(base);
      if (known === undefined || (known.initialiserSpan === undefined && g.initialiserSpan !== undefined))
        byBase.set(base, g);
    }
  }
  // A static function may be called from another file through a pointer; a header's is called by its name, even by one
  // that a library has too.
  const staticOrHeaders = (name: string) => {
    const body = staticNames.get(name) ?? undefined;
    return libraryFunction(name) === undefined || body?.file.endsWith('.h') === true ? body : undefined;
  };
  return {
    files: units.map((u) => u.path),
    hasMain: functions.some((f) => f.name === 'main'),
    bodies: functions,
    functions: options.isRoot === undefined ? functions : functions.filter(options.isRoot),
    globals: [...byBase.values()],
    function: (name, file) => {
      const defined = externals.get(name);
      return (
        statics.get(`${file}#${name}`) ??
        (defined === undefined ? staticOrHeaders(name) : chooseDefinition(defined, file, options.targetsOf)?.body)
      );
    },
    global: (base) => byBase.get(base),
  };
}
