import assert from 'node:assert/strict';
import { join } from 'node:path';
import { canonicalise } from '../../src/engine/canonical.ts';
import { runEngine } from '../../src/engine/engine.ts';
import { linkPrograms } from '../../src/engine/program.ts';
import { RootSummaries } from '../../src/engine/root-summaries.ts';
import { fromText, toText } from '../../src/engine/summaries-as-text.ts';
import type { TranslationUnit } from '../../src/ir/ir.ts';
import { lowerFile } from '../../src/ir/lower.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { CParser } from '../../src/syntax/tree.ts';
import { applied, randomEdit } from '../support/edits.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

const ROUNDS = 120;

/** A library that several programs share: a root of its own with a thread, and one that reads what that stores. */
const SHARED = `
#include <linux/userfaultfd.h>
static long faults;
int ready;
static void *serve(void *arg) {
	struct uffd_msg msg;
	int uffd = (long)arg;
	while (read(uffd, &msg, sizeof msg) == sizeof msg) faults++;
	return 0;
}
int serve_forever(void) {
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	pthread_t thread;
	int uffd = syscall(SYS_userfaultfd, 0);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) return -1;
	ready = 1;
	return pthread_create(&thread, 0, serve, (void *)(long)uffd);
}
int report(void) { return ready ? faults : -1; }
`;

/** Functions that hear of each other only by what they share. */
const PIECES = [
  'int uffd; int mode = 1; char *area; struct uffd_msg last; pthread_t t;',
  'int uffd = -1; int mode; char *area; struct uffd_msg last; pthread_t t;',
  'int uffd; int mode = 2; char *area = 0; struct uffd_msg last = { 0 }; pthread_t t;',
  'void make(void) { uffd = syscall(SYS_userfaultfd, mode ? O_NONBLOCK : 0); }',
  'void make_once(void) { if (mode == 2) uffd = syscall(SYS_userfaultfd, O_CLOEXEC); }',
  'void shake(void) { struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK }; ioctl(uffd, UFFDIO_API, &api); }',
  'void shake_plain(void) { struct uffdio_api api = { .api = UFFD_API }; ioctl(uffd, UFFDIO_API, &api); }',
  'void arm(void) { struct uffdio_register r = { .range = { (long)area, 4096 }, .mode = 1 }; ioctl(uffd, UFFDIO_REGISTER, &r); }',
  'void map(void) { area = mmap(0, 4096, 3, 34, -1, 0); }',
  'int next(void) { return read(uffd, &last, sizeof last) == sizeof last && last.event == UFFD_EVENT_FORK; }',
  'int take(void) { struct uffd_msg msg; read(uffd, &msg, sizeof msg); if (msg.event == UFFD_EVENT_FORK) return msg.arg.fork.ufd; return mode; }',
  'int split(void) { if (fork() == 0) { area[0] = 1; exit(0); } return wait(0); }',
  'void *serve(void *arg) { struct uffd_msg msg; while (mode) read((long)arg, &msg, sizeof msg); return 0; } void start(void) { pthread_create(&t, 0, serve, (void *)(long)uffd); }',
  'void *shaker(void *arg) { struct uffdio_api api = { .api = UFFD_API, .features = mode }; ioctl(*(int *)arg, UFFDIO_API, &api); return 0; } void start_shaker(void) { pthread_create(&t, 0, shaker, &uffd); }',
  'void *armer(void *arg) { struct uffdio_register r = { .range = { (long)area, 4096 } }; ioctl(*(int *)arg, UFFDIO_REGISTER, &r); return 0; } void start_armer(void) { pthread_create(&t, 0, armer, &uffd); }',
  'void own(void) { int fd = syscall(SYS_userfaultfd, 0); pthread_create(&t, 0, shaker, &fd); struct uffdio_register r = { .range = { 0, 4096 } }; ioctl(fd, UFFDIO_REGISTER, &r); fork(); }',
  'void stop(void) { mode = 0; close(uffd); }',
  'void count(void) { mode++; }',
  'int main(void) { make(); shake(); arm(); start(); split(); return next(); }',
];
const PIECE_ROUNDS = 500;

describe('what roots do, kept', () => {
  let parser: CParser;
  before(async () => {
    parser = await createParser();
  });

  const unitOf = (path: string, text: string): TranslationUnit =>
    lowerFile(parseFile(parser, path, text, { readHeader: readText }), parser);
  const programsOf = (units: readonly TranslationUnit[], { numbering }: RootSummaries) =>
    linkPrograms(units).map((p) => canonicalise(p, numbering).program);

  /** Runs the programs of a universe with what was kept, and compares. Gives how many roots were repeated. */
  async function check(units: readonly TranslationUnit[], summaries: RootSummaries, say = ''): Promise<number> {
    const before = summaries.counts.repeated;
    for (const program of programsOf(units, summaries)) {
      const expected = await runEngine(program);
      assert.deepEqual(await runEngine(program, { summaries }), expected, say);
    }
    return summaries.counts.repeated - before;
  }

  it('is repeated in each program that has them, whatever else is in it', async () => {
    const summaries = new RootSummaries();
    const shared = unitOf('shared.c', SHARED);
    const main = (name: string, more: string) =>
      unitOf(
        name,
        `int ready; int report(void); int other_${name[0]} = 3; int main(void) { ${more} return report(); }`,
      );
    assert.equal(await check([main('a.c', ''), shared], summaries), 0);
    // The thread comes with the root that starts it.
    assert.equal(await check([main('b.c', 'getpid();'), shared], summaries), 1);
    // Another root stores what the thread's program looks at.
    assert.equal(await check([main('c.c', 'ready = 2;'), shared], summaries), 1);
    assert.equal(await check([main('b.c', 'getpid();'), shared], summaries), 2);
  });

  it('is repeated where an edit changes nothing that matters to userfaultfd', async () => {
    const summaries = new RootSummaries();
    const edited = (more: string) => [
      unitOf(
        'one.c',
        `#include <linux/userfaultfd.h>
        static void show(int n) { ${more} printf("%d", n); }
        int one(int fd) { struct uffd_msg msg; show(3); return read(fd, &msg, sizeof msg); }`,
      ),
    ];
    assert.equal(await check(edited(''), summaries), 0);
    assert.equal(await check(edited('n++;'), summaries), 1);
    assert.equal(await check(edited('int twice = 2 * n; puts("show"); n = twice;'), summaries), 1);
    assert.equal(await check(edited('exit(1);'), summaries), 0);
    assert.equal(await check(edited('read(syscall(SYS_userfaultfd, 0), &n, 1);'), summaries), 0);
  });

  it('is not repeated where what they ask has another answer', async () => {
    const summaries = new RootSummaries();
    const library = (helper: string, more = '') => [
      unitOf('one.c', `#include <linux/userfaultfd.h>\n${more}int help(int); int one(int fd) { return help(fd); }`),
      unitOf('two.c', 'int two(int fd) { return close(fd); }'),
      unitOf('help.c', `int help(int fd) { ${helper} }`),
    ];
    assert.equal(await check(library('return read(fd, 0, 1);'), summaries), 0);
    assert.equal(await check(library('return read(fd, 0, 1);'), summaries), 2);
    assert.equal(await check(library('return write(fd, 0, 1);'), summaries), 1);
    assert.equal(await check(library('return write(fd, 0, 1);', '/* moved */ '), summaries), 2);
  });

  it(`changes nothing of ${PIECE_ROUNDS} random mixes of functions that share memory`, async () => {
    const random = generator();
    let summaries = new RootSummaries();
    let repeated = 0;
    const head =
      '#include <linux/userfaultfd.h>\nextern int uffd, mode; extern char *area; extern struct uffd_msg last; extern pthread_t t;\nvoid *shaker(void *);\n';
    for (let round = 0; round < PIECE_ROUNDS; round++) {
      const chosen = PIECES.map((_, i) => i).filter((i) => (i < 3 ? i === round % 3 : random.below(3) > 0));
      const units = chosen.map((i) => unitOf(`${i}.c`, head + PIECES[i]!));
      summaries.begin(ROUNDS);
      repeated += await check(units, summaries, `seed ${random.seed}, round ${round}: ${chosen.join(' ')}`);
      if (random.below(3) > 0) continue;
      // As another run of the command finds them.
      const text = toText(summaries.inUse());
      summaries = new RootSummaries();
      summaries.add(fromText(text));
    }
    assert.ok(repeated > PIECE_ROUNDS, `${repeated} repeated`);
  }).timeout(100_000);

  it(`changes nothing of ${ROUNDS} random mixes of programs and edits`, async () => {
    const random = generator();
    const summaries = new RootSummaries();
    const all = cFiles(join(FIXTURES, 'rules'));
    let last: { path: string; text: string }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const few = Array.from({ length: 1 + random.below(3) }, () => {
        const path = all[random.below(all.length)]!;
        const text = readText(path)!;
        // Without main, all that there is becomes one library.
        return { path, text: random.below(2) === 0 ? text : text.replace(/\bmain\(/, `start_${random.below(3)}(`) };
      });
      const files = new Map([...last, ...few].map((f) => [f.path, f.text]));
      const edited = random.below(2) === 0 ? applied(files, randomEdit(files, random)) : files;
      const units = [...edited].map(([path, text]) => unitOf(path, text));
      await check(units, summaries, `seed ${random.seed}, round ${round}: ${[...edited.keys()].join(' ')}`);
      last = few;
    }
    assert.ok(summaries.counts.repeated > ROUNDS / 2, `${summaries.counts.repeated} repeated`);
  }).timeout(200_000);
});
