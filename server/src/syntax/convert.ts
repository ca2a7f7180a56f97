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
  /** It gives one to some of their children. */
  readonly givesFields: boolean;
  /** Blanks may stand in front of it that are not its own. */
  readonly followsBlanks: boolean;
  /** A token of letters and digits. */
  readonly isWord: boolean;
  /** The token that is always the last of its children. */
  readonly closedBy: string | undefined;
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
/** Nodes of which no child has a field. */
const GIVING_NONE: ReadonlySet<string> = new Set([
  'argument_list',
  'compound_statement',
  'concatenated_string',
  'enumerator_list',
  'expression_statement',
  'field_declaration_list',
  'initializer_list',
  'parameter_list',
  'parenthesized_expression',
  'return_statement',
  'string_literal',
  'translation_unit',
]);
/** Nodes that end with one and the same token, which stands nowhere else among their children. */
const CLOSED_BY: Readonly<Record<string, string>> = {
  argument_list: ')',
  array_declarator: ']',
  break_statement: ';',
  compound_statement: '}',
  continue_statement: ';',
  declaration: ';',
  enumerator_list: '}',
  expression_statement: ';',
  field_declaration: ';',
  field_declaration_list: '}',
  goto_statement: ';',
  initializer_list: '}',
  parameter_list: ')',
  parenthesized_expression: ')',
  return_statement: ';',
  subscript_expression: ']',
};
/** Tokens that take blanks for their own, and those that may begin with one. */
const BLANK_TOKENS: ReadonlySet<string> = new Set(['character', 'escape_sequence', 'string_content']);
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
      const givesFields = !GIVING_NONE.has(type);
      const followsBlanks = isLeaf && (isFixed || (named && !BLANK_TOKENS.has(type)));
      const isWord = isLeaf && named && /identifier$|^primitive_type$/.test(type);
      const closedBy = named ? CLOSED_BY[type] : undefined;
      kind = { type, named, isLeaf, isSpanned, isFixed, mayHaveField, givesFields, followsBlanks, isWord, closedBy };
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
  readonly text: string;
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
  return parsed.isWhole ? convertWhole(cursor, parsed) : convertDamaged(cursor, parsed);
}

/** Nodes whose children are being read, the outermost first: deep nesting is walked without recursion. */
class OpenNodes {
  private readonly nodes: MutableNode[] = [];
  /** The children of all of them, those of the innermost last: a list that grows would take more than it holds. */
  private readonly children: SyntaxNode[] = [];
  private count = 0;
  /** How many children there were when the node was opened. */
  private readonly firsts: number[] = [];

  open(node: MutableNode): void {
    this.nodes.push(node);
    this.firsts.push(this.count);
  }

  add(child: SyntaxNode): void {
    this.children[this.count++] = child;
  }

  /** Gives the innermost node, which has all its children now. */
  close(): MutableNode {
    const node = this.nodes.pop()!;
    const first = this.firsts.pop()!;
    node.children = this.children.slice(first, this.count);
    this.count = first;
    return node;
  }

  get isEmpty(): boolean {
    return this.nodes.length === 0;
  }
}

/**
 * As far as can be the text is asked where tokens begin and end, not the cursor. Written as one function: each call that
 * is made for each node shows in the time that the command takes.
 */
function convertWhole(cursor: Cursor, { kinds, text }: Parsed): SyntaxNode {
  let above = kinds.of(cursor);
  const outermost = made(above, kinds.fieldOf(cursor), cursor.startIndex, cursor.endIndex);
  if (above.isLeaf || !cursor.stepsIn) return outermost;
  // Nodes whose children are being read, as in OpenNodes.
  const nodes: MutableNode[] = [outermost];
  const kindsOf: Kind[] = [above];
  const firsts: number[] = [0];
  const children: SyntaxNode[] = [];
  let count = 0;
  /** Where the last token ended; nothing but blanks lies between two of them. */
  let at = -1;
  for (;;) {
    const kind = kinds.of(cursor);
    const { type, named } = kind;
    const field = above.givesFields && kind.mayHaveField ? kinds.fieldOf(cursor) : undefined;
    if (kind.isLeaf) {
      let start = at;
      if (at < 0 || !kind.followsBlanks) start = cursor.startIndex;
      else {
        const c = text.charCodeAt(at);
        if (c <= 32 || c === 92 || c >= 127) start = startOfToken(cursor, text, at);
      }
      if (kind.isFixed) at = start + type.length;
      else at = kind.isWord ? endOfWord(cursor, text, start) : cursor.endIndex;
      children[count++] = {
        type,
        field,
        named,
        start,
        end: at,
        children: NO_CHILDREN,
        isError: false,
        hasError: false,
      };
    } else {
      const node = made(kind, field, UNKNOWN, UNKNOWN);
      if (!kind.isSpanned) setExtent(node, cursor);
      children[count++] = node;
      if (cursor.stepsIn) {
        nodes.push(node);
        kindsOf.push(kind);
        firsts.push(count);
        above = kind;
        continue;
      }
      if (kind.isSpanned) setExtent(node, cursor);
      at = node.end;
    }
    let isLast = type === above.closedBy;
    while ((isLast || !cursor.stepsOn) && cursor.stepsOut) {
      isLast = false;
      const done = nodes.pop()!;
      const first = firsts.pop()!;
      kindsOf.pop();
      done.children = children.slice(first, count);
      count = first;
      if (nodes.length === 0) return done;
      if (done.end === UNKNOWN) spanChildren(done);
      at = done.end;
      above = kindsOf[kindsOf.length - 1]!;
    }
  }
}

function made({ type, named }: Kind, field: string | undefined, start: number, end: number): MutableNode {
  return { type, field, named, start, end, children: NO_CHILDREN, isError: false, hasError: false };
}

function setExtent(node: MutableNode, cursor: Cursor): void {
  node.start = cursor.startIndex;
  node.end = cursor.endIndex;
}

const BLANKS = /[ \t\r\n]*/y;
const WORD = /\w+/y;

/** The first place from `at` on where no blank stands. */
function startOfToken(cursor: Cursor, text: string, at: number): number {
  BLANKS.lastIndex = at;
  BLANKS.test(text);
  const start = BLANKS.lastIndex;
  // What the grammar may take for a blank, too.
  const c = text.charCodeAt(start);
  return c <= 32 || c === 92 || c >= 127 ? cursor.startIndex : start;
}

/** Where the letters and digits end that stand there. */
function endOfWord(cursor: Cursor, text: string, start: number): number {
  WORD.lastIndex = start;
  if (!WORD.test(text)) return cursor.endIndex;
  const end = WORD.lastIndex;
  // What the grammar may take for part of a name, too.
  const c = text.charCodeAt(end);
  return c === 36 || c === 92 || c >= 127 ? cursor.endIndex : end;
}

function convertDamaged(cursor: Cursor, parsed: Parsed): SyntaxNode {
  const { kinds } = parsed;
  const nodes = new OpenNodes();
  for (;;) {
    const kind = kinds.of(cursor);
    const node = nodeAt(cursor, kind, parsed);
    if (!nodes.isEmpty) nodes.add(node);
    if (!kind.isLeaf && cursor.stepsIn) {
      nodes.open(node);
      continue;
    }
    if (nodes.isEmpty) return node;
    while (!cursor.stepsOn && cursor.stepsOut) {
      const done = nodes.close();
      noteErrors(done);
      if (nodes.isEmpty) return done;
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
