/** Attributes and the words and macros that stand for them: what they mean, and what only looks like one. */
import { skipSpace } from './preprocess.ts';
import type { MacroDefinition } from './tree.ts';

export const ATTRIBUTE_WORDS = new Set([
  '__always_inline',
  '__maybe_unused',
  '__unused',
  '__used',
  '__init',
  '__exit',
  '__cold',
  '__hot',
  'noinline',
  '__noinline',
  '__noreturn',
  '__packed',
  '__user',
  '__kernel',
  '__iomem',
  '__percpu',
  '__force',
  '__weak',
  '__must_check',
  '__extension__',
  '__printf',
  '__read_mostly',
  '_Noreturn',
  '_Thread_local',
  '_Complex',
  'noreturn',
  '__restrict',
  '__restrict__',
  'asmlinkage',
  '__visible',
]);
export const NORETURN_WORDS = new Set(['__noreturn', '_Noreturn', 'noreturn']);
const ATTRIBUTE_BODY =
  /^(?:\s*(?:__attribute__\s*\(\(.*\)\)|static|extern|inline|__inline|__inline__|const|volatile|register|_Noreturn|__extension__)\s*)*$/s;

/** The text is nothing but attributes and storage classes. */
export function isAttribute(text: string): boolean {
  return ATTRIBUTE_BODY.test(text);
}

/** Attributes that mean something, by their offsets. */
export interface Attributes {
  readonly cleanups: Map<number, string>;
  readonly noreturns: number[];
  readonly constructors: number[];
}

export function noAttributes(): Attributes {
  return { cleanups: new Map(), noreturns: [], constructors: [] };
}

export function noteAttribute(attribute: string, at: number, found: Attributes): void {
  const cleanup = /\b_*cleanup_*\s*\(\s*(\w+)\s*\)/.exec(attribute);
  if (cleanup !== null) found.cleanups.set(at, cleanup[1]!);
  if (/\b_*noreturn_*\b/.test(attribute)) found.noreturns.push(at);
  if (/\b_*constructor_*\b/.test(attribute)) found.constructors.push(at);
}

/**
 * Words of GLib and systemd in front of a variable that is let go when its scope ends; their headers may be anywhere.
 * Whatever they name lets go of it, and what a descriptor comes to is not known then.
 */
const CLEANUP_WORD = /^(?:g_autofree|g_auto|g_autoptr|g_autoslist|g_autolist|_cleanup_(?:\w+_)?)$/;

export function isCleanupWord(word: string): boolean {
  return CLEANUP_WORD.test(word);
}

/** Macros within macros that are followed to see whether a use is nothing but attributes. */
const MAX_ATTRIBUTE_DEPTH = 8;

/** What a use of a macro expands to, where that is nothing but attributes and storage classes. */
export function attributesOf(use: string, macros: ReadonlyMap<string, MacroDefinition>): string | undefined {
  let text = use;
  for (let depth = 0; depth < MAX_ATTRIBUTE_DEPTH; depth++) {
    const match = /^\s*([A-Za-z_]\w*)\s*(?:\(([^()]*)\)\s*)?$/.exec(text);
    const macro = match === null ? undefined : macros.get(match[1]!);
    if (macro === undefined || (macro.parameters === undefined) !== (match![2] === undefined)) break;
    text = macro.parameters === undefined ? macro.body : withArguments(macro.body, macro.parameters, match![2]!);
  }
  return text !== use && isAttribute(text) ? text : undefined;
}

function withArguments(body: string, parameters: readonly string[], given: string): string {
  const args = given.split(',').map((a) => a.trim());
  return body.replace(/[A-Za-z_]\w*/g, (word) => {
    const index = parameters.indexOf(word);
    return index < 0 ? word : (args[index] ?? word);
  });
}

/** Macros that are defined where nobody looks have such names. */
export function soundsLikeAttribute(word: string): boolean {
  return /unused|attribute/i.test(word);
}

/** `void *arg PROJECT_UNUSED)`, where the macro's definition is not given: the name says what it is. */
export function isParameterAttribute(text: string, start: number, end: number, word: string): boolean {
  if (!soundsLikeAttribute(word)) return false;
  const before = text.slice(Math.max(0, start - 8), start);
  const next = text[skipSpace(text, end)] ?? '';
  if (/[\w*]\s*$/.test(before) && /[,)]/.test(next)) return !isDeclaredName(text, start, end);
  // In front of a type and a name, or of a type that is none but a type; else it is the type.
  if (!/[(,]\s*$/.test(before) || !/\w/.test(next)) return false;
  const { isType, names } = declaratorWords(/^[^,()]*/.exec(text.slice(end, end + MAX_DECLARATOR))![0]);
  return isType || names > 1;
}

/** A declarator is looked through this far. */
const MAX_DECLARATOR = 200;
const QUALIFIER = /^(?:const|volatile|restrict|_Atomic|register|static|extern|inline|auto)$/;
const TYPE_WORD = /^(?:void|char|short|int|long|float|double|signed|unsigned|_Bool|bool|struct|union|enum)$/;

/**
 * True where a word that looks like an attribute is what is declared: `void *unused)`, `int __unused;`. It ends the
 * declarator, and nothing in front of it could be the name.
 */
export function isDeclaredName(text: string, start: number, end: number): boolean {
  const next = text[skipSpace(text, end)] ?? '';
  if (!/[),;=[]/.test(next) || !/[\w*]\s*$/.test(text.slice(Math.max(0, start - 8), start))) return false;
  const before = text.slice(Math.max(0, start - MAX_DECLARATOR), start).replace(/\/\*[\s\S]*?\*\//g, ' ');
  const declarator = /[^(),;={}]*$/.exec(before)![0];
  const pointer = declarator.lastIndexOf('*');
  const { isType, names } = declaratorWords(declarator.slice(pointer + 1));
  if (pointer >= 0) return names === 0;
  // `int a, b UNUSED`: the type stands in front of the first of them.
  const hasOwnType = !before.slice(0, before.length - declarator.length).endsWith(',') || isInParentheses(before);
  return names === (isType || !hasOwnType ? 0 : 1);
}

function isInParentheses(before: string): boolean {
  let depth = 0;
  for (let i = before.length - 1; i >= 0; i--) {
    if (before[i] === ')') depth++;
    else if (before[i] === '(' && depth-- === 0) return true;
    else if (/[;{}]/.test(before[i]!)) return false;
  }
  return false;
}

/** Words of a declarator beside qualifiers and attributes: whether some are only ever a type, and how many others. */
function declaratorWords(declarator: string): { isType: boolean; names: number } {
  let isType = false;
  let names = 0;
  for (const [, tag, word] of declarator.matchAll(/(?:\b(struct|union|enum)\s+)?\b([A-Za-z_]\w*)/g)) {
    if (tag !== undefined || TYPE_WORD.test(word!)) isType = true;
    else if (!QUALIFIER.test(word!) && !ATTRIBUTE_WORDS.has(word!)) names++;
  }
  return { isType, names };
}
