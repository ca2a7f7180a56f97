/**
 * An argument of a macro is expanded before it takes the place of its parameter (C17 6.10.3.1): where the replacement
 * calls a macro that pastes words together, what is pasted is what the argument stands for (`IS_ENABLED(CONFIG_X)`),
 * and a name may stand for several arguments of the next macro. Anywhere else the argument is left as it is written, with
 * its place in the source and its name.
 */
import type { MacroDefinition } from '../syntax/tree.ts';
import { type ArgumentText, splitArguments } from './substitute.ts';

type Macros = ReadonlyMap<string, MacroDefinition>;

/** One name that stands for another one, and so on. */
const MAX_NAMES = 16;

export function prescanned(
  macro: MacroDefinition,
  args: readonly ArgumentText[] | undefined,
  macros: Macros,
): readonly ArgumentText[] | undefined {
  if (args === undefined || macro.body.includes('#')) return args;
  const isPasted = leadsToPaste(macro, macros);
  return args.map((argument) => {
    const word = isPasted ? wordFor(argument.text, macros) : argument.text;
    const text = severalFor(word, macros) ?? word;
    return text === argument.text ? argument : { text, start: -1 };
  });
}

/** A name that stands for several arguments of whoever is called with it next. */
function severalFor(word: string, macros: Macros): string | undefined {
  const macro = macros.get(word);
  if (macro === undefined || macro.parameters !== undefined || !macro.body.includes(',')) return undefined;
  const list = `(${macro.body})`;
  return splitArguments(list, { start: 0, end: list.length }).length > 1 ? macro.body : undefined;
}

/** The word that an argument of one word stands for in the end. */
function wordFor(text: string, macros: Macros): string {
  let word = text;
  for (let names = 0; names < MAX_NAMES; names++) {
    const macro = macros.get(word);
    if (macro === undefined || macro.parameters !== undefined || !/^\w+$/.test(macro.body.trim())) break;
    word = macro.body.trim();
  }
  return word;
}

const known = new WeakMap<Macros, Map<string, boolean>>();

/** Its own words are not pasted, and it calls a macro of which they may be. */
function leadsToPaste({ name, body }: MacroDefinition, macros: Macros): boolean {
  let answers = known.get(macros);
  if (answers === undefined) {
    answers = new Map();
    known.set(macros, answers);
  }
  let answer = answers.get(name);
  if (answer === undefined) {
    // Macros that call each other end here.
    answers.set(name, false);
    answer = (body.match(/[A-Za-z_]\w*/g) ?? []).some((w) => pastes(w, name, macros));
    answers.set(name, answer);
  }
  return answer;
}

function pastes(name: string, caller: string, macros: Macros): boolean {
  const macro = name === caller ? undefined : macros.get(name);
  return macro?.parameters !== undefined && (macro.body.includes('##') || leadsToPaste(macro, macros));
}
