/**
 * The tree of an expansion, put together from that of the macro and those of its arguments, which are known already: a
 * macro that reports errors is used on each second line, with other arguments each time, and most of what it expands to
 * is the same. Only where an argument stands as a whole, whatever it is, is this done; everything else is parsed.
 */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Snippet } from './snippets.ts';

/** A text in which nothing is masked, with its tree. */
export type Spliced = Omit<Snippet, 'cleanups'>;

/** A parameter in the replacement text of a macro. */
export interface Hole {
  readonly from: number;
  readonly to: number;
  /** Which of the arguments. */
  readonly argument: number;
}

/** What a macro expands to with a name in the place of each argument. */
export interface Template extends Spliced {
  /** In the order of the text. */
  readonly holes: readonly Hole[];
}

/** What a call has for one parameter: nothing is there for an argument of several where the parameter is one. */
export interface Argument {
  readonly text: string;
  /** Its expressions, one after the other with a comma and a blank between them. */
  readonly nodes: readonly SyntaxNode[];
}

/** The text and the tree with the arguments in the holes; undefined where the tree has to be parsed. */
export function splice(template: Template, given: readonly Argument[]): Spliced | undefined {
  if (template.root.hasError) return undefined;
  const splicing = new Splicing(template, given);
  const root = splicing.copy(template.root);
  return splicing.failed || splicing.filled !== template.holes.length ? undefined : { text: splicing.text(), root };
}

/** Nodes of which a name can be the whole text, and the same nodes would have another name. */
const NAMES: ReadonlySet<string> = new Set([
  'identifier',
  'field_identifier',
  'type_identifier',
  'statement_identifier',
  'string_content',
]);

/**
 * Words of C and of the grammar, without those that begin with `_`: where none of them is expected the parser takes them
 * for names.
 */
const WORDS: ReadonlySet<string> = new Set(
  (
    'TRUE true FALSE false NULL nullptr bool char int float double void signed unsigned long short size_t ssize_t ' +
    'ptrdiff_t intptr_t uintptr_t charptr_t nullptr_t max_align_t int8_t int16_t int32_t int64_t uint8_t uint16_t ' +
    'uint32_t uint64_t char8_t char16_t char32_t char64_t enum struct union if else switch case default while do for ' +
    'return break continue goto sizeof offsetof alignas alignof asm auto const constexpr defined extern inline noreturn ' +
    'register restrict static thread_local typedef volatile'
  ).split(' '),
);

class Splicing {
  filled = 0;
  failed = false;
  private readonly template: Template;
  private readonly given: readonly Argument[];
  /** By how much the text behind each hole is moved. */
  private readonly shifts: readonly number[];

  constructor(template: Template, given: readonly Argument[]) {
    this.template = template;
    this.given = given;
    let shift = 0;
    this.shifts = template.holes.map(({ from, to, argument }) => {
      shift += given[argument]!.text.length - (to - from);
      return shift;
    });
  }

  text(): string {
    const { text, holes } = this.template;
    let out = '';
    let at = 0;
    for (const { from, to, argument } of holes) {
      out += text.slice(at, from) + this.given[argument]!.text;
      at = to;
    }
    return out + text.slice(at);
  }

  copy(node: SyntaxNode): SyntaxNode {
    const { holes } = this.template;
    if (holes.length === 0 || node.end <= holes[0]!.from) return node;
    const children: SyntaxNode[] = [];
    for (const child of node.children) {
      const hole = NAMES.has(child.type) ? this.holeAt(child) : undefined;
      if (hole === undefined) children.push(this.copy(child));
      else this.fill(child, hole, node, children);
    }
    return placed(node, this.moved(node.start), this.moved(node.end), children);
  }

  private holeAt({ start, end }: SyntaxNode): number | undefined {
    const found = this.template.holes.findIndex(({ from, to }) => from === start && to === end);
    return found < 0 ? undefined : found;
  }

  private moved(offset: number): number {
    const { holes } = this.template;
    let last = holes.length - 1;
    while (last >= 0 && holes[last]!.to > offset) last--;
    return last < 0 ? offset : offset + this.shifts[last]!;
  }

  /** The argument in the place of the name, as one or more children of the node around it. */
  private fill(name: SyntaxNode, hole: number, { type }: SyntaxNode, children: SyntaxNode[]): void {
    const argument = this.given[this.template.holes[hole]!.argument]!;
    const { text, nodes } = argument;
    const [only] = nodes;
    const start = this.moved(name.start);
    this.filled++;
    if (name.type === 'string_content' || (only?.type === 'identifier' && namesOnly(argument))) {
      children.push(placed(name, start, start + text.length, name.children));
    } else if (type === 'argument_list' || (type === 'parenthesized_expression' && namesOnly(argument))) {
      let at = start;
      for (const [i, node] of nodes.entries()) {
        if (i > 0) {
          children.push(comma(at));
          at += ', '.length;
        }
        children.push(shifted(node, at - node.start));
        at += node.end - node.start;
      }
    } else if (type === 'concatenated_string' && nodes.length === 1 && isText(only!)) {
      const parts = only!.type === 'concatenated_string' ? only!.children : [only!];
      for (const part of parts) children.push(shifted(part, start - only!.start));
    } else this.failed = true;
  }
}

/** It is one expression, and what the parser takes for names in it are names anywhere else. */
function namesOnly({ text, nodes }: Argument): boolean {
  const [only] = nodes;
  return nodes.length === 1 && !hasWord(only!, text, only!.start);
}

function hasWord({ type, start, end, children }: SyntaxNode, text: string, from: number): boolean {
  if (type === 'identifier') {
    const name = text.slice(start - from, end - from);
    // All others of them begin so.
    return name.startsWith('_') || WORDS.has(name);
  }
  return children.some((child) => hasWord(child, text, from));
}

function isText({ type }: SyntaxNode): boolean {
  return type === 'string_literal' || type === 'concatenated_string';
}

const COMMA = ',';

function comma(start: number): SyntaxNode {
  const end = start + COMMA.length;
  return { type: COMMA, field: undefined, named: false, start, end, children: [], isError: false, hasError: false };
}

function shifted(node: SyntaxNode, by: number): SyntaxNode {
  if (by === 0) return node;
  const children: SyntaxNode[] = [];
  for (const child of node.children) children.push(shifted(child, by));
  return placed(node, node.start + by, node.end + by, children);
}

/**
 * The node elsewhere. Written out: V8 makes a table of hashes of an object that is spread from another one before the
 * code is hot.
 */
function placed({ type, field, named }: SyntaxNode, start: number, end: number, children: readonly SyntaxNode[]) {
  return { type, field, named, start, end, children, isError: false, hasError: false };
}
