import assert from 'node:assert/strict';
import { join } from 'node:path';
import { canonicalise } from '../../src/engine/canonical.ts';
import { runEngine } from '../../src/engine/engine.ts';
import { linkPrograms } from '../../src/engine/program.ts';
import { RootSummaries } from '../../src/engine/root-summaries.ts';
import type { TranslationUnit } from '../../src/ir/ir.ts';
import { lowerFile } from '../../src/ir/lower.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { CParser } from '../../src/syntax/tree.ts';
import { applied, inverse, randomEdit, type Texts } from '../support/edits.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

/** Programs that are edited, and edits of each. */
const PROGRAMS = 60;
const EDITS = 12;

/** Much of what is found in it is found in calls of main that an edit of another function does not concern. */
const STEPS = `
#include <linux/userfaultfd.h>
static int uffd; static long page; static char *area; static int count;
static int opened(int features) {
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0) return -1;
	return ioctl(uffd, UFFDIO_API, &api);
}
static void armed(void) {
	struct uffdio_register r = { .range = { (long)area, page }, .mode = 1 };
	area = mmap(0, page, 3, 34, -1, 0);
	if (ioctl(uffd, UFFDIO_REGISTER, &r)) exit(1);
}
static void *serve(void *arg) {
	struct uffd_msg msg;
	while (read(uffd, &msg, sizeof msg) == sizeof msg) {
		if (msg.event == UFFD_EVENT_FORK) count += msg.arg.fork.ufd;
	}
	return 0;
}
static void first(void) { if (opened(0)) exit(1); armed(); if (fork() == 0) { area[0] = 1; exit(0); } close(uffd); }
static void second(void) {
	pthread_t t;
	if (opened(UFFD_FEATURE_EVENT_FORK)) exit(1);
	armed();
	pthread_create(&t, 0, serve, 0);
	if (fork() == 0) exit(0);
	pthread_join(t, 0);
}
int main(void) { page = 4096; first(); second(); return count; }
`;

describe('calls inside of a root', () => {
  let parser: CParser;
  before(async () => {
    parser = await createParser();
  });

  const unitsOf = (texts: Texts): TranslationUnit[] =>
    [...texts].flatMap(([path, text]) =>
      path.endsWith('.c')
        ? [lowerFile(parseFile(parser, path, text, { readHeader: (p) => texts.get(p) }), parser)]
        : [],
    );

  /** Runs each program with what was kept, and compares with a run that knows nothing. */
  async function check(texts: Texts, summaries: RootSummaries, say = ''): Promise<void> {
    summaries.begin(8);
    for (const linked of linkPrograms(unitsOf(texts))) {
      const { program } = canonicalise(linked, summaries.numbering);
      assert.deepEqual(await runEngine(program, { summaries }), await runEngine(program), say);
    }
  }

  it('are repeated where an edit concerns others', async () => {
    const summaries = new RootSummaries({ calls: true });
    const repeated = async (text: string) => {
      const before = summaries.counts.callsRepeated;
      await check(new Map([['steps.c', text]]), summaries);
      return summaries.counts.callsRepeated - before;
    };
    assert.equal(await repeated(STEPS), 0);
    // What is added to the one leaves nothing behind for the other.
    assert.ok((await repeated(STEPS.replace('close(uffd); }', 'close(uffd); getpid(); }'))) >= 1);
    assert.ok((await repeated(STEPS.replace('pthread_join(t, 0);', ''))) >= 1);
    // What is left behind concerns all that comes after it.
    assert.equal(await repeated(STEPS.replace('page = 4096', 'page = 8192')), 0);
  });

  it('do what they do when they are run, in each fixture', async () => {
    for (const folder of ['programs', 'rules'])
      for (const path of cFiles(join(FIXTURES, folder)))
        await check(new Map([[path, readText(path)!]]), new RootSummaries({ calls: true }), path);
  }).timeout(240_000);

  it(`do what they do when they are run, after ${PROGRAMS * EDITS} random edits`, async () => {
    const random = generator();
    const summaries = new RootSummaries({ calls: true });
    const all = [...cFiles(join(FIXTURES, 'programs')), ...cFiles(join(FIXTURES, 'rules'))].map(
      (path) => new Map([[path, readText(path)!]]),
    );
    all.push(...Array.from({ length: 20 }, () => new Map([['steps.c', STEPS]])));
    for (let program = 0; program < PROGRAMS; program++) {
      let texts: Texts = all[random.below(all.length)]!;
      await check(texts, summaries);
      for (let i = 0; i < EDITS; i++) {
        const edit = randomEdit(texts, random);
        const undo = inverse(texts, edit);
        texts = applied(texts, edit);
        const say = `seed ${random.seed}, ${[...texts.keys()].join()}, edit ${i}: ${JSON.stringify(edit)}`;
        await check(texts, summaries, say);
        if (random.below(2) === 0) texts = applied(texts, undo);
      }
    }
    const { callsKept, callsRepeated } = summaries.counts;
    assert.ok(callsRepeated > PROGRAMS / 4, `${callsRepeated} repeated, ${callsKept} kept`);
    console.log(`      seed ${random.seed}: ${callsRepeated} repeated, ${callsKept} kept`);
  }).timeout(300_000);
});
