import assert from 'node:assert/strict';
import { MAX_DRAWN_IN, MAX_SCANNED, selectFiles } from '../../src/analysis/select.ts';

type Files = Readonly<Record<string, string>>;

function selected(files: Files, options: Parameters<typeof selectFiles>[1] = {}): string[] {
  const given = Object.entries(files).map(([path, text]) => ({ path, text }));
  return selectFiles(given, options).files.map((f) => f.path);
}

const PAGER = '#include "pager.h"\nvoid pager(void) { int fd = xuffd(); xioctl(fd, UFFDIO_API, &api); }\n';
const library = (n: number): Files =>
  Object.fromEntries(
    Array.from({ length: n }, (_, i) => [
      `lib/${i}.c`,
      `int lib${i}(int a) { return lib${(i + 1) % n}(a) + strlen("x"); }\n`,
    ]),
  );

describe('selection', () => {
  it('needs what a table of the file with main names, where a file of its program finds it', () => {
    const files = {
      'main.c':
        'int kept(int fd) { return fd; }\nstruct ops o = { kept };\nint main(void) { return find(UFFD_API); }\n',
      'find.c': 'struct ops *found;\nstruct ops *find(int n) { found = n ? &o : 0; return found; }\n',
      'other.c': 'int main(void) { return 0; }\nint o2(void) { return kept2(); }\n',
    };
    const given = Object.entries(files).map(([path, text]) => ({ path, text }));
    const at = files['main.c'].indexOf('kept');
    assert.ok(selectFiles(given).isNeeded({ file: 'main.c', start: at, end: at + 1 }));
  });

  const cases: Record<string, [Files, string[]]> = {
    'nothing where nobody mentions userfaultfd': [{ 'a.c': 'int main(void) { return 0; }\n' }, []],
    'nothing where only comments do': [{ 'a.c': '/* no userfaultfd */ int main(void) { return 0; }\n' }, []],
    'the file that does': [{ 'a.c': PAGER, 'b.c': 'int b(void) { return 0; }\n' }, ['a.c']],
    'a wrapper that it calls': [
      { 'a.c': PAGER, 'util.c': 'int xioctl(int fd, int r, void *p) { return ioctl(fd, r, p); }\n' },
      ['a.c', 'util.c'],
    ],
    'a wrapper behind a macro of a header': [
      {
        'a.c': '#include "t.h"\nvoid f(int uffd) { CHECK(uffd > 0); }\n',
        't.h': '#define CHECK(e) ASSERT(e)\n#define ASSERT(e) check_failed(!(e))\n',
        't.c': 'void check_failed(int n) { if (n) exit(1); }\n',
      },
      ['a.c', 't.c'],
    ],
    'what the wrapper calls': [
      {
        'a.c': PAGER,
        'util.c': 'int xioctl(int fd, int r, void *p) { if (ioctl(fd, r, p)) die("ioctl"); return 0; }\n',
        'die.c': 'void die(const char *s) { perror(s); exit(1); }\n',
      },
      ['a.c', 'die.c', 'util.c'],
    ],
    'no library that only computes': [
      { 'a.c': 'int main(void) { return lib0(UFFD_API); }\n', ...library(50) },
      ['a.c'],
    ],
    'what stores behind a pointer, by way of what it calls': [
      {
        'a.c': 'void pager(struct s *s, int uffd) { s_add(s, uffd); }\n',
        'add.c': 'int s_add(struct s *s, int fd) { return grow(s, 1) + fd; }\n',
        'grow.c': 'int grow(struct s *s, int n) { s->count += n; return n; }\n',
      },
      ['a.c', 'add.c', 'grow.c'],
    ],
    'what keeps in a variable and finds there, not what reads a table of constants': [
      {
        'a.c': 'void pager(int uffd) { set(uffd); sum(get()); }\n',
        'state.c': 'static int fd;\nvoid set(int n) { fd = n; }\nint get(void) { return fd; }\n',
        'sum.c': 'static const int rows[] = { 1, 2 };\nint sum(int n) { return rows[n]; }\n',
      },
      ['a.c', 'state.c'],
    ],
    'the callers of what mentions it, and what they fork': [
      {
        'pager.c': 'void pager_start(void) { userfaultfd(0); }\n',
        'app.c': 'void app(void) { pager_start(); spawn(); }\n',
        'main.c': 'int main(void) { app(); return 0; }\n',
        'spawn.c': 'void spawn(void) { fork(); }\n',
        'other.c': 'void other(void) { fork(); }\n',
      },
      ['app.c', 'main.c', 'pager.c', 'spawn.c'],
    ],
    'no program of its own': [
      { 'a.c': PAGER, 'b.c': 'int xioctl(void) { return ioctl(0); }\nint main(void) { return xioctl(); }\n' },
      ['a.c'],
    ],
    'who uses a type that is made of it': [
      {
        'pager.h': 'struct pager { int fd; struct uffd_msg msg; };\ntypedef struct pager pager_t;\n',
        'serve.c': '#include "pager.h"\nvoid serve(pager_t *p) { read(p->fd, &p->msg, sizeof(p->msg)); }\n',
        'main.c': 'int main(void) { serve(0); return 0; }\n',
      },
      ['main.c', 'serve.c'],
    ],
    'from far away only what is called, and not for what libc does': [
      {
        'x/a.c': 'void f(int uffd) { int flush = 0; close(uffd); begin(uffd, done, flush); }\n',
        'y/b.c': 'void flush(void) { fork(); }\nvoid done(void) { fork(); }\nint close(int n) { return ioctl(n); }\n',
        'z/c.c': 'void begin(int fd) { ioctl(fd); }\n',
      },
      ['x/a.c', 'z/c.c'],
    ],
    'macros as far as they can be seen': [
      {
        'a.c': '#include "m.h"\nvoid f(int uffd) { SHOW(uffd); SEND(uffd); }\n',
        'm.h': '#define SEND(fd) push(fd)\n',
        'other.h': '#define SHOW(fd) spawn(fd)\n',
        'b.c': 'void push(int fd) { ioctl(fd); }\n',
        'c.c': 'void spawn(int fd) { fork(); }\n',
      },
      ['a.c', 'b.c'],
    ],
    'no user of another type, and nothing of the kernel itself': [
      {
        'pager.c': 'static struct pager { struct uffd_msg msg; } p;\nvoid serve(void) { read(p.msg); }\n',
        'other.c': 'struct pager { int a; };\nvoid other(struct pager *p) { close(p->a); }\n',
        'fs.c': '#include <linux/userfaultfd_k.h>\nvoid handle(struct uffd_msg *m) { fork(); }\n',
        'mm.c': 'int f(struct vma *v) { return userfaultfd_wp(v) && fork(); }\n',
      },
      ['pager.c'],
    ],
    'a table of handlers in another file': [
      {
        'a.c': 'extern struct ops table;\nvoid f(int uffd) { table.put(uffd); }\n',
        'b.c': 'static void put(int fd) { close(fd); }\nstruct ops table = { .put = put };\n',
      },
      ['a.c', 'b.c'],
    ],
    'of two definitions the one beside the caller': [
      {
        'x/a.c': PAGER,
        'x/u.c': 'int xioctl() { return ioctl(1); }\n',
        'y/u.c': 'int xioctl() { return ioctl(2); }\n',
      },
      ['x/a.c', 'x/u.c'],
    ],
    'neither of two definitions that are equally far': [
      {
        'x/a.c': PAGER,
        'z/u.c': 'int xioctl() { return ioctl(1); }\n',
        'y/u.c': 'int xioctl() { return ioctl(2); }\n',
      },
      ['x/a.c'],
    ],
  };
  for (const [name, [files, expected]] of Object.entries(cases)) {
    it(`takes ${name}`, () => {
      const read = (path: string) => files[path];
      assert.deepEqual(selected(files, { read }), expected);
      // The same when the others are only named.
      const seeds = Object.fromEntries(Object.entries(files).filter(([, text]) => /uffd|userfaultfd|UFFD/.test(text)));
      assert.deepEqual(selected(seeds, { read, neighbours: Object.keys(files) }), expected);
    });
  }

  it('tells the functions that lead to a mention from those that are called', () => {
    const text =
      'void w(void) { ioctl(); }\nvoid f(void) { w(); g(uffd); }\nvoid h(void) { f(); }\nvoid k(void) { w(); }\n';
    const selection = selectFiles([{ path: 'a.c', text }]);
    const at = (name: string) => ({ file: 'a.c', start: text.indexOf(` ${name}(`) + 1, end: 0 });
    assert.deepEqual(
      ['w', 'f', 'h', 'k'].map((n) => [selection.leadsToMention(at(n)), selection.isNeeded(at(n))]),
      [
        [false, true],
        [true, true],
        [true, true],
        [false, false],
      ],
    );
  });

  it('looks at the nearest files, and at no more than its bounds', () => {
    const far = Array.from({ length: MAX_SCANNED }, (_, i) => `far/away/${i}.c`);
    let reads = 0;
    const read = (path: string) => {
      reads++;
      return path === 'x/u.c' || path === 'zz/u.c' ? `int ${path[0]}u(int fd) { return ioctl(fd); }\n` : 'int z;\n';
    };
    const seeds = { 'x/a.c': 'void f(int uffd) { xu(uffd); zu(uffd); }\n' };
    assert.deepEqual(selected(seeds, { read, neighbours: [...far, 'x/u.c', 'zz/u.c'] }), ['x/a.c', 'x/u.c', 'zz/u.c']);
    assert.equal(reads, MAX_SCANNED);
    const many = Object.fromEntries(
      Array.from({ length: MAX_DRAWN_IN + 10 }, (_, i) => [`u${i}.c`, `void u${i}(int fd) { close(fd); }\n`]),
    );
    const all = `void f(int uffd) { ${Object.keys(many)
      .map((p) => `${p.slice(0, -2)}(uffd);`)
      .join(' ')} }\n`;
    assert.equal(selected({ 'a.c': all, ...many }).length, 1 + MAX_DRAWN_IN);
    // What one program draws in takes nothing from another.
    const other = { 'z.c': 'void g(int uffd) { zu(uffd); }\n', 'zu.c': 'void zu(int fd) { close(fd); }\n' };
    const both = selected({ 'a.c': all, ...many, ...other });
    assert.equal(both.length, 1 + MAX_DRAWN_IN + 2);
    assert.ok(both.includes('zu.c'));
  });
});
