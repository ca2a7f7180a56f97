import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Analyser, createAnalyser, type SourceFile } from '../../src/analysis/analyse.ts';
import { componentsOf, type FileFacts, factsOfNothing } from '../../src/analysis/components.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';
import { generator } from '../support/random.ts';
import { analyseTogether } from '../support/together.ts';

const facts = (path: string, more: Partial<FileFacts> = {}): FileFacts => ({ ...factsOfNothing(path), ...more });
const main = (path: string, more: Partial<FileFacts> = {}) => facts(path, { hasMain: true, ...more });
const split = (files: readonly FileFacts[], targets: Readonly<Record<string, string>> = {}) =>
  componentsOf(files, (path) => (targets[path] === undefined ? [] : [targets[path]])).map((c) =>
    c.map((f) => f.path).join(' '),
  );

describe('components', () => {
  const cases: Record<string, [FileFacts[], string[]]> = {
    'programs of one file each are apart': [
      [main('a.c'), main('b.c')],
      ['a.c', 'b.c'],
    ],
    'a program and what it reaches': [
      [
        main('a.c', { used: ['f'] }),
        main('b.c'),
        facts('f.c', { defined: ['f'], used: ['g'] }),
        facts('g.c', { defined: ['g'] }),
      ],
      ['a.c f.c g.c', 'b.c'],
    ],
    'programs that share a file': [
      [main('a.c', { used: ['f'] }), main('b.c', { used: ['f'] }), facts('f.c', { defined: ['f'] })],
      ['a.c b.c f.c'],
    ],
    'what no main reaches is one program': [
      [main('a.c'), facts('b.c'), facts('c.c')],
      ['a.c', 'b.c c.c'],
    ],
    'two mains that define the same name': [
      [main('a.c', { defined: ['f'], used: ['f'] }), main('b.c', { defined: ['f'] })],
      ['a.c', 'b.c'],
    ],
    'each that may be meant by an ambiguous name': [
      [main('a.c', { used: ['f'] }), facts('x/f.c', { defined: ['f'] }), facts('y/f.c', { defined: ['f'] })],
      ['a.c x/f.c y/f.c'],
    ],
    'what is used under another decision of a condition': [
      [main('a.c', { mayUse: ['f'] }), facts('f.c', { defined: ['f'] }), main('b.c')],
      ['a.c f.c', 'b.c'],
    ],
    'what is defined under another decision': [
      [main('a.c', { used: ['f'] }), facts('f.c', { mayDefine: ['f'] })],
      ['a.c f.c'],
    ],
    'a main that may be none': [
      [main('a.c', { mayLoseMain: true }), main('b.c'), facts('c.c')],
      ['a.c c.c', 'b.c'],
    ],
    'words that are pasted together': [
      [main('a.c', { mayUseAnything: true }), main('b.c'), facts('c.c', { defined: ['f'] })],
      ['a.c c.c', 'b.c'],
    ],
  };
  for (const [what, [files, expected]] of Object.entries(cases))
    it(what, () => assert.deepEqual(split(files), expected));

  it('take targets for what decides between definitions, and still know that both may', () => {
    const files = [
      main('a.c', { used: ['f'] }),
      facts('x/f.c', { defined: ['f'] }),
      facts('y/f.c', { defined: ['f'] }),
    ];
    assert.deepEqual(split(files, { 'a.c': 'a', 'x/f.c': 'a', 'y/f.c': 'b' }), ['a.c x/f.c y/f.c']);
  });

  describe('give what the whole gives', () => {
    let analyser: Analyser;
    before(async () => {
      analyser = await createAnalyser();
    });
    const read = (paths: readonly string[]) =>
      paths.flatMap((path) => {
        const text = readText(path);
        return text === undefined ? [] : [{ path, text }];
      });
    async function check(files: readonly SourceFile[], readFile = readText): Promise<number> {
      const { findings, notAnalysed, statistics } = await analyser.analyse(files, { readFile });
      const { files: _, phases: __, components, ...counts } = statistics;
      const whole = await analyseTogether(files, readFile);
      assert.deepEqual({ findings, notAnalysed, counts }, whole);
      return components;
    }

    it('on all projects at once, and on damaged files', async () => {
      const paths = ['projects', 'hostile'].flatMap((folder) => cFiles(join(FIXTURES, folder)));
      assert.ok((await check(read(paths))) > 5);
    });

    it('where programs share headers with code, conditions and features', async () => {
      const header = [
        '#include <linux/userfaultfd.h>',
        'static int take(int uffd) { struct uffd_msg msg; read(uffd, &msg, sizeof msg);',
        '#ifdef HANDLE_REMAP',
        '  if (msg.event == UFFD_EVENT_REMAP) return msg.arg.remap.from;',
        '#endif',
        '  if (msg.event == UFFD_EVENT_FORK) return close(msg.arg.fork.ufd);',
        '  return 0; }',
        '',
      ].join('\n');
      const program = (features: string, more = '') =>
        `#include "take.h"\nint main(void) { struct uffdio_api api = { .api = UFFD_API, .features = ${features} };\n` +
        `int uffd = syscall(SYS_userfaultfd, 0);\nif (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) return 1;\n${more}return take(uffd); }\n`;
      const files = Object.entries({
        'take.h': header,
        'all.c': program('UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP'),
        'fork.c': program('UFFD_FEATURE_EVENT_FORK', '#ifdef WITH_FORK\nfork();\n#endif\n'),
        'none.c': program('0'),
      }).map(([path, text]) => ({ path, text }));
      for (const without of ['all.c', 'fork.c', 'none.c', 'nothing']) {
        const some = files.filter((f) => f.path !== without);
        assert.equal(await check(some, (path) => some.find((f) => f.path === path)?.text), some.length - 1);
      }
    });

    it('on mixes of programs with some of their names made the same', async () => {
      const { below, seed } = generator();
      const small = ['rules', 'programs', 'projects']
        .flatMap((folder) => cFiles(join(FIXTURES, folder)))
        .filter((path) => (readText(path)?.length ?? 1e9) < 4000);
      for (let round = 0; round < 12; round++) {
        const chosen = read(Array.from({ length: 6 }, () => small[below(small.length)]!));
        const mixed = new Map(chosen.map((f) => [f.path, f.text]));
        // A program without main is a library; one that calls a name of another may reach it.
        for (const [path, text] of mixed) {
          const name = /^(?:static )?(?:int|void)\s+(\w+)\(/m.exec(text)?.[1];
          if (name === undefined) continue;
          if (below(3) === 0) mixed.set(path, text.replace(/\bmain\b/g, `entry${below(3)}`));
          else if (below(2) === 0) mixed.set(path, text.replaceAll(name, `shared${below(3)}`).replace(/^static /m, ''));
        }
        const files = [...mixed].map(([path, text]) => ({ path, text }));
        try {
          await check(files, (path) => mixed.get(path) ?? readText(path));
        } catch (error) {
          throw new Error(`seed ${seed}, round ${round}: ${files.map((f) => f.path).join(' ')}`, { cause: error });
        }
      }
    });
  });
});
