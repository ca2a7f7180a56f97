import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Cursor } from '../../src/syntax/convert.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { CParser, SyntaxNode } from '../../src/syntax/tree.ts';

async function parserOf(kind: 'native' | 'wasm'): Promise<CParser> {
  const before = process.env.UFFD_LINT_PARSER;
  process.env.UFFD_LINT_PARSER = kind;
  try {
    return await createParser();
  } finally {
    if (before === undefined) delete process.env.UFFD_LINT_PARSER;
    else process.env.UFFD_LINT_PARSER = before;
  }
}

const fixtures = readdirSync('test-fixtures/rules', { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.c'))
  .map((f) => join('test-fixtures/rules', f));

const load = createRequire(import.meta.url);

type Everything = Cursor & { readonly nodeIsMissing: boolean };

/** A tree by all that the parser says of each node. */
function everything(cursor: Everything): SyntaxNode {
  const { nodeType: type, nodeIsNamed: named, startIndex: start, endIndex: end } = cursor;
  const isError = type === 'ERROR' || cursor.nodeIsMissing;
  const field = cursor.currentFieldName ?? undefined;
  const children: SyntaxNode[] = [];
  if (cursor.gotoFirstChild()) {
    do children.push(everything(cursor));
    while (cursor.gotoNextSibling());
    cursor.gotoParent();
  }
  return { type, field, named, start, end, children, isError, hasError: isError || children.some((c) => c.hasError) };
}

describe('parsers', () => {
  let native: CParser;
  let wasm: CParser;
  before(async () => {
    native = await parserOf('native');
    wasm = await parserOf('wasm');
  });

  it('are the two kinds', () => {
    assert.equal(native.kind, 'native');
    assert.equal(wasm.kind, 'wasm');
  });

  it('give equal trees for the fixtures', () => {
    for (const path of fixtures) {
      const text = readFileSync(path, 'utf8');
      assert.deepEqual(native.parse(text), wasm.parse(text), path);
    }
  });

  const damaged = fc
    .tuple(
      fc.constantFrom(...fixtures),
      fc.nat(3000),
      fc.nat(60),
      fc.constantFrom('', '{', ')', '#if\n', '"', '🐑', "'", ' = {', '#define x y\n'),
    )
    .map(([path, at, length, insert]) => {
      const text = readFileSync(path, 'utf8');
      return text.slice(0, at) + insert + text.slice(at + length);
    });

  it('give equal trees for damaged text', () => {
    fc.assert(
      fc.property(damaged, (broken) => {
        assert.deepEqual(native.parse(broken), wasm.parse(broken));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('are asked less than everything, and say the same', () => {
    const Parser = load('tree-sitter') as new () => {
      setLanguage(language: unknown): void;
      parse(text: string, old: undefined, options: { bufferSize: number }): { walk(): Everything };
    };
    const plain = new Parser();
    plain.setLanguage(load('tree-sitter-c'));
    const check = (text: string) => {
      const tree = plain.parse(text, undefined, { bufferSize: 2 * text.length + 1024 });
      assert.deepEqual(native.parse(text), everything(tree.walk()));
    };
    for (const path of fixtures) check(readFileSync(path, 'utf8'));
    fc.assert(fc.property(damaged, check), { numRuns: 200 });
  });
});

describe('mask', () => {
  let parser: CParser;
  before(async () => {
    parser = await createParser();
  });
  const masked = (text: string) => parseFile(parser, 'a.c', text);

  it('keeps the length of any text', () => {
    const pieces = fc.constantFrom(
      '#if X\n',
      '#endif\n',
      '#else\n',
      '#define A(x) x\n',
      'A(1)\n',
      '__attribute__((unused)) ',
      '/*',
      '*/',
      '"',
      "'",
      '{',
      '}',
      '(',
      ')',
      'int f(void) { return 0; }\n',
      'list_for_each(p, h) {',
      '\\\n',
      'é🐑',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join('');
        assert.equal(masked(text).masked.length, text.length);
      }),
    );
  });

  const kept: Record<string, string[]> = {
    'a name that looks like an attribute': [
      'void *f(void *unused) { return unused; }',
      'int f(int unused, const struct s my_unused, foo_t Unused, unsigned long attribute) { return 0; }',
      'void f(void) { char *unused, b[2]; foo_t __unused = g(); int noreturn[2]; h(a * unused, *unused); }',
      'int f(char *const unused, void (*__unused)(void));',
      'int f(int a, unused_t x, struct attribute b) { return a; }',
    ],
  };
  for (const [name, texts] of Object.entries(kept)) {
    it(`keeps ${name}`, () => {
      for (const text of texts) assert.equal(masked(text).masked, text);
    });
  }

  it('blanks what can only be an attribute', () => {
    const texts = [
      'void f(void *arg @UNUSED, int n @__unused, foo_t x @MY_UNUSED) { }',
      'void f(@UNUSED void *arg, @UNUSED foo_t x) { }',
      'void f(int a) { int b @__unused = 1, c @__unused; foo_t d @__maybe_unused; }',
      'void f(struct s *@__restrict p, char */* a, b */arg @UNUSED);',
      'void f(const struct s s @UNUSED, unsigned char c @UNUSED);',
    ];
    for (const text of texts) {
      const expected = text.replace(/@(\w+)/g, (_, word: string) => ' '.repeat(word.length));
      assert.equal(masked(text.replaceAll('@', '')).masked, expected);
    }
  });

  const clean: Record<string, string> = {
    'a directive inside an if header':
      'int f(int a) {\n#ifdef HAVE_X\n\tif (a &&\n#else\n\tif (\n#endif\n\t    a > 1)\n\t\treturn 1;\n\treturn 0;\n}\n',
    'a directive inside a mask of features':
      'unsigned f(void) {\n\treturn 1 |\n#ifdef UFFD_FEATURE_MOVE\n\t\t2 |\n#endif\n\t\t4;\n}\n',
    'an attribute with an initialiser':
      'void c(int *);\nint f(void) {\n\tint fd __attribute__((cleanup(c))) = 3;\n\treturn fd;\n}\n',
    'a for-each macro':
      '#define for_each(p, h) for (p = (h); p; p = p->next)\nint f(struct n *h) {\n\tstruct n *p;\n\tfor_each(p, h) {\n\t\tg(p);\n\t}\n\treturn 0;\n}\n',
    'a macro call without semicolon':
      '#define CHECK(x) do { if (!(x)) abort(); } while (0);\nint f(int a) {\n\tCHECK(a)\n\tg(a);\n\treturn 0;\n}\n',
    'unbalanced braces in an untaken group': '#if 0\n{{{\n#endif\nint f(void) { return 0; }\n',
    'a type as argument': 'int f(void *p) {\n\tstruct s *q = container_of(p, struct s, m);\n\treturn !q;\n}\n',
  };
  for (const [name, text] of Object.entries(clean)) {
    it(`makes plain C of ${name}`, () => {
      const file = masked(text);
      assert.equal(file.root.hasError, false, file.masked);
      assert.ok(file.root.children.some((c) => c.type === 'function_definition'));
    });
  }
});
