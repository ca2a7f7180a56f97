/**
 * Which findings hold whatever stands in files that were not looked at. An editor that has not read the whole project
 * shows those alone.
 *
 * A program is closed when it has `main` and all that it names is at hand: no other file can then have a part in it.
 * By names, as the linker goes: a function or a variable that a project's file declares is defined by some file of the
 * project, and one that none declares comes from the system, unless a header is missing that may declare it. What a
 * file without a closed program does may look different in the light of its callers.
 */
import { chooseDefinition } from '../engine/program.ts';
import { libraryFunction } from '../libc/effects.ts';
import type { Finding } from '../rules/finding.ts';
import { missingFeature } from '../rules/missing-feature.ts';
import { findHeader, isSystemHeader } from '../syntax/file.ts';
import { type FileNames, type ItemNames, scanNames } from '../syntax/names.ts';
import { isHeader, type SourceFile } from './source-file.ts';

export interface OtherFiles {
  readonly read: (path: string) => string | undefined;
  readonly includePaths: (path: string) => readonly string[];
  /**
   * `hidden`: there are files beside those that are given, so even a name that one of these defines may have another
   * definition. `none`: only what no given file defines can be elsewhere.
   */
  readonly others: 'hidden' | 'none';
}

/** The findings of an analysis of `files` that no other file can refute. */
export function irrefutable(
  findings: readonly Finding[],
  files: readonly SourceFile[],
  options: OtherFiles,
): readonly Finding[] {
  if (findings.length === 0) return findings;
  const units = files.filter((f) => !isHeader(f.path)).map((f) => new UnitNames(f, options));
  const closed = closedUnits(units, options);
  return findings.filter((f) => {
    const places = new Set([f.location.file, ...f.trace.map((s) => s.location.file)]);
    const concerned = units.filter((u) => [...places].some((p) => u.files.has(p)));
    if (![...places].every((p) => concerned.some((u) => u.files.has(p)))) return false;
    if (!concerned.every((u) => closed.has(u))) return false;
    // Code that programs share may serve a feature that another program requests.
    return f.ruleId !== missingFeature.id || concerned.every((u) => u.hasMain && u.path === f.location.file);
  });
}

/** Files all of whose programs are closed. */
function closedUnits(units: readonly UnitNames[], { others }: OtherFiles): ReadonlySet<UnitNames> {
  const definers = new Map<string, UnitNames[]>();
  for (const unit of units) {
    if (unit.hasMain) continue;
    for (const name of unit.external) definers.set(name, [...(definers.get(name) ?? []), unit]);
  }
  const closed = new Set<UnitNames>();
  const open = new Set<UnitNames>();
  for (const main of units.filter((u) => u.hasMain)) {
    const members = new Set([main]);
    let isClosed = true;
    for (const member of members) {
      if (member.pastes) isClosed = false;
      for (const name of member.foreign) {
        if (main.external.has(name)) continue;
        const definer = others === 'hidden' ? undefined : chooseDefinition(definers.get(name) ?? [], member.path);
        if (definer !== undefined) members.add(definer);
        else if (member.expects(name)) isClosed = false;
      }
    }
    for (const member of members) (isClosed ? closed : open).add(member);
  }
  for (const unit of open) closed.delete(unit);
  return closed;
}

/** The names of one file and of the headers that it includes. */
class UnitNames {
  readonly path: string;
  /** The file and its headers. */
  readonly files: ReadonlySet<string>;
  readonly hasMain: boolean;
  /** What other files can name. */
  readonly external = new Set<string>();
  /** Names that it uses and does not define. */
  readonly foreign = new Set<string>();
  /** It uses a macro that pastes words together: what they name cannot be told. */
  readonly pastes: boolean;
  private readonly calls = new Set<string>();
  private readonly declared = new Set<string>();
  private readonly lacksHeader: boolean;
  private readonly texts: readonly string[];

  constructor(file: SourceFile, options: OtherFiles) {
    this.path = file.path;
    const { texts, names, lacksHeader } = withHeaders(file, options);
    this.files = new Set(texts.keys());
    this.texts = [...texts.values()];
    this.lacksHeader = lacksHeader;
    const defined = new Map<string, ItemNames[]>();
    for (const n of names) {
      for (const item of n.items) {
        const [defines, declares] = meaning(item);
        for (const name of declares) this.declared.add(name);
        for (const name of defines) defined.set(name, [...(defined.get(name) ?? []), item]);
        if (n.path === file.path && !item.static) for (const name of defines) this.external.add(name);
      }
    }
    this.hasMain = this.external.has('main');
    // The file's own functions and tables, then whatever these name in its headers.
    const items = new Set(names[0]!.items.filter((i) => i.kind !== 'declaration'));
    const macros = names.flatMap((n) => [...n.macros]);
    const used = new Set<string>();
    for (const item of items) {
      for (const name of item.uses) used.add(name);
      for (const name of item.calls) this.calls.add(name);
      for (const name of used) {
        for (const [, macro] of macros.filter(([m]) => m === name)) {
          for (const inner of macro.uses) used.add(inner);
          for (const inner of macro.calls) this.calls.add(inner);
        }
        for (const inner of defined.get(name) ?? []) if (inner.kind !== 'declaration') items.add(inner);
      }
    }
    const known = new Set([...defined.keys(), ...macros.map(([m]) => m)]);
    for (const name of used) if (!known.has(name)) this.foreign.add(name);
    this.pastes = names.some((n) => [...n.pasting].some((m) => used.has(m)));
  }

  /** True for a foreign name that a file of the project must define. */
  expects(name: string): boolean {
    if (this.declared.has(name)) return true;
    if (!this.lacksHeader || NO_CALL.test(name) || libraryFunction(name) !== undefined) return false;
    // The scan of names skips operators: `a & (b)` looks like a call to it.
    return this.calls.has(name) && this.texts.some((text) => new RegExp(`\\b${name}\\s*\\(`).test(text));
  }
}

/** What stands in front of parentheses and is no function: words of the language, and attributes with arguments. */
const NO_CALL =
  /^(?:if|while|for|do|switch|return|sizeof|int|char|long|short|unsigned|void|[a-z]+_t|__\w+|format|aligned|section|visibility|alias|cleanup|nonnull|alloc_size|constructor|destructor)$/;

/** The names that an item defines, and those that it declares for another file to define. */
function meaning(item: ItemNames): [defines: Iterable<string>, declares: Iterable<string>] {
  const isExtern = item.uses.has('extern');
  // A body may declare what it uses.
  if (item.kind === 'function') return [item.declares, isExtern ? item.calls : []];
  if (item.kind === 'initialised') return [item.declares, []];
  if (item.uses.has('typedef')) return [item.declares, []];
  const prototypes = [...item.calls].filter((c) => !NO_CALL.test(c));
  return isExtern ? [[], [...item.declares, ...prototypes]] : [item.declares, prototypes];
}

/** The names of the file first, then those of its headers; and whether one of these is missing. */
function withHeaders(
  file: SourceFile,
  { read, includePaths }: OtherFiles,
): {
  readonly texts: ReadonlyMap<string, string>;
  readonly names: readonly FileNames[];
  readonly lacksHeader: boolean;
} {
  const texts = new Map([[file.path, file.text]]);
  const names: FileNames[] = [];
  let lacksHeader = false;
  for (const [path, text] of texts) {
    const scanned = scanNames(path, text);
    names.push(scanned);
    for (const include of scanned.includes) {
      const found = findHeader(path, include, { readHeader: read, includePaths: includePaths(file.path) });
      if (found !== undefined) texts.set(found.path, texts.get(found.path) ?? found.text);
      else if (!isSystemHeader(include)) lacksHeader = true;
    }
  }
  return { texts, names, lacksHeader };
}
