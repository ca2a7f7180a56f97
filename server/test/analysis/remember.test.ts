import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Analyser, createAnalyser } from '../../src/analysis/analyse.ts';
import { applied, type Edit, inverse, randomEdit, shrink, type Texts } from '../support/edits.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';

const EDITS = 2000;
/** Edits of one program before the next one. */
const SESSION = 40;
/** Larger programs take too long to be analysed thousands of times. */
const MAX_LENGTH = 2000;

const HEADER = `#include <linux/userfaultfd.h>
#define CHECK(e) do { if (e) return 1; } while (0)
struct monitor { int uffd; int child; };
static inline int take(struct monitor *m) {
	struct uffd_msg msg;
	CHECK(read(m->uffd, &msg, sizeof msg) != sizeof msg);
#ifdef WITH_FORK
	if (msg.event == UFFD_EVENT_FORK) m->child = msg.arg.fork.ufd;
#endif
	return 0;
}
`;
/** Nothing here speaks of userfaultfd: who calls it decides whether it matters. */
const UTIL = `int failed(int e) { return e != 0; }
void stop(int e) { if (failed(e)) exit(1); }
int child(void) { return fork(); }
`;
const MAIN = `#include "shared.h"
int start(struct monitor *m);
static struct monitor it = { .uffd = -1 };
int main(void) {
	stop(start(&it));
	child();
	for (;;) { CHECK(take(&it)); }
}
`;
const START = `#include "shared.h"
int start(struct monitor *m) {
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	m->uffd = syscall(SYS_userfaultfd, 0);
	if (m->uffd < 0) return 1;
	return ioctl(m->uffd, UFFDIO_API, &api);
}
`;

function programs(): Texts[] {
  const read = (paths: readonly string[]): Texts => new Map(paths.map((path) => [path, readText(path)!]));
  const singles = cFiles(join(FIXTURES, 'rules')).filter((path) => readText(path)!.length < MAX_LENGTH);
  const projects = ['status-bad', 'two-files-bad', 'two-files-good', 'drawn-in-bad', 'drawn-in-good'];
  const small: Texts = new Map(
    Object.entries({ 'shared.h': HEADER, 'main.c': MAIN, 'start.c': START, 'util.c': UTIL }),
  );
  return [
    ...singles.map((path) => read([path])),
    ...singles.slice(1).map((path, i) => read([singles[i]!, path])),
    ...projects.flatMap((name) => Array.from({ length: 12 }, () => read(cFiles(join(FIXTURES, 'projects', name))))),
    ...Array.from({ length: 60 }, () => small),
  ];
}

describe('an analyser that remembers', () => {
  let fresh: Analyser;
  before(async () => {
    fresh = await createAnalyser();
  });

  const found = async (analyser: Analyser, texts: Texts) => {
    const files = [...texts].flatMap(([path, text]) => (path.endsWith('.c') ? [{ path, text }] : []));
    const { findings, notAnalysed, statistics } = await analyser.analyse(files, {
      readFile: (path) => texts.get(path),
    });
    const { phases: _, ...counts } = statistics;
    return { findings, notAnalysed, counts };
  };
  const differs = async (remembering: Analyser, texts: Texts) => {
    const expected = await found(fresh, texts);
    const actual = await found(remembering, texts);
    try {
      assert.deepEqual(actual, expected);
      return undefined;
    } catch (error) {
      return error;
    }
  };

  it(`finds after ${EDITS} edits what one that knows nothing finds`, async () => {
    const random = generator();
    const all = programs();
    const remembering = await createAnalyser({ remember: true });
    for (let done = 0; done < EDITS; done += SESSION) {
      const first = all[random.below(all.length)]!;
      let texts = first;
      const edits: Edit[] = [];
      const undo: Edit[] = [];
      await found(remembering, texts);
      for (let i = 0; i < SESSION; i++) {
        const last = random.below(3) === 0 ? undo.pop() : undefined;
        const edit = last ?? randomEdit(texts, random);
        if (last === undefined) undo.push(inverse(texts, edit));
        edits.push(edit);
        texts = applied(texts, edit);
        if ((await differs(remembering, texts)) === undefined) continue;
        const fewer = await shrink(edits, async (some) => (await replay(first, some)) !== undefined);
        const error = await replay(first, fewer);
        const program = [...first].map(([path, text]) => `--- ${path}\n${text}`).join('\n');
        throw new Error(
          `seed ${random.seed}: ${JSON.stringify(fewer, undefined, 1)}\nof\n${program}` +
            (error === undefined ? '\n(it takes what was remembered before)' : ''),
          { cause: error ?? new Error('not seen again') },
        );
      }
    }
    console.log(`      seed ${random.seed}`);
  }).timeout(300_000);

  it('takes an edit inside of a comment for one that moves what is found', async () => {
    const path = cFiles(join(FIXTURES, 'rules', 'leaked-child-uffd')).find((p) => p.includes('bad'))!;
    const text = `/* a word */\n${readText(path)!}`;
    const remembering = await createAnalyser({ remember: true });
    const before = await remembering.analyse([{ path, text }]);
    const after = await remembering.analyse([{ path, text: text.replace('a word', 'two\nlines') }]);
    assert.ok(before.findings.length > 0);
    assert.deepEqual(
      after.findings.map((f) => f.location.start),
      before.findings.map((f) => f.location.start + 'two\nlines'.length - 'a word'.length),
    );
    const { parse, lower, engine, rules } = after.statistics.phases;
    assert.deepEqual({ parse, lower, engine, rules }, { parse: 0, lower: 0, engine: 0, rules: 0 });
  });

  /** What goes wrong after the last of these edits, or on the way there. */
  async function replay(first: Texts, edits: readonly Edit[]): Promise<unknown> {
    const remembering = await createAnalyser({ remember: true });
    let texts = first;
    await found(remembering, texts);
    for (const edit of edits) {
      texts = applied(texts, edit);
      const error = await differs(remembering, texts);
      if (error !== undefined) return error;
    }
    return undefined;
  }
});
