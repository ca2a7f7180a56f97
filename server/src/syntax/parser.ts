/**
 * tree-sitter behind one small interface: the native binding where it loads, else WebAssembly with the same grammar.
 * `UFFD_LINT_PARSER=native|wasm` forces one. Trees are converted to plain nodes.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { addSteps, type Cursor, convert, convertAgain, type Edit, editBetween, Kinds, type Parsed } from './convert.ts';
import { loadNativeBinding } from './native-binding.ts';
import type { CParser, KeptTree, SyntaxNode } from './tree.ts';

/** What both bindings have in common. */
interface RawTree {
  readonly rootNode: { readonly hasError: boolean };
  edit(edit: {
    readonly startIndex: number;
    readonly oldEndIndex: number;
    readonly newEndIndex: number;
    readonly startPosition: Point;
    readonly oldEndPosition: Point;
    readonly newEndPosition: Point;
  }): void;
  walk(): Cursor & { delete?(): void };
  /** Only where nobody else frees it. */
  delete?(): void;
}

interface Point {
  readonly row: number;
  readonly column: number;
}

type ParseRaw = (text: string, old?: RawTree) => RawTree;

/** The file that runs: the bundle, or this source under a TypeScript loader. */
const here = process.argv[1] ?? join(process.cwd(), 'index.js');
declare const __filename: string | undefined;
const anchor = typeof __filename === 'string' ? __filename : import.meta.url;
const load = createRequire(anchor);

export async function createParser(): Promise<CParser> {
  const wanted = process.env.UFFD_LINT_PARSER;
  if (wanted !== 'wasm') {
    try {
      return nativeParser();
    } catch (error) {
      if (wanted === 'native') throw new Error(`the native parser does not load: ${(error as Error).message}`);
    }
  }
  return wasmParser();
}

function nativeParser(): CParser {
  const Parser = loadNativeBinding(load) as new () => {
    setLanguage(language: unknown): void;
    parse(text: string, old: RawTree | undefined, options: { bufferSize: number }): RawTree;
  };
  const { language } = nativeGrammar();
  const parser = new Parser();
  // Without the description of its nodes: the package would make a class for each kind of node, and cursors need none.
  parser.setLanguage({ language });
  // The buffer is cleared before it is filled: it holds the text and the end of a string.
  return behind('native', (text, old) => parser.parse(text, old, { bufferSize: text.length + 1 }));
}

function nativeGrammar(): { readonly language: unknown } {
  try {
    // Where packages with binaries have them: the package itself would read a long description of its nodes, too.
    return load(`tree-sitter-c/prebuilds/${process.platform}-${process.arch}/tree-sitter-c.node`);
  } catch {
    return load('tree-sitter-c');
  }
}

/** Walks a tree of one parser. */
type Walked = (tree: RawTree, text: string, walk: (cursor: Cursor, parsed: Parsed) => SyntaxNode) => SyntaxNode;

function behind(kind: CParser['kind'], parseRaw: ParseRaw): CParser {
  const kinds = new Kinds();
  const walked: Walked = (tree, text, walk) => {
    const cursor = tree.walk();
    addSteps(cursor);
    try {
      return walk(cursor, { text, kinds, isWhole: !tree.rootNode.hasError });
    } finally {
      cursor.delete?.();
    }
  };
  return {
    kind,
    parse: (text) => {
      const tree = parseRaw(text);
      try {
        return walked(tree, text, convert);
      } finally {
        tree.delete?.();
      }
    },
    keep: (text) => {
      const tree = parseRaw(text);
      const root = walked(tree, text, convert);
      if (!root.hasError) return new Kept(parseRaw, walked, text, tree, root);
      tree.delete?.();
      return new Kept(parseRaw, walked, text, undefined, root);
    },
  };
}

class Kept implements KeptTree {
  readonly text: string;
  readonly root: SyntaxNode;
  /** The last tree without errors, told of all edits since; undefined where there was none. */
  private readonly whole: RawTree | undefined;
  private readonly parseRaw: ParseRaw;
  private readonly walked: Walked;

  constructor(parseRaw: ParseRaw, walked: Walked, text: string, whole: RawTree | undefined, root: SyntaxNode) {
    this.parseRaw = parseRaw;
    this.walked = walked;
    this.text = text;
    this.whole = whole;
    this.root = root;
  }

  next(text: string): KeptTree {
    const edit = editBetween(this.text, text);
    // How a damaged text is recovered depends on where the parser begins: then it begins where it always does.
    const tree = this.nextWhole(text, edit) ?? this.parseRaw(text);
    const root = this.walked(tree, text, (cursor, parsed) => convertAgain(cursor, parsed, this.root, edit));
    const unused = root.hasError ? tree : this.whole;
    unused?.delete?.();
    return new Kept(this.parseRaw, this.walked, text, root.hasError ? this.whole : tree, root);
  }

  /** The tree of the next text, where neither that nor some text before it is damaged. */
  private nextWhole(text: string, edit: Edit): RawTree | undefined {
    if (this.whole === undefined) return undefined;
    this.whole.edit({
      startIndex: edit.start,
      oldEndIndex: edit.oldEnd,
      newEndIndex: edit.newEnd,
      startPosition: pointAt(this.text, edit.start),
      oldEndPosition: pointAt(this.text, edit.oldEnd),
      newEndPosition: pointAt(text, edit.newEnd),
    });
    const tree = this.parseRaw(text, this.whole);
    if (!tree.rootNode.hasError) return tree;
    tree.delete?.();
    return undefined;
  }

  release(): void {
    this.whole?.delete?.();
  }
}

function pointAt(text: string, offset: number): Point {
  let row = 0;
  let line = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', line)) {
    row++;
    line = at + 1;
  }
  return { row, column: offset - line };
}

/** The runtime can be initialised once in a process. */
let runtime: Promise<{ Parser: WebParser; language: unknown }> | undefined;

async function loadRuntime(): Promise<{ Parser: WebParser; language: unknown }> {
  // In a package without node_modules (the VSIX) the runtime lies beside the bundle.
  const Parser = load(wasmFile('web-tree-sitter.cjs', 'web-tree-sitter')) as WebParser;
  await Parser.init({ locateFile: (name: string) => wasmFile(name, `web-tree-sitter/${name}`) });
  const language = await Parser.Language.load(wasmFile('tree-sitter-c.wasm', 'tree-sitter-c/tree-sitter-c.wasm'));
  return { Parser, language };
}

async function wasmParser(): Promise<CParser> {
  runtime ??= loadRuntime();
  const { Parser, language } = await runtime;
  const parser = new Parser();
  parser.setLanguage(language);
  return behind('wasm', (text, old) => parser.parse(text, old));
}

interface WebParser {
  new (): {
    setLanguage(language: unknown): void;
    parse(text: string, old?: RawTree): RawTree;
  };
  init(options: { locateFile(name: string): string }): Promise<void>;
  readonly Language: { load(path: string): Promise<unknown> };
}

/** Beside the running bundle, else from the package that brings it. */
function wasmFile(name: string, packaged: string): string {
  const beside = [dirname(here), typeof __filename === 'string' ? dirname(__filename) : ''];
  for (const folder of beside) {
    const path = join(folder, name);
    if (folder !== '' && existsSync(path)) return path;
  }
  return load.resolve(packaged);
}
