/** Trees of macros with a name for each argument, from which those of their expansions are put together. */
import type { CParser, MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import { parseSnippet } from './snippets.ts';
import { type Spliced, splice, type Template } from './splice.ts';
import { type ArgumentText, substitute } from './substitute.ts';

/** What stands around an expansion when it is parsed. */
export interface Surrounding {
  readonly before: string;
  readonly after: string;
}

export const STATEMENT: Surrounding = { before: 'void f(void){', after: ';}' };

/** An element of an initialiser, or its designator alone. */
export const ELEMENT: Surrounding = { before: 'void f(void){int v[]={', after: '};}' };
export const DESIGNATOR: Surrounding = { before: ELEMENT.before, after: '=0};}' };

/** A call of a macro. */
export interface Use {
  readonly macro: MacroDefinition;
  /** Those that hold there. */
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  /** The arguments as the parser understood them, and their texts. */
  readonly nodes: readonly SyntaxNode[];
  readonly texts: readonly ArgumentText[];
  readonly surrounding: Surrounding;
  /** The expansion with what stands around it. */
  readonly written: string;
}

/**
 * The expansion and its tree, without parsing it; undefined where that cannot be done, as where `#` or `##` makes
 * something else of an argument.
 */
export function splicedTree(parser: CParser, use: Use): Spliced | undefined {
  const { macro, nodes: all, texts } = use;
  if (all.length !== texts.length) return undefined;
  for (const [i, { text, start }] of texts.entries())
    if (all[i]!.hasError || all[i]!.start !== start || all[i]!.end !== start + text.length) return undefined;
  const given = macro.parameters!.map((p, i) => {
    const isRest = p.endsWith('...');
    const nodes = isRest ? all.slice(i) : all.slice(i, i + 1);
    return {
      text: texts
        .slice(i, i + nodes.length)
        .map((t) => t.text)
        .join(', '),
      nodes,
    };
  });
  const areThere = given.map(({ nodes }) => nodes.length > 0);
  const template = templateOf(parser, use, areThere);
  const spliced = template && splice(template, given);
  return spliced?.text === use.written ? spliced : undefined;
}

const templates = new WeakMap<ReadonlyMap<string, MacroDefinition>, Map<string, Template | undefined>>();

/** The macro with a name for each argument that is there, where it is parsed as it is written. */
function templateOf(parser: CParser, use: Use, areThere: readonly boolean[]): Template | undefined {
  const { macro, macros, surrounding } = use;
  let known = templates.get(macros);
  if (known === undefined) {
    known = new Map();
    templates.set(macros, known);
  }
  const key = [macro.name, surrounding.before, surrounding.after, areThere.join()].join('\n');
  if (known.has(key)) return known.get(key);
  const names = areThere.map((isThere, i) => ({ text: isThere ? `argument_${i}_of_${macro.name}` : '', start: i }));
  const { text, holes } = substitute(macro, names);
  const written = surrounding.before + text + surrounding.after;
  const parsed = parseSnippet(parser, written, macros);
  const by = surrounding.before.length;
  const template = {
    text: written,
    root: parsed.root,
    holes: holes.map(({ from, to, argument }) => ({ from: from + by, to: to + by, argument })),
  };
  known.set(key, parsed.text === written ? template : undefined);
  return known.get(key);
}
