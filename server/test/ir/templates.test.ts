import assert from 'node:assert/strict';
import { surrounded } from '../../src/ir/macros.ts';
import { parseSnippet } from '../../src/ir/snippets.ts';
import { splitArguments, substitute } from '../../src/ir/substitute.ts';
import { STATEMENT, splicingOf, statementsOf } from '../../src/ir/templates.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { CParser, MacroDefinition, SyntaxNode } from '../../src/syntax/tree.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

/** Parameters and replacement texts. */
const MACROS = [
  ['(a, ...)', 'do { int r = errno; fprintf(stderr, "E: " a, ##__VA_ARGS__); exit(r); } while (0)'],
  ['(a, ...)', 'report(__func__, a, __VA_ARGS__)'],
  ['(a, b)', 'do { if (!(a)) { printf("%s %d", #a, b); return 1; } } while (0)'],
  ['(a, b)', '((struct b *)((a) + (b) * sizeof(b)))->member'],
  ['(a, b)', '({ __typeof__(a) v = (b); v < 0 ? a : b; })'],
  ['(a, b)', 'a = b * 2, b.a, x->b, a(b)'],
  ['(a, b)', 'x_##a = #b "s" b'],
  ['(a, b)', 'switch (a) { case b: goto a; default: b; }'],
  ['(a, b...)', 'a(b)'],
] as const;
const ARGUMENTS = [
  'x',
  '1',
  '"s"',
  '"%d " "t"',
  '"a" PRIx64 "b"',
  'a + b',
  'a, b',
  '*p',
  '-1',
  'f(x, "y")',
  '(int)x',
  's.m',
  'p->m[1]',
  'a = b',
  'a ? b : c',
  '(struct s){ .m = 1 }',
  'int',
  'struct s *',
  'NULL',
  "'\\''",
  '!x',
  '',
  '{ 1 }',
  'a /* b */',
  '"\\n"',
];
const ROUNDS = 2000;

/** Compares the trees of all calls of macros below a node with those that the parser gives; counts them. */
function compareAll(parser: CParser, root: SyntaxNode, text: string, macros: ReadonlyMap<string, MacroDefinition>) {
  const counts = { calls: 0, spliced: 0 };
  const visit = (node: SyntaxNode) => {
    const [callee, list] = node.children;
    const macro = callee === undefined ? undefined : macros.get(text.slice(callee.start, callee.end));
    if (node.type === 'call_expression' && macro?.parameters !== undefined) {
      counts.calls++;
      const nodes = list!.children.filter((c) => c.named && c.type !== 'comment');
      const texts = splitArguments(text, node);
      const { text: expansion, pieces } = surrounded(substitute(macro, texts), STATEMENT);
      const splicing = splicingOf(parser, { macro, macros, nodes, texts, surrounding: STATEMENT });
      if (splicing !== undefined) {
        assert.equal(splicing.text, expansion);
        assert.deepEqual(splicing.pieces, pieces, expansion);
      }
      const statements = splicing?.statements();
      if (statements !== undefined) {
        counts.spliced++;
        const { text: masked, root, cleanups } = parseSnippet(parser, expansion, macros);
        assert.deepEqual({ masked, cleanups }, { masked: expansion, cleanups: new Map() });
        assert.deepEqual({ statements, hasError: false }, { statements: statementsOf(root), hasError: root.hasError });
      }
    }
    node.children.forEach(visit);
  };
  visit(root);
  return counts;
}

describe('trees put together from those of macros and arguments', () => {
  let parser: CParser;
  before(async () => {
    parser = await createParser();
  });

  it('are those that the parser gives, for any macro and arguments', () => {
    const random = generator();
    let spliced = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const one = <T>(of: readonly T[]) => of[random.below(of.length)]!;
      const [parameters, body] = one(MACROS);
      const text = `#define M${parameters} ${body}\nvoid f(void) { M(${one(ARGUMENTS)}, ${one(ARGUMENTS)}); }`;
      const { root, masked, macros } = parseFile(parser, 'a.c', text);
      spliced += compareAll(parser, root, masked, macros).spliced;
    }
    assert.ok(spliced > ROUNDS / 10 && spliced < ROUNDS, `${spliced} of ${ROUNDS}, seed ${random.seed}`);
  });

  it('are those that the parser gives, in the fixtures', () => {
    const counts = { calls: 0, spliced: 0 };
    for (const path of cFiles(FIXTURES)) {
      const { root, masked, macros } = parseFile(parser, path, readText(path) ?? '', { readHeader: readText });
      const { calls, spliced } = compareAll(parser, root, masked, macros);
      counts.calls += calls;
      counts.spliced += spliced;
    }
    assert.ok(counts.spliced > counts.calls / 2, JSON.stringify(counts));
  });
});
