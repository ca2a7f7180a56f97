/** What editors colour is what the tables of the kernel's names hold, and the grammar of C finds it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { FAMILIES, GRAMMARS } from '../../../scripts/grammars.ts';

interface Capture {
  readonly name: string;
  readonly node: { readonly text: string };
}
interface TreeSitter {
  new (): { setLanguage(language: unknown): void; parse(text: string): { readonly rootNode: unknown } };
  readonly Query: new (language: unknown, source: string) => { captures(node: unknown): Capture[] };
}

const load = createRequire(import.meta.url);

/** One line for each name, with the same name in a comment, in a string, and as part of a longer one. */
const NAMES = [...FAMILIES].flatMap(([family, names]) => names.map((name) => ({ family, name })));
const SOURCE = NAMES.map(({ name }) => `int f_${name} = ${name}; /* ${name} */ char *s_${name} = "${name}";`).join(
  '\n',
);

describe('grammars', () => {
  for (const [path, made] of GRAMMARS)
    it(`${path} is what npm run grammars writes`, () => assert.equal(readFileSync(path, 'utf8'), made()));

  it('has each name once', () => {
    assert.ok(NAMES.length > 40);
    assert.equal(new Set(NAMES.map(({ name }) => name)).size, NAMES.length);
  });

  it('VS Code is told of the grammar, and its pattern for a family takes its names whole', () => {
    const { contributes } = JSON.parse(readFileSync('package.json', 'utf8'));
    const grammar = JSON.parse(readFileSync('grammars/uffd.tmLanguage.json', 'utf8'));
    assert.deepEqual(contributes.grammars, [
      { path: './grammars/uffd.tmLanguage.json', scopeName: grammar.scopeName, injectTo: ['source.c'] },
    ]);
    const familyOf = (text: string): string[] =>
      grammar.patterns.flatMap(({ name, match }: { name: string; match: string }) =>
        new RegExp(match).exec(text)?.[0] === text ? [name] : [],
      );
    for (const { family, name } of NAMES) {
      assert.deepEqual(familyOf(name), [`support.constant.${family}.uffd.c`], name);
      assert.deepEqual(familyOf(`${name}_X`), [], name);
    }
  });

  it('the queries find each name where it is used, as its family', function () {
    let Parser: TreeSitter;
    let language: unknown;
    try {
      Parser = load('tree-sitter');
      language = load('tree-sitter-c');
    } catch {
      // The native binding does not load here.
      this.skip();
    }
    const parser = new Parser();
    parser.setLanguage(language);
    const query = new Parser.Query(language, readFileSync('grammars/queries/c/highlights.scm', 'utf8'));
    const found = query.captures(parser.parse(SOURCE).rootNode).map(({ name, node }) => `${name} ${node.text}`);
    assert.deepEqual(
      found,
      NAMES.map(({ family, name }) => `constant.uffd.${family} ${name}`),
    );
  });
});
