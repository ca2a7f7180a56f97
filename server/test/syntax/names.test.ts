import assert from 'node:assert/strict';
import { moveTo, scanNames } from '../../src/syntax/names.ts';
import { applied, randomEdit } from '../support/edits.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

const EDITS = 400;

const functions = (text: string) =>
  scanNames('a.c', text)
    .items.filter((i) => i.kind === 'function')
    .map((i) => [...i.declares][0] + (i.static ? ' static' : ''));

describe('names of a file', () => {
  it('tell whether a function stores into memory of others', () => {
    const stores = (body: string) => scanNames('a.c', `int f(struct s *p, int *q) { ${body} }\n`).items[0]!.stores;
    for (const body of [
      'p->n = 1;',
      'p->in.n |= 1;',
      '*q = 1;',
      'if (n) *q = 1;',
      'a[n] = 1;',
      'p->n <<= 2;',
      'p . n = 1;',
    ])
      assert.ok(stores(body), body);
    for (const body of [
      'n = 1;',
      'int *r = q;',
      'if (p->n == 1) return *q;',
      'return p->n <= 1;',
      'n = *q;',
      'g((struct s){ .n = 1 });',
    ])
      assert.ok(!stores(body), body);
  });

  const cases: Record<string, [string, string[]]> = {
    'a definition, and no prototype': ['int g(void);\nint f(void) { return g(); }\n', ['f']],
    'static ones': ['static int f(void) { return 0; }\nint g(void) { return f(); }\n', ['f static', 'g']],
    'attributes around a head': [
      '__attribute__((noreturn)) void die(const char *m) __attribute__((cold));\nstatic __attribute__((noreturn)) void out(int n) { exit(n); }\n',
      ['out static'],
    ],
    'old-style parameters': ['int f(a, b) int a; char *b; { return a; }\n', ['f']],
    'old-style parameters with comments and pointers to functions': [
      'char *f(a, b)\n\tint a; /* one; */\n\tint (*b)(); // two\n{ return a; }\nint g(void) { }\n',
      ['f', 'g'],
    ],
    'a table between functions': ['int f(void) { }\nstruct op t[] = { { f } };\nint g(void) { }\n', ['f', 'g']],
    'braces in strings, characters and comments': [
      'int f(void) { g("}"); h(\'}\'); /* } */ return 0; // }\n}\nint k(void) {}\n',
      ['f', 'k'],
    ],
    'a brace for each branch of a conditional': [
      'int f(int a) {\n#ifdef X\n\tfor (;;) {\n#else\n\t{\n#endif\n\t}\n\treturn a;\n}\nint g(void) { }\n',
      ['f', 'g'],
    ],
    'a head for each branch of a conditional': [
      '#ifdef X\nint f(int a)\n#else\nint f(void)\n#endif\n{\n\treturn 0;\n}\n',
      ['f'],
    ],
    'a function that the file cuts off': ['int f(void) {\n\tg(', ['f']],
  };
  for (const [name, [text, expected]] of Object.entries(cases))
    it(`knows ${name}`, () => assert.deepEqual(functions(text), expected));

  it('take no time on odd text', () => {
    const clock = performance.now();
    for (const text of [
      'int f(a)'.concat(';  '.repeat(500)),
      '('.repeat(50_000),
      '#if\n{'.repeat(5_000),
      '/*'.repeat(50_000),
    ])
      scanNames('a.c', text);
    assert.ok(performance.now() - clock < 2000);
  });

  it('are those in its functions, literals included', () => {
    const [f] = scanNames('a.c', 'int f(struct s *p) { open("/dev/x", 0); /* not */ return p->q; }\n').items;
    assert.deepEqual([...f!.uses], ['int', 'f', 'struct', 's', 'p', 'open', '"/dev/x"', 'return', 'q']);
  });

  it('are those that a declaration declares', () => {
    const declared = (text: string) => scanNames('a.h', text).items.map((i) => [i.kind, ...i.declares]);
    assert.deepEqual(declared('struct s { int a; struct t *b; } x, *y;\n'), [['declaration', 's', 'x', 'y']]);
    assert.deepEqual(declared('typedef void (*handler)(int);\n'), [['declaration', 'handler']]);
    assert.deepEqual(declared('COND_SYSCALL(userfaultfd);\n'), [['declaration']]);
    assert.deepEqual(declared('static int n = 3, m;\n'), [['initialised', 'n', 'm']]);
    assert.deepEqual(declared('static struct op t[] = { { f } };\n'), [['initialised', 't']]);
  });

  it('tell macros that paste words', () => {
    const { macros, pasting } = scanNames('a.h', '#define A(x) h_##x()\n#define B(f, ...) p(f, ##__VA_ARGS__)\n');
    assert.deepEqual([...macros.keys()], ['A', 'B']);
    assert.deepEqual([...pasting], ['A']);
  });

  it('are moved to their places in the next version of a text, or left as they are', () => {
    const random = generator();
    const texts = cFiles(FIXTURES).flatMap((path) => {
      const text = readText(path);
      return text === undefined ? [] : [{ path, text }];
    });
    let moved = 0;
    for (let i = 0; i < EDITS; i++) {
      const { path, text } = texts[random.below(texts.length)]!;
      const edit = randomEdit(new Map([[path, text]]), random);
      const after = applied(new Map([[path, text]]), edit).get(path)!;
      const names = scanNames(path, text);
      const say = `seed ${random.seed}: ${JSON.stringify(edit)}`;
      if (moveTo(names, scanNames(path, after))) {
        moved++;
        assert.deepEqual(names, scanNames(path, after), say);
      } else assert.deepEqual(names, scanNames(path, text), say);
    }
    assert.ok(moved > EDITS / 20 && moved < EDITS, `${moved} of ${EDITS} were moved`);
  }).timeout(60_000);
});
