/** Links translation units into programs: one per `main`, and one library of what no `main` reaches. */
import type { FunctionBody, GlobalVariable, TranslationUnit } from '../ir/ir.ts';
import { type Program, variableBase } from './context.ts';

/** Splits one link universe into programs. A file without `main` belongs to each program that names its functions. */
export function linkPrograms(units: readonly TranslationUnit[]): Program[] {
  const mains = units.filter((u) => u.functions.some((f) => f.name === 'main'));
  const libraries = units.filter((u) => !mains.includes(u));
  if (mains.length === 0) return libraries.length === 0 ? [] : [link(libraries)];
  const used = new Set<TranslationUnit>();
  const programs = mains.map((main) => {
    const members = reachable(main, libraries);
    for (const m of members) used.add(m);
    return link(members);
  });
  const rest = libraries.filter((u) => !used.has(u));
  return rest.length === 0 ? programs : [...programs, link(rest)];
}

/** The files that a program needs, by the functions and globals its files name. */
function reachable(main: TranslationUnit, libraries: readonly TranslationUnit[]): TranslationUnit[] {
  const members = [main];
  const open = [...libraries];
  for (let i = 0; i < members.length; i++) {
    const names = namesUsed(members[i]!);
    for (let j = open.length - 1; j >= 0; j--) {
      const candidate = open[j]!;
      const gives =
        candidate.functions.some((f) => !f.static && names.has(f.name)) ||
        candidate.globals.some((g) => g.variable.storage === 'global' && names.has(g.variable.name));
      if (gives) {
        members.push(candidate);
        open.splice(j, 1);
      }
    }
  }
  return members;
}

function namesUsed(unit: TranslationUnit): Set<string> {
  const names = new Set<string>();
  const text = JSON.stringify([unit.functions.map((f) => f.blocks), unit.globals], (_k, v: unknown) =>
    typeof v === 'bigint' ? v.toString() : v,
  );
  for (const m of text.matchAll(/"name":"([A-Za-z_]\w*)"/g)) names.add(m[1]!);
  return names;
}

export function link(units: readonly TranslationUnit[]): Program {
  const functions: FunctionBody[] = [];
  const byName = new Map<string, FunctionBody | null>();
  const byFile = new Map<string, FunctionBody>();
  const globals: GlobalVariable[] = [];
  const byBase = new Map<string, GlobalVariable>();
  const seen = new Set<string>();
  for (const unit of units) {
    for (const f of unit.functions) {
      if (f.static) {
        // A header's static functions come with every file that includes it; one body serves all.
        byFile.set(`${unit.path}#${f.name}`, byFile.get(`${unit.path}#${f.name}`) ?? f);
        byFile.set(f.id, byFile.get(f.id) ?? f);
        if (!seen.has(f.id)) functions.push(f);
        seen.add(f.id);
      } else {
        // Two definitions of one name: neither is followed.
        byName.set(f.name, byName.has(f.name) ? null : f);
        functions.push(f);
      }
    }
    for (const g of unit.globals) {
      const base = variableBase(g.variable);
      const known = byBase.get(base);
      if (known === undefined || (known.initialiserSpan === undefined && g.initialiserSpan !== undefined))
        byBase.set(base, g);
    }
  }
  globals.push(...byBase.values());
  return {
    functions,
    globals,
    function: (name, file) => byFile.get(`${file}#${name}`) ?? byName.get(name) ?? undefined,
    global: (base) => byBase.get(base),
  };
}
