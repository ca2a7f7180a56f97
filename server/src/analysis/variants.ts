/**
 * Variants of a program: each condition that a build may decide either way, and that decides something about
 * userfaultfd, is tried the other way too, one at a time; a condition that only then comes to light is tried on top of
 * it. Findings are united; one that does not exist in all of them says under which condition it does.
 */
import type { Finding } from '../rules/finding.ts';
import { findDirectives, parseDefine } from '../syntax/preprocess.ts';
import type { Unknown } from '../syntax/tree.ts';
import type { Selection as WholeSelection } from './select.ts';
import { mentions } from './source-file.ts';
import type { Unit } from './units.ts';

type Selection = Pick<WholeSelection, 'at' | 'uses' | 'acts' | 'defines'>;

/** Variants that are made of one program beside the likely one. */
export const MAX_VARIANTS = 6;

interface Files {
  readonly files: readonly string[];
}

/** Says which conditions are worth trying, each once in a run, and keeps the bound. */
export class VariantChooser {
  private readonly selection: Selection;
  private readonly programs: readonly Files[];
  private readonly count = new Map<Files, number>();
  private readonly seen = new Set<string>();

  constructor(programs: readonly Files[], selection: Selection) {
    this.programs = programs;
    this.selection = selection;
  }

  /** Conditions of these units that were not tried yet; those that speak of userfaultfd first. */
  next(units: readonly Unit[]): Unknown[] {
    const candidates = new Map<string, { readonly unknown: Unknown; speaks: boolean; readonly files: Set<string> }>();
    for (const unit of units) {
      for (const choice of unit.choices) {
        const text = unit.texts.get(choice.file)!.slice(choice.start, choice.end);
        const unknowns = choice.unknowns.filter((u) => !this.seen.has(u.key));
        if (unknowns.length === 0 || !decidesSomething(choice, text, this.selection)) continue;
        for (const unknown of unknowns) {
          const known = candidates.get(unknown.key) ?? { unknown, speaks: false, files: new Set() };
          candidates.set(unknown.key, known);
          known.files.add(unit.path);
          known.speaks ||= mentions(text);
        }
      }
    }
    return [...candidates.values()]
      .sort((a, b) => Number(b.speaks) - Number(a.speaks) || (a.unknown.key < b.unknown.key ? -1 : 1))
      .filter(({ unknown, files }) => {
        this.seen.add(unknown.key);
        const concerned = this.programs.filter((p) => p.files.some((f) => files.has(f)));
        if (concerned.every((p) => (this.count.get(p) ?? 0) >= MAX_VARIANTS)) return false;
        for (const p of concerned) this.count.set(p, (this.count.get(p) ?? 0) + 1);
        return true;
      })
      .map((c) => c.unknown);
  }
}

/** True unless the groups hold nothing but declarations and calls that show or compute something. */
function decidesSomething(
  { file, start, end }: { readonly file: string; readonly start: number; readonly end: number },
  text: string,
  selection: Selection,
): boolean {
  const where = selection.at(file, start, end);
  if (where.inside === 'idle') return false;
  if (where.inside === 'function') return acts(text, selection);
  // A row of a table matters for the functions in it.
  if (where.inside === 'initialised')
    return mentions(text) || [...text.matchAll(/[A-Za-z_]\w*/g)].some(([name]) => selection.defines(name));
  if (where.holdsNeeded || mentions(text)) return true;
  // Outside of functions: a macro must be wanted by a function that matters, and do something there.
  return findDirectives(text).some((d) => {
    const macro = d.name === 'define' ? parseDefine(d.rest, file) : undefined;
    return macro !== undefined && selection.uses(macro.name) && withoutQuietCalls(macro.body, selection) !== '';
  });
}

function acts(text: string, selection: Selection): boolean {
  const code = text.replace(/"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/.*|^\s*#.*$/gm, ' ');
  if (mentions(code) || /[^=!<>]=[^=]|\+\+|--|[{}]/.test(code)) return true;
  if (/\b(?:return|goto|break|continue|case|default)\b/.test(code)) return true;
  return [...code.matchAll(/([A-Za-z_]\w*)\s*\(/g)].some(([, name]) => selection.acts(name!));
}

/** What a macro's body is beside calls that only show or compute something. */
function withoutQuietCalls(body: string, selection: Selection): string {
  let text = body.replace(/\bdo\s*\{|\}\s*while\s*\(\s*0\s*\)|\(\s*void\s*\)/g, ' ');
  for (const [call, name] of body.matchAll(/([A-Za-z_]\w*)\s*\(/g)) {
    const at = text.indexOf(call);
    if (at < 0 || selection.acts(name!)) continue;
    let end = at + call.length;
    for (let open = 1; open > 0 && end < text.length; end++) open += text[end] === '(' ? 1 : text[end] === ')' ? -1 : 0;
    text = text.slice(0, at) + text.slice(end);
  }
  return text.replace(/[\s;]/g, '');
}

/** The findings of a run in which some conditions were decided the other way. */
export interface Variant {
  /** The conditions, as they are in the likely variant. */
  readonly turned: readonly Unknown[];
  readonly findings: readonly Finding[];
  /** False where something was cut short that was not before: what is missing there says nothing. */
  readonly whole: boolean;
}

/** The findings of all variants, with the condition under which each exists. */
export function unite(base: readonly Finding[], variants: readonly Variant[]): Finding[] {
  const known = new Set(base.map(keyOf));
  const keys = new Map(variants.map((v) => [v, new Set(v.findings.map(keyOf))]));
  const out = base.map((finding) => {
    const absent = smallest(variants.filter((v) => v.whole && !keys.get(v)!.has(keyOf(finding))));
    const conditions = absent.map((v) =>
      join(
        v.turned.map((u) => literal(u, u.value)),
        '||',
        absent.length > 1,
      ),
    );
    return conditions.length === 0 ? finding : { ...finding, condition: join(conditions, '&&', false) };
  });
  for (const finding of variants.flatMap((v) => v.findings)) {
    const key = keyOf(finding);
    if (known.has(key)) continue;
    known.add(key);
    const present = smallest(variants.filter((v) => keys.get(v)!.has(key)));
    const conditions = present.map((v) =>
      join(
        v.turned.map((u) => literal(u, !u.value)),
        '&&',
        present.length > 1,
      ),
    );
    out.push({ ...finding, condition: join(conditions, '||', false) });
  }
  return out;
}

/** Without those that turn what a smaller one of them turns, and more. */
function smallest(variants: readonly Variant[]): Variant[] {
  return variants.filter(
    (v) => !variants.some((w) => w.turned.length < v.turned.length && w.turned.every((u) => v.turned.includes(u))),
  );
}

function join(conditions: readonly string[], operator: '&&' | '||', nested: boolean): string {
  const joined = [...new Set(conditions)].join(` ${operator} `);
  return nested && conditions.length > 1 ? `(${joined})` : joined;
}

/** The condition under which one of these holds; undefined where one needs none. */
export function eitherOf(conditions: readonly (string | undefined)[]): string | undefined {
  const needed = conditions.flatMap((c) => c ?? []);
  if (needed.length < conditions.length) return undefined;
  const distinct = [...new Set(needed)];
  return distinct.length === 1 ? distinct[0] : distinct.map((c) => (c.includes(' && ') ? `(${c})` : c)).join(' || ');
}

/** Findings of one rule at one place are one. */
export function keyOf(f: Finding): string {
  return `${f.ruleId}|${f.location.file}|${f.location.start}|${f.location.end}`;
}

/** The condition, or its negation, as C says it. */
function literal({ condition }: Unknown, holds: boolean): string {
  if (holds) return condition;
  if (/^[A-Za-z_]\w*$|^defined\(\w+\)$/.test(condition)) return `!${condition}`;
  return /^!\s*[A-Za-z_]\w*$/.test(condition) ? condition.replace(/^!\s*/, '') : `!(${condition})`;
}
