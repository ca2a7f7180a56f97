import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Analyser, type AnalysisResult, createAnalyser } from '../../src/analysis/analyse.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';

describe('programs', () => {
  let analyser: Analyser;
  before(async () => {
    analyser = await createAnalyser();
  });

  const analyse = (paths: readonly string[]) =>
    analyser.analyse(
      paths.flatMap((path) => {
        const text = readText(path);
        return text === undefined ? [] : [{ path, text }];
      }),
      { readFile: readText },
    );
  /** All that a face would show, by file. */
  const shown = (results: readonly AnalysisResult[]) => {
    const byFile = new Map<string, unknown[]>();
    const add = (file: string, what: unknown) => byFile.set(file, [...(byFile.get(file) ?? []), what]);
    for (const r of results) {
      for (const f of r.findings) add(f.location.file, f);
      for (const n of r.notAnalysed) add(n.file, n);
    }
    return byFile;
  };

  it('of one run are told apart: a directory of stand-alone programs is as many runs', async () => {
    const paths = ['rules', 'programs', 'hostile'].flatMap((folder) => cFiles(join(FIXTURES, folder)));
    assert.ok(paths.length > 60);
    const single: AnalysisResult[] = [];
    for (const path of paths) single.push(await analyse([path]));
    const all = shown([await analyse(paths)]);
    const one = shown(single);
    for (const path of paths) assert.deepEqual(all.get(path), one.get(path), path);
  }).timeout(180_000);

  it('do not take a function of the C library from a file elsewhere', async () => {
    const paths = cFiles(join(FIXTURES, 'programs', 'demo'));
    const own = shown([await analyse(paths)]);
    const preloaded = 'int n; int ioctl(int fd, unsigned long r, ...) { if (r == UFFDIO_API) n++; return 0; }\n';
    const files = paths.flatMap((path) => ({ path, text: readText(path)! }));
    const result = await analyser.analyse([...files, { path: 'preload/spy.c', text: preloaded }], {
      readFile: readText,
    });
    const all = shown([result]);
    for (const path of paths) assert.deepEqual(all.get(path), own.get(path), path);
    assert.ok(own.size > 0);
  });

  it('are not joined by a static function that has the name of another program’s', async () => {
    const open = (head: string, features: string) => `#include <linux/userfaultfd.h>
      ${head} monitor_open(void) {
        struct uffdio_api api = { .api = UFFD_API, .features = ${features} };
        int fd = syscall(SYS_userfaultfd, 0);
        return fd < 0 || ioctl(fd, UFFDIO_API, &api) ? -1 : fd;
      }`;
    const serve = `
      int serve(int fd) {
        struct uffd_msg msg;
        while (read(fd, &msg, sizeof msg) == sizeof msg)
          if (msg.event == UFFD_EVENT_FORK) close(msg.arg.fork.ufd);
        return 0;
      }`;
    const main = 'int monitor_open(void);\nint serve(int);\nint main(void) { return serve(monitor_open()); }';
    const own = [
      { path: 'pager/main.c', text: main },
      { path: 'pager/open.c', text: open('int', '0') + serve },
    ];
    const joined = 'int main(void) { return monitor_open() < 0; }';
    // Whoever takes its function for the pager's has serve() in its program, with the feature requested.
    const other = { path: 'watcher/main.c', text: `${open('static int', 'UFFD_FEATURE_EVENT_FORK')}\n${joined}` };
    const alone = await analyser.analyse(own);
    assert.deepEqual(
      alone.findings.map((f) => f.ruleId),
      ['missing-feature'],
    );
    assert.deepEqual((await analyser.analyse([...own, other])).findings, alone.findings);
  });

  it('do not depend on the order of their files', async () => {
    const paths = ['projects', 'hostile'].flatMap((folder) => cFiles(join(FIXTURES, folder)));
    const order = (r: AnalysisResult) => [r.findings, r.notAnalysed];
    assert.deepEqual(order(await analyse([...paths].reverse())), order(await analyse(paths)));
  });

  it('read other files only as far as they matter', async () => {
    const folder = join(FIXTURES, 'projects', 'drawn-in-bad');
    const paths = cFiles(folder);
    const seeds = [join(folder, 'main.c')];
    const read = (list: readonly string[]) => list.map((path) => ({ path, text: readText(path)! }));
    const whole = await analyser.analyse(read(paths), { readFile: readText });
    const drawn = await analyser.analyse(read(seeds), { readFile: readText, neighbours: paths });
    assert.deepEqual(drawn.findings, whole.findings);
    assert.equal(drawn.findings.length, 1);
    assert.equal(drawn.statistics.files, 5);
    assert.equal(drawn.statistics.filesAnalysed, 3, 'the checksum is of no interest, headers come with their files');
  });
});
