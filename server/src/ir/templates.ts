/** Trees of macros with a name for each argument, from which those of their expansions are put together. */
import type { CParser, MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import { isMisread, parseSnippet } from './snippets.ts';
import { type Argument, Splicing, type Template } from './splice.ts';
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

/** What is parsed between the two; undefined where that is no body of a function. */
export function statementsOf(root: SyntaxNode): readonly SyntaxNode[] | undefined {
  const body = root.children[0]?.children.find((c) => c.type === 'compound_statement');
  return body?.children.filter((c) => c.type !== '{' && c.type !== '}' && c.type !== 'comment');
}

/** A call of a macro. */
export interface Use {
  readonly macro: MacroDefinition;
  /** Those that hold there. */
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  /** The arguments as the parser understood them, and their texts. */
  readonly nodes: readonly SyntaxNode[];
  readonly texts: readonly ArgumentText[];
  readonly surrounding: Surrounding;
}

/**
 * The expansion, with what stands around it, put together from the macro and the arguments; undefined where that cannot
 * be done, as where `#` or `##` makes something else of an argument.
 */
export function splicingOf(parser: CParser, use: Use): Splicing | undefined {
  if (!areTexts(use.nodes, use.texts)) return undefined;
  const template = templateOf(parser, use);
  if (template === undefined) return undefined;
  const given = argumentsFor(use);
  for (const { argument, kind } of template.holes)
    if (kind === 'quoted' && isEscaped(given[argument]!.text)) return undefined;
  return given.some(({ nodes }) => nodes.some(isMisread)) ? undefined : new Splicing(template, given);
}

/** The nodes are all that stands in the texts. */
function areTexts(nodes: readonly SyntaxNode[], texts: readonly ArgumentText[]): boolean {
  if (nodes.length !== texts.length) return false;
  for (let i = 0; i < nodes.length; i++) {
    const { start, end, hasError } = nodes[i]!;
    const written = texts[i]!;
    if (hasError || start !== written.start || end !== start + written.text.length) return false;
  }
  return true;
}

/** What the call has for each parameter. */
function argumentsFor({ macro, nodes: all, texts }: Use): Argument[] {
  return macro.parameters!.map((parameter, i) => {
    const nodes = parameter.endsWith('...') ? all.slice(i) : all.slice(i, i + 1);
    const rest = nodes.length > 1 ? texts.slice(i) : undefined;
    if (rest !== undefined) return { text: rest.map((t) => t.text).join(', '), start: -1, nodes };
    const { text, start } = texts[i] ?? NOTHING;
    return { text, start, nodes };
  });
}

/** `#` puts escapes into it. */
function isEscaped(text: string): boolean {
  return JSON.stringify(text).length !== text.length + 2;
}

/** What is given for a parameter for which the call has no argument. */
const NOTHING: ArgumentText = { text: '', start: -1 };

/** A template, or none, for calls with that many arguments. */
interface Known {
  readonly surrounding: Surrounding;
  readonly count: number;
  readonly template: Template | undefined;
}

const known = new WeakMap<ReadonlyMap<string, MacroDefinition>, Map<MacroDefinition, Known[]>>();

/** The macro with a name for each argument that is there, where it is parsed as it is written. */
function templateOf(parser: CParser, use: Use): Template | undefined {
  const { macro, macros, nodes, surrounding } = use;
  let byMacro = known.get(macros);
  if (byMacro === undefined) {
    byMacro = new Map();
    known.set(macros, byMacro);
  }
  let templates = byMacro.get(macro);
  if (templates === undefined) {
    templates = [];
    byMacro.set(macro, templates);
  }
  const count = Math.min(nodes.length, macro.parameters!.length);
  for (const made of templates) if (made.count === count && made.surrounding === surrounding) return made.template;
  const template = madeTemplate(parser, use, count);
  templates.push({ surrounding, count, template });
  return template;
}

function madeTemplate(parser: CParser, { macro, macros, surrounding }: Use, count: number): Template | undefined {
  const names = macro.parameters!.map((_, i) => ({
    text: i < count ? `argument_${i}_of_${macro.name}` : '',
    start: i,
  }));
  const { text, holes } = substitute(macro, names);
  const written = surrounding.before + text + surrounding.after;
  const parsed = parseSnippet(parser, written, macros);
  if (parsed.text !== written || parsed.root.hasError || isMisread(parsed.root)) return undefined;
  const statements = statementsOf(parsed.root);
  if (statements === undefined || holes.some(({ kind }) => kind === 'glued')) return undefined;
  const by = surrounding.before.length;
  const moved = holes.map(({ from, to, argument, kind }) => ({ from: from + by, to: to + by, argument, kind }));
  const between = [...moved, undefined].map((hole, i) => written.slice(moved[i - 1]?.to ?? 0, hole?.from));
  return { statements, holes: moved, between };
}
