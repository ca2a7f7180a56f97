/**
 * tree-sitter's trees as plain nodes. Each question to a cursor crosses into the parser, which makes conversion dearer
 * than parsing: what a text has in common with the one before it is taken from there.
 */
import type { SyntaxNode } from './tree.ts';

export interface Cursor {
  readonly nodeType: string;
  readonly nodeIsNamed: boolean;
  readonly nodeIsMissing: boolean;
  readonly startIndex: number;
  readonly endIndex: number;
  readonly currentFieldName: string | null | undefined;
  readonly currentNode: { readonly hasError: boolean; readonly descendantCount: number };
  gotoFirstChild(): boolean;
  gotoNextSibling(): boolean;
  gotoParent(): boolean;
}

interface MutableNode {
  type: string;
  field: string | undefined;
  named: boolean;
  start: number;
  end: number;
  children: SyntaxNode[];
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

/** The node that the cursor stands on, with all below it; the cursor stands there again afterwards. */
export function convert(cursor: Cursor): SyntaxNode {
  // Deep nesting is walked without recursion.
  const stack: MutableNode[] = [];
  for (;;) {
    const node = nodeAt(cursor);
    stack[stack.length - 1]?.children.push(node);
    if (cursor.gotoFirstChild()) {
      stack.push(node);
      continue;
    }
    if (stack.length === 0) return node;
    while (!cursor.gotoNextSibling()) {
      cursor.gotoParent();
      const above = stack.pop()!;
      noteErrors(above);
      if (stack.length === 0) return above;
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
export function convertAgain(cursor: Cursor, before: SyntaxNode, edit: Edit, depth = 0): SyntaxNode {
  const node = nodeAt(cursor);
  if (node.type !== before.type || depth > MAX_DEPTH || !cursor.gotoFirstChild()) return convert(cursor);
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
      node.children.push(isAround ? convertAgain(cursor, around, edit, depth + 1) : convert(cursor));
      continue;
    }
    const old = known.get(start - by);
    const outside = old !== undefined && (old.end <= edit.start || old.start >= edit.oldEnd);
    const same = outside && old.end + by === end && isUnchanged(cursor, old);
    node.children.push(same ? moved(old, by) : convert(cursor));
  } while (cursor.gotoNextSibling());
  cursor.gotoParent();
  noteErrors(node);
  return node;
}

function isUnchanged(cursor: Cursor, old: SyntaxNode): boolean {
  if (old.hasError || old.type !== cursor.nodeType) return false;
  if ((cursor.currentFieldName ?? undefined) !== old.field) return false;
  if (old.children.length === 0) return !cursor.nodeIsMissing && old.named === cursor.nodeIsNamed;
  const { hasError, descendantCount } = cursor.currentNode;
  return !hasError && descendantCount === sizeOf(old);
}

/** Tokens that the grammar gives no field: two questions less for every second node. */
const PUNCTUATION: ReadonlySet<string> = new Set([';', ',', '(', ')', '{', '}', '[', ']']);

function nodeAt(cursor: Cursor): MutableNode {
  const type = cursor.nodeType;
  const start = cursor.startIndex;
  const end = cursor.endIndex;
  const bare = PUNCTUATION.has(type);
  // What is missing has no width.
  const isError = type === 'ERROR' || (start === end && cursor.nodeIsMissing);
  return {
    type,
    field: bare ? undefined : (cursor.currentFieldName ?? undefined),
    named: !bare && cursor.nodeIsNamed,
    start,
    end,
    children: [],
    isError,
    hasError: isError,
  };
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
    children: [],
    isError: node.isError,
    hasError: node.hasError,
  });
  const copy = copyOf(root);
  const pairs: { readonly from: SyntaxNode; readonly to: MutableNode }[] = [{ from: root, to: copy }];
  for (const { from, to } of pairs) {
    for (const child of from.children) {
      const own = copyOf(child);
      to.children.push(own);
      if (child.children.length > 0) pairs.push({ from: child, to: own });
    }
  }
  sizes.set(copy, sizeOf(root));
  return copy;
}
