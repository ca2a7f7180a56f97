/**
 * The syntax tree as the rest of the program sees it: plain objects, made from a tree-sitter tree by one cursor walk
 * and independent of the parser that made it (native or WebAssembly), so that no parser memory outlives the parse.
 */

export interface SyntaxNode {
  /** tree-sitter-c node type, e.g. `call_expression`; anonymous tokens have their text as type. */
  readonly type: string;
  /** Field name of this node in its parent (`function`, `arguments`, `declarator`, …), or undefined. */
  readonly field: string | undefined;
  readonly named: boolean;
  /** UTF-16 offsets into the text that was parsed (equal to the original text's: the mask keeps lengths). */
  readonly start: number;
  readonly end: number;
  /** All children, anonymous tokens included. */
  readonly children: readonly SyntaxNode[];
  /** True when this node is an ERROR or MISSING node. */
  readonly isError: boolean;
  /** True when this node or anything below it is an ERROR or MISSING node. */
  readonly hasError: boolean;
}

/** A macro of the file, its project headers, or the command line. */
export interface MacroDefinition {
  readonly name: string;
  /** Parameter names, undefined for an object-like macro. A variadic macro ends in `...` (or `name...`). */
  readonly parameters: readonly string[] | undefined;
  /** Replacement text with continuations joined and comments removed. */
  readonly body: string;
  /** File in which it is defined, undefined for the command line. */
  readonly file: string | undefined;
}

/** A `#define` of a name that already stood for something else. */
export interface Redefinition {
  /** Offset of the directive. */
  readonly at: number;
  readonly name: string;
  readonly before: MacroDefinition;
  readonly after: MacroDefinition;
}

export interface ParsedFile {
  readonly path: string;
  /** The text as written. */
  readonly text: string;
  /** The text that was parsed: same length, directives and attribute-like macros blanked, loop macros neutralised. */
  readonly masked: string;
  readonly root: SyntaxNode;
  /** Macros visible at the end of the file, its project headers' included. */
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  /** In the order of their places; those of headers are with the headers. */
  readonly redefinitions: readonly Redefinition[];
  /** Project headers that were found, each parsed on its own (declarations, static inline functions). */
  readonly headers: readonly ParsedFile[];
  /** `#include` names that were not found (system headers are never looked for). */
  readonly missingIncludes: readonly string[];
  /** Offsets of `__attribute__((cleanup(f)))` with the function's name. */
  readonly cleanups: ReadonlyMap<number, string>;
  /** Offsets of noreturn attributes. */
  readonly noreturns: readonly number[];
  /** Offsets of constructor attributes. */
  readonly constructors: readonly number[];
  /** Conditionals whose groups were chosen without knowing; those of headers are with the headers. */
  readonly choices: readonly Choice[];
}

/** From `#if` to `#endif`, and what decides between its groups. */
export interface Choice {
  readonly start: number;
  readonly end: number;
  readonly unknowns: readonly Unknown[];
}

/** A condition that a build may decide either way, by what it depends on: a macro, or all of its text. */
export interface Unknown {
  readonly key: string;
  /** What was chosen here. */
  readonly value: boolean;
  /** As C says it: `defined(X)`, or the condition itself. */
  readonly condition: string;
}

/** A snippet parsed on its own (the expansion of a macro), with a way back to the source. */
export interface ParsedSnippet {
  readonly text: string;
  /** Before the mask. */
  readonly written: string;
  /** The macros in the expansion are expanded in it: nothing in it has a place in the source. */
  readonly isRescanned: boolean;
  /** Undefined where it is no body of a function to the parser. */
  readonly statements: readonly SyntaxNode[] | undefined;
  readonly hasError: boolean;
  /** Offsets of cleanup attributes, with the function's name. */
  readonly cleanups: ReadonlyMap<number, string>;
}

/** A parsed text that holds what is needed to parse a later version of it. */
export interface KeptTree {
  readonly text: string;
  readonly root: SyntaxNode;
  /** The tree of the new text, equal to what `parse` gives for it; this one is used up, its root stays good. */
  next(text: string): KeptTree;
  /** Frees the parser's memory: the tree is used up. */
  release(): void;
}

export interface CParser {
  readonly kind: 'native' | 'wasm';
  /** Never throws for what the text contains. `name` says which texts are versions of one. */
  parse(text: string, name?: string): SyntaxNode;
  /** Parses for later versions: the result must be released or used up. */
  keep(text: string): KeptTree;
}

/**
 * The node with other properties. Written out: V8 gives an object that is spread from another one a layout of its own
 * before the code is hot, and whoever looks at nodes of many layouts looks longer.
 */
export function nodeWith(node: SyntaxNode, change: Partial<SyntaxNode>): SyntaxNode {
  return {
    type: change.type ?? node.type,
    field: change.field ?? node.field,
    named: change.named ?? node.named,
    start: change.start ?? node.start,
    end: change.end ?? node.end,
    children: change.children ?? node.children,
    isError: change.isError ?? node.isError,
    hasError: change.hasError ?? node.hasError,
  };
}
