import assert from 'node:assert/strict';
import { dump, printInstruction } from '../../src/ir/dump.ts';
import type { Expr, FunctionBody, TranslationUnit } from '../../src/ir/ir.ts';
import { lowerFile } from '../../src/ir/lower.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { CParser } from '../../src/syntax/tree.ts';

let parser: CParser;

function lower(text: string, readHeader?: (path: string) => string | undefined): TranslationUnit {
  return lowerFile(parseFile(parser, 'a.c', text, { readHeader }), parser);
}

function only(text: string): FunctionBody {
  const { functions } = lower(text);
  assert.equal(functions.length, 1, `functions: ${functions.map((f) => f.name).join(', ')}`);
  return functions[0]!;
}

/** Instructions and terminators without the blocks around them. */
function lines(f: FunctionBody): string[] {
  return dump(f)
    .split('\n')
    .filter((l) => l.startsWith('  '))
    .map((l) => l.trim());
}

function expectDump(text: string, expected: string): void {
  assert.equal(dump(only(text)), expected.trim());
}

function expectLines(text: string, ...expected: string[]): void {
  const found = lines(only(text));
  let at = 0;
  for (const line of expected) {
    const next = found.indexOf(line, at);
    assert.ok(next >= 0, `no \`${line}\` after line ${at} of\n${found.join('\n')}`);
    at = next + 1;
  }
}

describe('lowering', () => {
  before(async () => {
    parser = await createParser();
  });

  describe('control flow', () => {
    it('ends the scopes that a jump leaves, and no other', () => {
      expectDump(
        'int f(int n) { for (;;) { int fd = g(); again: if (h(fd)) goto again; if (n) goto out; } out: return 0; }',
        `
f(n)
B0
  goto B1
B1*
  declare fd
  $1 = g()
  fd = $1
  goto B2
B2*
  $2 = h(fd)
  if $2 then B3 else B4
B3
  goto B2
B4
  if n then B5 else B6
B5
  end fd
  end n
  return 0
B6
  end fd
  goto B1`,
      );
    });

    it('takes the value of a return before the locals end', () => {
      expectLines(
        'int f(void) { int a = 1; { int b = 2; return a + b; } }',
        '$1 = a + b',
        'end b',
        'end a',
        'return $1',
      );
    });

    it('falls through cases and declares in their blocks', () => {
      expectDump(
        'void f(int x) { switch (x) { case 1: { int a = g(); if (a) break; } case 2: h(); break; default: i(); } }',
        `
f(x)
B0
  switch x { 1: B1, 2: B4, else: B5 }
B1
  declare a
  $1 = g()
  a = $1
  if a then B2 else B3
B2
  end a
  goto B6
B3
  end a
  goto B4
B4
  h()
  goto B6
B5
  i()
  goto B6
B6
  end x
  return (end)`,
      );
    });

    it('reads GNU case ranges of any constants', () => {
      const ranges: Record<string, readonly [number, number]> = {
        'UFFD_EVENT_FORK ... UFFD_EVENT_UNMAP': [0x13, 0x16],
        "'a' ... ':'": [97, 58],
        '-1 ... 5': [-1, 5],
        'UFFD_EVENT_UNMAP + 1 ... 0xff': [0x17, 0xff],
        '(1) /* ... */ ... 1 | 4': [1, 5],
        'EV(FORK) ... EV(FORK) + 1': [0x13, 0x14],
        'sizeof(int) << 1 ... (9)': [8, 9],
      };
      const labels = Object.keys(ranges).map((r) => `case ${r}: g(); break;`);
      const f = only(
        `#define EV(n) UFFD_EVENT_##n\n#define ALL(x) switch (x) { ${labels.join(' ')} }\nint f(int x) { switch (x) { ${labels.join(' ')} } ALL(x); return 0; }`,
      );
      assert.deepEqual(f.quarantine, []);
      const value = (e: Expr) => (e.kind === 'constant' ? Number(e.value) : e.kind);
      const found = f.blocks.flatMap(({ terminator: t }) =>
        t.kind === 'switch' ? [t.cases.map((c) => [value(c.low), value(c.high)])] : [],
      );
      assert.deepEqual(found[0], Object.values(ranges));
      assert.deepEqual(found[1], Object.values(ranges));
    });

    it('takes a range of conditionals for unknown', () => {
      const f = only('void f(int x) { switch (x) { case A ? 1 : 2 ... 5: g(); } }');
      assert.deepEqual(f.quarantine, []);
      assert.equal(lines(f)[0], 'switch x { ?: B1, else: B2 }');
    });

    const gotos: Record<string, [text: string, expected: string]> = {
      'a table with what chooses': [
        'void f(int x) { static void *t[] = { &&a, &&b }; goto *t[x]; a: g(); b: h(); c: i(); }',
        'switch x { 0: B1, 1: B2, else: B3 }',
      ],
      'designators, ranges and a constant that is taken off': [
        'void f(int x) { const void *const t[] = { [0 ... 2] = &&a, [1] = &&b, [3] = (void *)&&a }; goto *t[(unsigned)(x - 16)]; a: g(); b: h(); }',
        'switch x { 16: B1, 17: B2, 18...19: B1, else: B3 }',
      ],
      'a macro in each handler': [
        '#define NEXT(e) goto *t[e + 1]\nvoid f(int x) { void *t[] = { &&a, &&b }; NEXT(x); a: g(); b: h(); }',
        'switch x { -1: B1, 0: B2, else: B3 }',
      ],
      'a table that changes': [
        'void f(int x) { static void *t[] = { &&a, &&b }; t[x] = &&b; goto *t[x - 1]; a: g(); b: h(); }',
        'switch x { ?: B1, else: B2 }',
      ],
      'a pointer': ['void f(void *p) { g(&&a, &&b); goto *p; a: g(); b: h(); }', 'switch ? { ?: B1, else: B2 }'],
      'distances of labels': [
        'void f(int x) { static const int t[] = { &&a - &&a, &&b - &&a }; goto *(&&a + t[x]); a: g(); b: h(); }',
        'switch x { ?: B1, else: B2 }',
      ],
      'a local that ends': [
        'void f(int x) { static void *t[] = { &&a, &&b }; { int y = g(x); goto *t[y]; } a: g(); b: h(); }',
        'switch $2 { 0: B1, 1: B2, else: B3 }',
      ],
    };
    for (const [name, [text, expected]] of Object.entries(gotos)) {
      it(`makes a switch of a computed goto by ${name}`, () => {
        const f = only(text);
        assert.deepEqual(f.quarantine, name === 'a pointer' ? ['a goto leads where a variable says'] : []);
        assert.ok(lines(f).includes(expected), dump(f));
        assert.ok(f.blocks.some((b) => b.instructions.some((i) => printInstruction(i) === 'h()')));
      });
    }

    it('lets many computed gotos share a switch', () => {
      const labels = Array.from({ length: 60 }, (_, i) => `l${i}`);
      const f = only(
        `void f(int *x) { static void *t[] = { ${labels.map((l) => `&&${l}`).join(', ')} }; goto *t[*x++]; ${labels.map((l) => `${l}: g(); goto *t[*x++];`).join(' ')} }`,
      );
      assert.equal(f.blocks.filter((b) => b.terminator.kind === 'switch').length, 1);
    });

    it('makes no loop of do … while (0)', () => {
      const f = only('void f(int x) { do { if (x) break; if (x > 1) continue; g(); } while (0); h(); }');
      assert.ok(f.blocks.every((b) => !b.loopHead));
    });

    it('gives each part of a short circuit its own branch and span', () => {
      const text = 'int f(int a) { if (a && (g(a) == 3 || !h())) return 1; return 0; }';
      const f = only(text);
      const spans = f.blocks.flatMap((b) =>
        b.terminator.kind === 'branch' ? [text.slice(b.terminator.span.start, b.terminator.span.end)] : [],
      );
      assert.deepEqual(spans, ['a', 'g(a) == 3', 'h()']);
    });

    it('jumps into loops', () => {
      const f = only('void f(int n) { switch (n & 3) { case 0: do { g(); case 3: g(); } while (--n > 0); } }');
      assert.equal(f.blocks.filter((b) => b.loopHead).length, 1);
    });

    it('declares a local of a loop in each turn and ends it on every way out', () => {
      const found = lines(only('void f(int x) { while (x) { int a = g(); if (a) continue; if (x > 2) break; } }'));
      assert.equal(found.filter((l) => l === 'declare a').length, 1);
      assert.equal(found.filter((l) => l === 'end a').length, 3);
    });
  });

  describe('expressions', () => {
    const snippets: Record<string, [text: string, ...expected: string[]]> = {
      'increments and assignments in order': [
        'void f(int *p) { *p++ = g(); p[(*p)++] += 3; }',
        '$1 = g()',
        '$2 = p',
        'p = $2 + 1',
        '*$2 = $1',
        '$3 = *p',
        '*p = $3 + 1',
        'p[$3] = p[$3] + 3',
      ],
      'an unused result': ['void f(void) { (void)g(); h(), i(); }', 'g()', 'h()', 'i()'],
      'a ternary as a value': [
        'int f(int a) { int b = a ? g() : 2; return b; }',
        'if a then B1 else B2',
        '$1 = 2',
        'b = $1',
      ],
      'a short circuit as a value': ['int f(int a) { int b = a && g(); return b; }', '$1 = 1', '$1 = 0', 'b = $1'],
      'operands in parentheses that could be casts': [
        'int n; int f(char *a, int x, int y) { g(a, (a) + (x) * n, (x) & y == 1, (x) - y * 2 * n - 1, (x) * y + 1); }',
        'g(a, a + x * n, x & y == 1, x - y * 2 * n - 1, x * y + 1)',
      ],
      'casts that could have two operands': [
        'typedef long t; t f(t x, int *p) { g((t) & x, (t) * p, (t) - x * 2, (u64)&x | 1, (t)&x.y); }',
        'g(&x, *p, -x * 2, &x | 1, &x.y)',
      ],
      'casts that could be calls': [
        'typedef int t; int f(int x) { return (t)(x) + (uint64_t)(x + 1) + (h)(x); }',
        '$1 = h(x)',
        '$2 = x + (x + 1) + $1',
      ],
      'a variable that has the name of a type': [
        'typedef int t; int f(int x) { int t = 1; return (t) - x * 2; }',
        '$1 = t - x * 2',
      ],
      'an array as an address': ['void f(void) { char b[8]; read(0, b, sizeof b); }', 'read(0, &b[0], sizeof)'],
      'a statement expression': [
        'int f(int x) { return ({ int y = g(x); if (y < 0) return -1; y; }); }',
        'if y < 0 then B1 else B2',
        'return -1',
        '$3 = y',
        'end y',
      ],
      'a statement expression that is stored': [
        'int f(int x) { int z = ({ int y = x; x = g(); y; }); z = ({ int y = x; y; }) + 1; return z; }',
        'y = x',
        'z = y',
        'end y',
        '$3 = y',
        'end y',
        'z = $3 + 1',
      ],
      'a call through a member': [
        'struct o { int (*run)(int); }; int f(struct o *p) { return p->run(1) + (*p->run)(2); }',
        '$1 = p->run(1)',
        '$2 = p->run(2)',
      ],
      'inline assembly that writes': [
        'void f(void) { int x; __asm__ volatile ("s" : "=a"(x) : "r"(1)); g(x); }',
        'opaque(&x, 1)',
        'x = ?',
      ],
      'likely and __builtin_expect': ['int f(int a) { return unlikely(a) + __builtin_expect(a, 0); }', '$1 = a + a'],
      'assert as a branch': ['void f(int a) { assert(a > 0); g(); }', 'if a > 0 then B1 else B2', 'g()', 'abort()'],
      'TEMP_FAILURE_RETRY as a loop': [
        'int f(int a) { return TEMP_FAILURE_RETRY(read(a, 0, 1)); }',
        'if $1 == -1 then B2 else B3',
        'if ?errno then B1 else B3',
      ],
      errno: ['int f(void) { return errno == EINTR; }', '$1 = errno == EINTR'],
    };
    for (const [name, [text, ...expected]] of Object.entries(snippets)) {
      it(`lowers ${name}`, () => expectLines(text, ...expected));
    }

    it('computes constants', () => {
      const constants: Record<string, bigint> = {
        'UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP': 6n,
        '_IOWR(0xAA, 0x3F, struct uffdio_api)': 0xc018aa3fn,
        UFFDIO_API: 0xc018aa3fn,
        "'\\x41'": 0x41n,
        "'\\033'": 0o33n,
        "'\\n'": 10n,
        "'\\\\'": 92n,
        'sizeof(struct uffd_msg) * 2': 64n,
        'sizeof(struct s)': 24n,
        'sizeof(struct p)': 12n,
        EC: 16n,
        '(unsigned char)300': 44n,
        '-(1 << 3)': -8n,
        SYS_userfaultfd: 323n,
        __NR_clone3: 435n,
      };
      const head =
        'enum { EA = 3, EB, EC = EB << 2 }; struct s { char a; long b; short c; }; struct p { struct pollfd f; int g; };';
      for (const [text, value] of Object.entries(constants)) {
        const f = lower(`${head} long f(void) { return ${text}; }`).functions[0]!;
        const t = f.blocks[0]!.terminator;
        assert.ok(t.kind === 'return' && t.value?.kind === 'constant', `${text}\n${dump(f)}`);
        assert.equal(t.value.value, value, text);
      }
    });
  });

  describe('initialisers', () => {
    const head = 'struct r { struct { int x, y; } in; int m; };';
    const snippets: Record<string, [text: string, ...expected: string[]]> = {
      'nested designators': [
        `${head} void f(void) { struct r r = { .in.x = 1, .m = 2 }; g(&r); }`,
        'zero r',
        'r.in.x = 1',
        'r.m = 2',
      ],
      'indices and ranges': [
        'void f(void) { int a[8] = { [2] = 1, 5, [4 ... 5] = 2 }; g(a); }',
        'a[2] = 1',
        'a[3] = 5',
        'a[4] = 2',
        'a[5] = 2',
      ],
      'elided braces': [
        `${head} void f(int v) { struct r r = { v, 2, 3 }; g(&r); }`,
        'r.in.x = v',
        'r.in.y = 2',
        'r.m = 3',
      ],
      'elided braces of an array': [
        'void f(void) { int m[2][2] = { 1, 2, 3, 4 }; g(m); }',
        'm[0][0] = 1',
        'm[0][1] = 2',
        'm[1][0] = 3',
        'm[1][1] = 4',
      ],
      'a record by value': [`${head} void f(struct r o) { struct r a[2] = { o, o }; g(a); }`, 'a[0] = o', 'a[1] = o'],
      'a compound literal': [
        'void f(int d) { ioctl(d, UFFDIO_API, &(struct uffdio_api){ .api = UFFD_API }); }',
        'zero $1',
        '$1.api = UFFD_API',
        'ioctl(d, UFFDIO_API, &$1)',
      ],
    };
    for (const [name, [text, ...expected]] of Object.entries(snippets)) {
      it(`follows ${name}`, () => expectLines(text, ...expected));
    }

    it('stores into tables of functions', () => {
      const { globals } = lower(
        'static int h1(void); static int h2(void);\nstatic struct { int (*ev[32])(void); } o = { .ev = { [UFFD_EVENT_FORK] = h1, [3] = h2 } };',
      );
      assert.equal(globals[0]!.initialiser.length, 2);
    });
  });

  describe('macros', () => {
    const snippets: Record<string, [text: string, ...expected: string[]]> = {
      'a goto inside': [
        '#define X(c) do { if ((c) == -1) goto fail; } while (0)\nint f(int d) { X(ioctl(d, UFFDIO_API, 0)); return 0; fail: return 1; }',
        '$1 = ioctl(d, UFFDIO_API, 0)',
        'return 1',
      ],
      'a name for another name': ['#define xclose close\nvoid f(int d) { xclose(d); }', 'close(d)'],
      'a name for another macro': [
        '#define A B\n#define B(x) ioctl(x, UFFDIO_API, 0)\nint f(int d) { return A(d); }',
        '$1 = ioctl(d, UFFDIO_API, 0)',
      ],
      'a macro in its own argument': [
        '#define TWICE(x) ((x) * 2)\nint f(int d) { return TWICE(TWICE(d)); }',
        '$1 = d * 2 * 2',
      ],
      'pasting and quoting': [
        '#define EV(n) UFFD_EVENT_##n\n#define S(x) g(#x)\nint f(int d) { S(a + b); return d == EV(FORK); }',
        'g("a + b")',
        '$1 = d == UFFD_EVENT_FORK',
      ],
      'variable arguments': [
        '#define L(f, ...) tell(f, ##__VA_ARGS__)\n#define M(f, ...) tell(f __VA_OPT__(,) __VA_ARGS__)\nvoid f(int d) { L("x"); L("x", d); M("y"); M("y", d); }',
        'tell("x")',
        'tell("x", d)',
        'tell("y")',
        'tell("y", d)',
      ],
      'a recursive macro': ['#define r(x) r(x + 1)\nint f(int d) { return r(d); }', '$1 = r(d + 1)'],
      'a request number': [
        '#define NEW _IOWR(0xAA, 0x3F, struct uffdio_api)\nint f(int d) { return ioctl(d, NEW, 0); }',
        '$1 = ioctl(d, NEW, 0)',
      ],
      container_of: [
        '#define container_of(p, t, m) ({ const typeof(((t *)0)->m) *q = (p); (t *)((char *)q - offsetof(t, m)); })\nstruct e { int l; }; void f(int *p) { struct e *e = container_of(p, struct e, l); g(e); }',
        'e = container(p, l)',
      ],
      'a list loop': [
        '#define each(p, h) for (p = (h); p; p = p->next)\nstruct n { struct n *next; }; void f(struct n *h) { struct n *p; each(p, h) { if (p->x) break; g(p); } }',
        'p = h',
        'if p then B2 else B5',
        'g(p)',
        'p = p->next',
      ],
      'a loop with a test in its header': [
        '#define each_live(p, h) for (p = (h); p; p = p->next) if (!p->live) {} else\nstruct n { struct n *next; }; void f(struct n *h) { struct n *p; each_live(p, h) { g(p); } }',
        'if p->live then B3 else B4',
        'g(p)',
      ],
      'a loop with a body of its own': [
        '#define drain(d) while (read(d, 0, 1) > 0) { n++; }\nvoid f(int d) { int n = 0; drain(d); g(n); }',
        'if $1 > 0 then B2 else B3',
        '$2 = n',
        'n = $2 + 1',
        'g(n)',
      ],
      'an endless loop': [
        '#define forever for (;;)\nvoid f(void) { forever { if (g()) break; h(); } i(); }',
        'i()',
        'h()',
      ],
      'a condition that is turned round': [
        '#define unless(c) if (!(c))\nvoid f(int a) { unless (a) g(); else h(); }',
        'if a then B1 else B2',
        'h()',
        'g()',
      ],
      'typeof in a block': [
        '#define max(a, b) ({ typeof(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })\nint f(int x, int *p) { return max(x, *p); }',
        '_a = x',
        '_b = *p',
        'if _a > _b then B1 else B2',
      ],
    };
    for (const [name, [text, ...expected]] of Object.entries(snippets)) {
      it(`expands ${name}`, () => {
        expectLines(text, ...expected);
        assert.deepEqual(only(text).quarantine, []);
      });
    }

    it('takes a name with arguments for the macro, whatever variable has it', () => {
      const macro = '#define err(text) do { log(text); exit(1); } while (0)\n';
      expectLines(
        `${macro}void f(int fd) { int err = g(fd); if (err) err("g"); }`,
        'if err then B1 else B2',
        'log("g")',
        'exit(1)',
      );
    });

    it('gives an argument its own place and the rest the place of the call', () => {
      const text = '#define X(d, r) xioctl((d), r, 0)\nint f(int d) { return X(d, UFFDIO_API) < 0; }';
      const call = only(text).blocks[0]!.instructions[0]!;
      assert.ok(call.kind === 'call');
      const at = (s: { start: number; end: number }) => text.slice(s.start, s.end);
      assert.equal(at(call.span), 'X(d, UFFDIO_API)');
      assert.equal(at(call.arguments[1]!.span), 'UFFDIO_API');
      assert.equal(call.arguments[0]!.span.start, text.indexOf('X(d, UFFD') + 2);
    });

    it('keeps the outermost name of a constant', () => {
      const f = only('#define MINE UFFD_FEATURE_EVENT_FORK\nint f(void) { return MINE; }');
      const t = f.blocks[0]!.terminator;
      assert.ok(t.kind === 'return' && t.value?.kind === 'constant');
      assert.deepEqual([t.value.name, t.value.value], ['MINE', 2n]);
    });
  });

  describe('declarations', () => {
    it('knows cleanup attributes on either side', () => {
      expectLines(
        'void f(void) { __attribute__((cleanup(c1))) int a = 1; int b __attribute__((__cleanup__(c2))) = 2; int c = 3; g(a, b, c); }',
        'declare a cleanup(c1)',
        'declare b cleanup(c2)',
        'declare c',
        'end c, b, a',
      );
    });

    it('knows what GLib and systemd write in front of variables that are let go', () => {
      const f = only(
        'int f(void) { _cleanup_close_ int a = g(); _cleanup_(done) int b = g(); g_autofree char *c = h(); g_autoptr(Thing) d = h(); return a + b; }',
      );
      assert.deepEqual(f.quarantine, []);
      assert.deepEqual(
        f.locals.filter((v) => v.storage === 'local').map((v) => [v.name, v.type.kind, v.cleanup]),
        [
          ['a', 'integer', '_cleanup_close_'],
          ['b', 'integer', 'done'],
          ['c', 'pointer', undefined],
          ['d', 'pointer', 'g_autoptr'],
        ],
      );
    });

    it('takes offsets of members of members, and _Atomic with a type in parentheses', () => {
      const f = only(
        'int f(void) { _Atomic(int) n = 0; return n + offsetof(struct m, arg.fork.ufd) + offsetof(struct m, a[2].b); }',
      );
      assert.deepEqual(f.quarantine, []);
      assert.deepEqual(f.locals[0]?.volatile, true);
    });

    it('knows noreturn from the definition and from a prototype', () => {
      const { functions } = lower(
        '_Noreturn void a(void) { exit(1); }\nstatic void __attribute__((noreturn)) b(void) { exit(1); }\nvoid c(void) __attribute__((noreturn));\nvoid c(void) { exit(1); }\nvoid d(void) { exit(1); }\n',
      );
      assert.deepEqual(
        functions.map((f) => f.noreturn),
        [true, true, true, false],
      );
    });

    it('knows constructors from the definition, from a prototype and by macros', () => {
      const { functions } = lower(
        '#define EARLY(n) __attribute__((constructor(n)))\nstatic void a(void) __attribute__((__constructor__));\n__attribute__((constructor(101))) static void b(void) { g(); }\nstatic void a(void) { g(); }\nstatic EARLY(101) void c(void) { g(); }\n__attribute__((destructor)) void d(void) { g(); }\nint constructor(void) { return 0; }\n',
      );
      assert.deepEqual(
        functions.map((f) => [f.name, f.beforeMain]),
        [
          ['b', true],
          ['a', true],
          ['c', true],
          ['d', false],
          ['constructor', false],
        ],
      );
    });

    const oldStyle: Record<string, string[]> = {
      'int f(a, b) int a; char *b; { return a + *b; }': ['integer', 'pointer'],
      'static void *\nf(arg)\n\tvoid *arg; /* one; */\n{\n\treturn g(arg);\n}\n': ['pointer'],
      'const struct s * * f(n, cb, v) int (*cb)(), v[2]; // two\n { return g(n, cb, v); }': [
        'integer',
        'pointer',
        'pointer',
      ],
      'char *g(int); char *f(a) register unsigned long a; { return g(a); }': ['integer'],
    };
    for (const [text, kinds] of Object.entries(oldStyle)) {
      it(`reads the old-style definition ${JSON.stringify(text)}`, () => {
        const f = only(text);
        assert.deepEqual(f.quarantine, []);
        assert.equal(f.name, 'f');
        assert.deepEqual(
          f.parameters.map((p) => p.type.kind),
          kinds,
        );
      });
    }

    it('lowers the functions of project headers once', () => {
      const header = '#pragma once\nstatic inline int h(int d) { return close(d); }\n';
      const unit = lower('#include "h.h"\n#include "h.h"\nint f(int d) { return h(d); }\n', (p) =>
        p === 'h.h' ? header : undefined,
      );
      assert.deepEqual(
        unit.functions.map((f) => f.id),
        ['h.h#h', 'f'],
      );
    });

    it('lowers nested functions with the variables of those around them', () => {
      const { functions } = lower(
        `#define CALL(f) f()
int n; int twice(void);
static int f(int a, int b) {
  auto int twice(int);
  int n = 1, m = 2;
  int once(int a) { int m = a + b; return twice(m); }
  int twice(int c) { int deep(void) { return n + c; } return CALL(deep); }
  m = once(a);
  { int twice = 3; g(twice, &once); }
  return twice(m);
}
int h(void) { return once(n) + twice(); }
`,
      );
      assert.deepEqual(
        functions.map((f) => [f.id, ...lines(f).filter((l) => /=|\(|return/.test(l))]),
        [
          ['a.c#f.once', 'm = a + b', '$1 = f.twice(m)', '$2 = $1', 'return $2'],
          ['a.c#f.twice.deep', '$1 = n + c', 'return $1'],
          ['a.c#f.twice', '$1 = f.twice.deep()', '$2 = $1', 'return $2'],
          [
            'a.c#f',
            'n = 1',
            'm = 2',
            '$1 = f.once(a)',
            'm = $1',
            'twice = 3',
            'g(twice, f.once)',
            '$2 = f.twice(m)',
            '$3 = $2',
            'return $3',
          ],
          ['h', '$1 = once(n)', '$2 = twice()', '$3 = $1 + $2', 'return $3'],
        ],
      );
      const [, deep, , f] = functions;
      const captured = deep!.blocks[0]!.instructions[0]!;
      assert.ok(captured.kind === 'assign' && captured.value.kind === 'binary' && captured.value.left.kind === 'load');
      const { base } = captured.value.left.place;
      // One variable for both, and one that is not forgotten between them.
      assert.ok(base.kind === 'variable' && base.variable === f!.locals.find((v) => v.name === 'n'));
      assert.deepEqual(
        [...f!.parameters, ...f!.locals].filter((v) => v.storage === 'static').map((v) => v.name),
        ['b', 'n'],
      );
      assert.ok(functions.every((x) => x.quarantine.length === 0));
    });

    it('finds the bodies that a test harness defines by macros', () => {
      const f = only('TEST_F(suite, forks)\n{\n\tclose(3);\n}\n');
      assert.equal(f.name, 'forks');
      assert.deepEqual(lines(f), ['close(3)', 'return (end)']);
    });
  });

  describe('quarantine', () => {
    const suspicious: Record<string, string> = {
      'a syntax error': 'int f(int x) { if (x { g(); } return 0; }\n',
      'a jump out of a nested function':
        'int f(int x) { __label__ out; void g(void) { goto out; } g(); out: return 0; }\n',
      'a nested function that a macro defines':
        '#define DEFER(s) void later(void) { s; }\nint f(int x) { DEFER(g(x)) later(); return 0; }\n',
      'a macro call that swallows the next statement': 'int f(int x) { LOG(x) g(x); return 0; }\n',
    };
    for (const [name, text] of Object.entries(suspicious)) {
      it(`holds for ${name}`, () => {
        for (const f of lower(text).functions) assert.ok(f.quarantine.length > 0, dump(f));
      });
    }

    it('holds for what is nested too deeply, without an exception', () => {
      const deep = 20_000;
      const unit = lower(
        `int f(int x) { return ${'('.repeat(deep)}x${')'.repeat(deep)}; }\nint g(void) { return 1; }\n`,
      );
      assert.ok(unit.functions.some((f) => f.name === 'g'));
    });
  });
});
