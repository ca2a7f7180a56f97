/** Links the translation units of each program: who is meant by a name, and which functions are roots. */
import type { FunctionBody, GlobalVariable, TranslationUnit } from '../ir/ir.ts';
import { libraryFunction } from '../libc/effects.ts';
import { type Program, variableBase } from './context.ts';
import { chooseDefinition, divide, linkNames, type TargetsOf } from './division.ts';

export { chooseDefinition, sameFolder } from './division.ts';

export interface LinkOptions {
  readonly targetsOf?: TargetsOf | undefined;
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

/** Splits one link universe into programs. */
export function linkPrograms(units: readonly TranslationUnit[], options: LinkOptions = {}): LinkedProgram[] {
  // Whose names are meant needs no telling where there is one unit.
  if (units.length === 1) return [link(units, options)];
  const named = units.map((unit) => ({ ...linkNames(unit), unit }));
  const { programs, library } = divide(named, options.targetsOf);
  const groups = library.length === 0 ? programs : [...programs, library];
  return groups.map((members) =>
    link(
      members.map((m) => m.unit),
      options,
    ),
  );
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
  const resolve = (name: string, file: string) => {
    const defined = externals.get(name);
    return (
      statics.get(`${file}#${name}`) ??
      (defined === undefined ? staticOrHeaders(name) : chooseDefinition(defined, file, options.targetsOf)?.body)
    );
  };
  /** By file and name: it is asked for at every call. */
  const resolved = new Map<string, Map<string, FunctionBody | undefined>>();
  return {
    files: units.map((u) => u.path),
    hasMain: functions.some((f) => f.name === 'main'),
    bodies: functions,
    functions: options.isRoot === undefined ? functions : functions.filter(options.isRoot),
    globals: [...byBase.values()],
    function: (name, file) => {
      let inFile = resolved.get(file);
      if (inFile === undefined) {
        inFile = new Map();
        resolved.set(file, inFile);
      }
      if (!inFile.has(name)) inFile.set(name, resolve(name, file));
      return inFile.get(name);
    },
    global: (base) => byBase.get(base),
  };
}
