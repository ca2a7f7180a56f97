/**
 * tree-sitter's trees as plain nodes. Each question to a cursor crosses into the parser, which makes conversion dearer
 * than parsing: what is the same for all nodes of a kind is asked once, and what a text has in common with the one
 * before it is taken from there.
 */
import type { SyntaxNode } from './tree.ts';

export interface Cursor {
  readonly nodeType: string;
  readonly nodeTypeId: number;
  readonly nodeIsNamed: boolean;
  readonly nodeIsMissing: boolean;
  readonly startIndex: number;
  readonly endIndex: number;
  readonly currentFieldName: string | null | undefined;
  /** Zero or undefined where there is none. */
  readonly currentFieldId: number | undefined;
  readonly currentNode: { readonly hasError: boolean; readonly descendantCount: number };
  gotoFirstChild(): boolean;
  gotoNextSibling(): boolean;
  gotoParent(): boolean;
  /** The same steps: a property of a native object is read in half the time that a method is called. */
  readonly stepsIn: boolean;
  readonly stepsOn: boolean;
  readonly stepsOut: boolean;
}

/** Gives cursors like this one their steps as properties. */
export function addSteps(cursor: Pick<Cursor, 'gotoFirstChild' | 'gotoNextSibling' | 'gotoParent'>): void {
  const prototype = Object.getPrototypeOf(cursor);
  if ('stepsIn' in prototype) return;
  Object.defineProperties(prototype, {
    stepsIn: { get: prototype.gotoFirstChild },
    stepsOn: { get: prototype.gotoNextSibling },
    stepsOut: { get: prototype.gotoParent },
  });
}

/** What all nodes of one kind have in common. */
interface Kind {
  /** One string for all of them: comparing it with another is comparing addresses. */
  readonly type: string;
  readonly named: boolean;
  /** It has no children, in any text. */
  readonly isLeaf: boolean;
  /** It begins and ends with its children, where it has any. */
  readonly isSpanned: boolean;
  /** Its text is its type. */
  readonly isFixed: boolean;
  /** The grammar gives a field to some of them. */
  readonly mayHaveField: boolean;
}

/** Named nodes of the C grammar that are one token. */
const TOKENS: ReadonlySet<string> = new Set([
  'character',
  'comment',
  'escape_sequence',
  'field_identifier',
  'identifier',
  'number_literal',
  'primitive_type',
  'statement_identifier',
  'string_content',
  'system_lib_string',
  'type_identifier',
]);
/** Named nodes that the grammar gives no field. */
const FIELDLESS: ReadonlySet<string> = new Set([
  'character',
  'comment',
  'enumerator',
  'escape_sequence',
  'field_declaration',
  'initializer_pair',
  'parameter_declaration',
  'storage_class_specifier',
  'string_content',
  'type_qualifier',
  'variadic_parameter',
]);
/** The only nodes without a name that have a field. */
const OPERATOR = /^[-!%&*+./<=>^|~]/;

/** The kinds of nodes and the fields of one grammar, by the numbers that a parser has for them. */
export class Kinds {
  private readonly kinds: (Kind | undefined)[] = [];
  private readonly fields: (string | undefined)[] = [];

  of(cursor: Cursor): Kind {
    const id = cursor.nodeTypeId;
    let kind = this.kinds[id];
    if (kind === undefined) {
      const { nodeType: type, nodeIsNamed: named } = cursor;
      const isLeaf = named ? TOKENS.has(type) : true;
      // A directive ends with its line, which is no child of it, and may have spaces behind its `#`.
      const isSpanned = !isLeaf && !type.startsWith('preproc_');
      const isFixed = !named && !/^[#\n]/.test(type);
      const mayHaveField = named ? !FIELDLESS.has(type) : OPERATOR.test(type);
      kind = { type, named, isLeaf, isSpanned, isFixed, mayHaveField };
      this.kinds[id] = kind;
    }
    return kind;
  }

  fieldOf(cursor: Cursor): string | undefined {
    const id = cursor.currentFieldId;
    if (id === undefined || id === 0) return undefined;
    let field = this.fields[id];
    if (field === undefined) {
      field = cursor.currentFieldName!;
      this.fields[id] = field;
    }
    return field;
  }
}

interface MutableNode {
  type: string;
  field: string | undefined;
  named: boolean;
  start: number;
  end: number;
  children: readonly SyntaxNode[];
  isError: boolean;
  hasError: boolean;
}

/** A text in the place of another one: what lies before and behind the edit is equal. */
export interface Edit {
  readonly start: number;
  readonly oldEnd: number;
  readonly newEnd: number;
}

/** The smallest edit that makes the one text of the other. */
export function editBetween(before: string, after: string): Edit {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let same = 0;
  while (
    same < shorter - start &&
    before.charCodeAt(before.length - 1 - same) === after.charCodeAt(after.length - 1 - same)
  )
    same++;
  return { start, oldEnd: before.length - same, newEnd: after.length - same };
}

/** A text as the parser understood it. */
export interface Parsed {
  readonly kinds: Kinds;
  /** Nothing in it is missing, and nothing an error. */
  readonly isWhole: boolean;
}

/**
 * Lets go of what lies below the root of a tree that nobody looks at any more. V8's collections of new objects keep all
 * that code was ever seen to call (V8: weak references count as strong in a scavenge), and functions that were made for
 * one file know its tree.
 */
export function takeApart(root: SyntaxNode): void {
  (root as MutableNode).children = NO_CHILDREN;
}

/** The node that the cursor stands on, with all below it; the cursor stands there again afterwards. */
export function convert(cursor: Cursor, parsed: Parsed): SyntaxNode {
  const { kinds, isWhole } = parsed;
  // Deep nesting is walked without recursion.
  const stack: MutableNode[] = [];
  // Children of the nodes in there, those of the innermost last: a list that grows would take more than it holds.
  const children: SyntaxNode[] = [];
  const firsts: number[] = [];
  let count = 0;
  for (;;) {
    const kind = kinds.of(cursor);
    const isOutermost = stack.length === 0;
    // Blanks behind the last child are the root's own.
    const isSpanned = isWhole && kind.isSpanned && !isOutermost;
    const node = isSpanned ? spannedNode(cursor, kind, kinds) : nodeAt(cursor, kind, parsed);
    if (!isOutermost) children[count++] = node;
    if (!kind.isLeaf && cursor.stepsIn) {
      stack.push(node);
      firsts.push(count);
      continue;
    }
    if (isSpanned) {
      node.start = cursor.startIndex;
      node.end = cursor.endIndex;
    }
    if (isOutermost) return node;
    while (!cursor.stepsOn && cursor.stepsOut) {
      const done = stack.pop()!;
      const first = firsts.pop()!;
      done.children = children.slice(first, count);
      count = first;
      if (!isWhole) noteErrors(done);
      if (stack.length === 0) return done;
      if (done.end === UNKNOWN) spanChildren(done);
    }
  }
}

/** Around an edit, nodes are compared with those of the text before down to this depth. */
const MAX_DEPTH = 100;

/**
 * The tree of a text, with what it has in common with that of the text before: a node is taken over when it lies
 * outside of the edit, holds no error, and is of the kind, the extent and the size of its new self. The cursor stands
 * on the node that `before` was, and does so again afterwards.
 */
export function convertAgain(cursor: Cursor, parsed: Parsed, before: SyntaxNode, edit: Edit, depth = 0): SyntaxNode {
  const node = nodeAt(cursor, parsed.kinds.of(cursor), parsed);
  if (node.type !== before.type || depth > MAX_DEPTH || !cursor.gotoFirstChild()) return convert(cursor, parsed);
  const children: SyntaxNode[] = [];
  const shift = edit.newEnd - edit.oldEnd;
  const known = new Map<number, SyntaxNode>();
  // What has no width is cheap to make; the first of several nodes that begin together is the one with width.
  for (const child of before.children) if (child.end > child.start) known.set(child.start, child);
  do {
    const { startIndex: start, endIndex: end } = cursor;
    const by = end <= edit.start ? 0 : start >= edit.newEnd ? shift : undefined;
    if (by === undefined) {
      const around = known.get(start);
      const isAround = around !== undefined && !before.hasError && around.end - edit.oldEnd === end - edit.newEnd;
      children.push(isAround ? convertAgain(cursor, parsed, around, edit, depth + 1) : convert(cursor, parsed));
      continue;
    }
    const old = known.get(start - by);
    const outside = old !== undefined && (old.end <= edit.start || old.start >= edit.oldEnd);
    const same = outside && old.end + by === end && isUnchanged(cursor, parsed.kinds, old);
    children.push(same ? moved(old, by) : convert(cursor, parsed));
  } while (cursor.gotoNextSibling());
  cursor.gotoParent();
  node.children = children;
  noteErrors(node);
  return node;
}

function isUnchanged(cursor: Cursor, kinds: Kinds, old: SyntaxNode): boolean {
  const { type, named } = kinds.of(cursor);
  if (old.hasError || old.type !== type || kinds.fieldOf(cursor) !== old.field) return false;
  if (old.children.length === 0) return !cursor.nodeIsMissing && old.named === named;
  const { hasError, descendantCount } = cursor.currentNode;
  return !hasError && descendantCount === sizeOf(old);
}

function nodeAt(cursor: Cursor, kind: Kind, { kinds, isWhole }: Parsed): MutableNode {
  const { type, named } = kind;
  const start = cursor.startIndex;
  const end = isWhole && kind.isFixed ? start + type.length : cursor.endIndex;
  // What is missing has no width.
  const isError = !isWhole && (type === 'ERROR' || (start === end && cursor.nodeIsMissing));
  const field = kind.mayHaveField ? kinds.fieldOf(cursor) : undefined;
  return { type, field, named, start, end, children: NO_CHILDREN, isError, hasError: isError };
}

/** Of all leaves, and of nodes until their children are known. */
const NO_CHILDREN: readonly SyntaxNode[] = [];

/** The extent of a node that its children will tell. */
const UNKNOWN = -1;

function spannedNode(cursor: Cursor, { type, named, mayHaveField }: Kind, kinds: Kinds): MutableNode {
  const field = mayHaveField ? kinds.fieldOf(cursor) : undefined;
  return { type, field, named, start: UNKNOWN, end: UNKNOWN, children: NO_CHILDREN, isError: false, hasError: false };
}

function spanChildren(node: MutableNode): void {
  const { children } = node;
  node.start = children[0]!.start;
  node.end = children[children.length - 1]!.end;
}

function noteErrors(node: MutableNode): void {
  for (const child of node.children) if (child.hasError) node.hasError = true;
}

const sizes = new WeakMap<SyntaxNode, number>();

/** Nodes of a subtree, its root included. */
function sizeOf(root: SyntaxNode): number {
  let size = sizes.get(root);
  if (size === undefined) {
    const nodes = [root];
    // Grows while it is walked.
    for (const node of nodes) for (const child of node.children) nodes.push(child);
    size = nodes.length;
    sizes.set(root, size);
  }
  return size;
}

/** The same subtree elsewhere in the text. */
function moved(root: SyntaxNode, by: number): SyntaxNode {
  if (by === 0) return root;
  const copyOf = (node: SyntaxNode): MutableNode => ({
    type: node.type,
    field: node.field,
    named: node.named,
    start: node.start + by,
    end: node.end + by,
    children: NO_CHILDREN,
    isError: node.isError,
    hasError: node.hasError,
  });
  const copy = copyOf(root);
  const pairs: { readonly from: SyntaxNode; readonly to: MutableNode }[] = [{ from: root, to: copy }];
  for (const { from, to } of pairs) {
    const children = from.children.map(copyOf);
    to.children = children;
    for (const [i, child] of from.children.entries())
      if (child.children.length > 0) pairs.push({ from: child, to: children[i]! });
  }
  sizes.set(copy, sizeOf(root));
  return copy;
}
