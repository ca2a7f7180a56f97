/**
 * tree-sitter behind one small interface: the native binding where it loads, else WebAssembly with the same grammar.
 * `UFFD_LINT_PARSER=native|wasm` forces one. Trees are converted to plain nodes by one cursor walk.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { CParser, SyntaxNode } from './tree.ts';

interface Cursor {
  readonly nodeType: string;
  readonly nodeIsNamed: boolean;
  readonly nodeIsMissing: boolean;
  readonly startIndex: number;
  readonly endIndex: number;
  readonly currentFieldName: string | null | undefined;
  gotoFirstChild(): boolean;
  gotoNextSibling(): boolean;
  gotoParent(): boolean;
}

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
  const Parser = load('tree-sitter') as new () => {
    setLanguage(language: unknown): void;
    parse(text: string, old: undefined, options: { bufferSize: number }): { walk(): Cursor };
  };
  const language: unknown = load('tree-sitter-c');
  const parser = new Parser();
  parser.setLanguage(language);
  return {
    kind: 'native',
    parse: (text) =>
      convert(parser.parse(text, undefined, { bufferSize: Math.max(32 * 1024, 2 * text.length + 1024) }).walk()),
  };
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
  return {
    kind: 'wasm',
    parse: (text) => {
      const tree = parser.parse(text);
      const cursor = tree.walk();
      try {
        return convert(cursor);
      } finally {
        cursor.delete();
        tree.delete();
      }
    },
  };
}

interface WebParser {
  new (): {
    setLanguage(language: unknown): void;
    parse(text: string): { walk(): Cursor & { delete(): void }; delete(): void };
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

/** Deep nesting is walked without recursion. */
function convert(cursor: Cursor): SyntaxNode {
  const stack: MutableNode[] = [];
  for (;;) {
    const type = cursor.nodeType;
    const start = cursor.startIndex;
    const end = cursor.endIndex;
    const node: MutableNode = {
      type,
      field: cursor.currentFieldName ?? undefined,
      named: cursor.nodeIsNamed,
      start,
      end,
      children: [],
      // What is missing has no width; each question to the cursor costs.
      isError: type === 'ERROR' || (start === end && cursor.nodeIsMissing),
      hasError: false,
    };
    node.hasError = node.isError;
    const parent = stack[stack.length - 1];
    parent?.children.push(node);
    if (cursor.gotoFirstChild()) {
      stack.push(node);
      continue;
    }
    while (!cursor.gotoNextSibling()) {
      if (!cursor.gotoParent()) return stack[0] ?? node;
      const above = stack.pop()!;
      for (const child of above.children) if (child.hasError) above.hasError = true;
      if (stack.length === 0) return above;
    }
  }
}
