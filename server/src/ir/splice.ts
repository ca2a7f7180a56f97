/**
 * The tree of an expansion, put together from that of the macro and those of its arguments, which are known already: a
 * macro that reports errors is used on each second line, with other arguments each time, and most of what it expands to
 * is the same. Only where an argument stands as a whole, whatever it is, is this done; everything else is parsed.
 */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { ArgumentText, Hole, Piece } from './substitute.ts';

/** What a macro expands to with a name in the place of each argument. */
export interface Template {
  readonly statements: readonly SyntaxNode[];
  /** In the order of the text. */
  readonly holes: readonly Hole[];
  /** The text in front of each hole, and behind the last one. */
  readonly between: readonly string[];
}

/** What a call has for one parameter: nothing is there for an argument of several where the parameter is one. */
export interface Argument extends ArgumentText {
  /** Its expressions, one after the other with a comma and a blank between them. */
  readonly nodes: readonly SyntaxNode[];
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

/** The arguments of one call in the holes of a template. */
export class Splicing {
  readonly text: string;
  /** The arguments in it that stand in the source. */
  readonly pieces: readonly Piece[];
  private readonly template: Template;
  private readonly given: readonly Argument[];
  private filled = 0;
  private failed = false;
  /** By how much the text behind the holes that are filled is moved. */
  private shift = 0;

  constructor(template: Template, given: readonly Argument[]) {
    this.template = template;
    this.given = given;
    const { holes, between } = template;
    const pieces: Piece[] = [];
    let out = '';
    for (let i = 0; i < holes.length; i++) {
      const { argument, kind } = holes[i]!;
      const { text, start } = given[argument]!;
      out += between[i]!;
      if (kind === 'alone' && start >= 0) pieces.push({ from: out.length, to: out.length + text.length, outer: start });
      out += text;
    }
    this.text = out + between[holes.length]!;
    this.pieces = pieces;
  }

  /** Undefined where they have to be parsed. */
  statements(): readonly SyntaxNode[] | undefined {
    const { statements, holes } = this.template;
    const spliced: SyntaxNode[] = [];
    for (const node of statements) spliced.push(this.copy(node));
    return this.failed || this.filled < holes.length ? undefined : spliced;
  }

  private copy(node: SyntaxNode): SyntaxNode {
    const { holes } = this.template;
    let hole = holes[this.filled];
    if (hole === undefined || node.end <= hole.from) return shifted(node, this.shift);
    const start = node.start + this.shift;
    const children: SyntaxNode[] = [];
    for (const child of node.children) {
      if (hole === undefined || child.end <= hole.from) {
        children.push(shifted(child, this.shift));
        continue;
      }
      if (isHole(child, hole)) this.fill(child, hole, node, children);
      else children.push(this.copy(child));
      hole = holes[this.filled];
    }
    return placed(node, start, node.end + this.shift, children);
  }

  /** The argument in the place of the name, as one or more children of the node around it. */
  private fill(name: SyntaxNode, hole: Hole, { type }: SyntaxNode, children: SyntaxNode[]): void {
    const argument = this.given[hole.argument]!;
    const { text, nodes } = argument;
    const [only] = nodes;
    const start = name.start + this.shift;
    this.filled++;
    this.shift += text.length - (hole.to - hole.from);
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

function isHole({ type, start, end }: SyntaxNode, { from, to }: Hole): boolean {
  return start === from && end === to && NAMES.has(type);
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
const NOTHING: readonly SyntaxNode[] = [];

function comma(start: number): SyntaxNode {
  const end = start + COMMA.length;
  return {
    type: COMMA,
    field: undefined,
    named: false,
    start,
    end,
    children: NOTHING,
    isError: false,
    hasError: false,
  };
}

function shifted(node: SyntaxNode, by: number): SyntaxNode {
  return by === 0 ? node : moved(node, by);
}

function moved({ type, field, named, start, end, children: before }: SyntaxNode, by: number): SyntaxNode {
  let children = before;
  if (before.length > 0) {
    const after: SyntaxNode[] = [];
    for (const child of before) after.push(moved(child, by));
    children = after;
  }
  return { type, field, named, start: start + by, end: end + by, children, isError: false, hasError: false };
}

/**
 * The node elsewhere. Written out: V8 makes a table of hashes of an object that is spread from another one before the
 * code is hot.
 */
function placed({ type, field, named }: SyntaxNode, start: number, end: number, children: readonly SyntaxNode[]) {
  return { type, field, named, start, end, children, isError: false, hasError: false };
}
