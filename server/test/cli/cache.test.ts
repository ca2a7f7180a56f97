import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CacheFolder } from '../../src/cli/cache-folder.ts';
import { lint } from '../../src/cli/lint.ts';
import { type LintOptions, parseLintOptions } from '../../src/cli/options.ts';

interface Outcome {
  readonly status: number;
  readonly shown: unknown;
  readonly stderr: string;
  readonly hits: number;
  readonly misses: number;
  readonly rootsRun: number;
  readonly rootsRepeated: number;
}

async function run(args: readonly string[], identity = 'one'): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const options = parseLintOptions(['--format', 'json', '--stats', ...args]) as LintOptions;
  const output = {
    stdout: (text: string) => (stdout += text),
    stderr: (text: string) => (stderr += text),
    stdin: async () => new Uint8Array(),
    color: false,
  };
  const status = await lint(options, '0', output, () => identity);
  const { findings, notAnalysed, summary } = JSON.parse(stdout) as Record<string, object>;
  const counted = /from the cache (\d+), analysed (\d+) \(roots run (\d+), repeated (\d+)\)/.exec(stderr);
  return {
    status,
    shown: { findings, notAnalysed, summary: { ...summary, durationMs: 0 } },
    stderr,
    hits: Number(counted?.[1] ?? -1),
    misses: Number(counted?.[2] ?? -1),
    rootsRun: Number(counted?.[3] ?? -1),
    rootsRepeated: Number(counted?.[4] ?? -1),
  };
}

const entriesOf = (cache: string) =>
  (readdirSync(cache, { recursive: true }) as string[]).filter((name) => /^..\/[0-9a-f]+$/.test(name)).sort();

describe('the cache', () => {
  let folder = '';
  let cache = '';
  let project = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'uffd-lint-cache-'));
    cache = join(folder, 'cache');
    project = join(folder, 'project');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** The same with and without the cache; gives what the cache was good for. */
  async function same(...args: string[]): Promise<Outcome> {
    const without = await run(args);
    const outcome = await run(['--cache', cache, ...args]);
    assert.deepEqual([outcome.shown, outcome.status], [without.shown, without.status]);
    return outcome;
  }
  const small = () => {
    mkdirSync(project);
    const program = (header: string) =>
      `#include <linux/userfaultfd.h>\n#include "${header}"\nint main(void) { struct uffdio_api api = { .api = UFFD_API };\n` +
      'int uffd = syscall(SYS_userfaultfd, 0);\nif (uffd < 0) return 1;\nHANDSHAKE(uffd, &api);\nstruct uffd_msg m;\nreturn read(uffd, &m, sizeof m) < 0; }\n';
    writeFileSync(join(project, 'a.c'), program('a.h'));
    writeFileSync(join(project, 'a.h'), '#define HANDSHAKE(fd, a) if (ioctl(fd, UFFDIO_API, a)) return 1\n');
    writeFileSync(join(project, 'b.c'), program('b.h'));
    writeFileSync(join(project, 'b.h'), '#define HANDSHAKE(fd, a) printf("%d", fd)\n');
  };
  const counts = ({ hits, misses }: Outcome) => [hits, misses];

  it('runs those roots again that an edit concerns, and repeats the others', async () => {
    mkdirSync(project);
    const write = (name: string, text: string) =>
      writeFileSync(join(project, name), `#include <linux/userfaultfd.h>\nstruct uffd_msg m;\n${text}\n`);
    write('poll.c', 'int next(int fd) { return read(fd, &m, sizeof m); }');
    write('open.c', 'int start(void) { int fd = syscall(SYS_userfaultfd, 0); if (fd < 0) return 1; return help(fd); }');
    write(
      'help.c',
      'int help(int fd) { struct uffdio_api a = { .api = UFFD_API }; return ioctl(fd, UFFDIO_API, &a); }',
    );
    write('arm.c', 'int arm(int fd, struct uffdio_register *r) { return ioctl(fd, UFFDIO_REGISTER, r); }');
    const roots = ({ rootsRun, rootsRepeated }: Outcome) => [rootsRun, rootsRepeated];
    assert.deepEqual(roots(await same(project)), [3, 0]);
    const checked = 'if (fd > 100) return 1;';
    write(
      'help.c',
      `int help(int fd) { ${checked} struct uffdio_api a = { .api = UFFD_API }; return ioctl(fd, UFFDIO_API, &a); }`,
    );
    assert.deepEqual(roots(await same(project)), [1, 2]);
    write('poll.c', '/* moved */ int next(int fd) { return read(fd, &m, sizeof m); }');
    assert.deepEqual(roots(await same(project)), [0, 3]);
    for (const entry of entriesOf(cache)) writeFileSync(join(cache, entry), 'damaged');
    assert.deepEqual(roots(await same(project)), [3, 0]);
  });

  it('changes nothing of what is found in all projects, nor after a header is edited', async () => {
    cpSync('test-fixtures/projects', project, { recursive: true });
    const cold = await same(project);
    assert.equal(cold.hits, 0);
    assert.ok(cold.misses > 5);
    const warm = await same(project);
    assert.deepEqual(counts(warm), [cold.misses, 0]);
    for (const name of readdirSync(join(project, 'inline-bad')).filter((n) => n.endsWith('.h'))) {
      const header = join(project, 'inline-bad', name);
      writeFileSync(header, `\n\n${readFileSync(header, 'utf8')}`);
    }
    const edited = await same(project);
    assert.deepEqual(edited.hits + edited.misses, cold.misses);
    assert.ok(edited.hits > 0 && edited.misses > 0, `${edited.hits} ${edited.misses}`);
    assert.notDeepEqual(edited.shown, warm.shown);
    assert.equal((await same(project)).misses, 0);
  }).timeout(120_000);

  it('takes back a header that is changed back', async () => {
    small();
    assert.deepEqual(counts(await same(project)), [0, 2]);
    const text = readFileSync(join(project, 'a.h'), 'utf8');
    writeFileSync(join(project, 'a.h'), readFileSync(join(project, 'b.h'), 'utf8'));
    assert.deepEqual(counts(await same(project)), [1, 1]);
    writeFileSync(join(project, 'a.h'), text);
    assert.deepEqual(counts(await same(project)), [2, 0]);
  });

  it('sees a header that was missing, and one that comes to lie before another', async () => {
    small();
    const include = join(folder, 'include');
    mkdirSync(include);
    rmSync(join(project, 'b.h'));
    await same('-I', include, project);
    writeFileSync(join(include, 'b.h'), '#define HANDSHAKE(fd, a) printf("%d", fd)\n');
    assert.deepEqual(counts(await same('-I', include, project)), [1, 1]);
    writeFileSync(join(project, 'b.h'), readFileSync(join(project, 'a.h'), 'utf8'));
    assert.deepEqual(counts(await same('-I', include, project)), [1, 1]);
  });

  it('tells options, the compile database and the program apart', async () => {
    small();
    await same(project);
    assert.deepEqual(counts(await same('-D', 'X=1', project)), [0, 2]);
    assert.deepEqual(counts(await same('-D', 'X=2', project)), [0, 2]);
    const database = (file: string) =>
      JSON.stringify([{ directory: project, file, arguments: ['cc', '-DHANDSHAKE=nothing', '-c', file] }]);
    writeFileSync(join(folder, 'compile_commands.json'), database('a.c'));
    assert.deepEqual(counts(await same('-p', folder, project)), [1, 1]);
    assert.deepEqual(counts(await run(['--cache', cache, project], 'two')), [0, 2]);
    assert.deepEqual(counts(await run(['--cache', cache, project], 'one')), [2, 0]);
  });

  it('sees another file that comes to define what is called', async () => {
    mkdirSync(project);
    writeFileSync(
      join(project, 'a.c'),
      '#include <linux/userfaultfd.h>\nint main(void) { struct uffd_msg m; int uffd = syscall(SYS_userfaultfd, 0);\nif (uffd < 0) return 1;\nbegin(uffd);\nreturn read(uffd, &m, sizeof m) < 0; }\n',
    );
    const begin = (body: string) =>
      writeFileSync(
        join(project, 'b.c'),
        `void begin(int uffd) { struct uffdio_api a = { .api = UFFD_API }; ${body} }\n`,
      );
    const before = await same(project);
    begin('printf("%d", uffd);');
    const bad = await same(project);
    begin('if (ioctl(uffd, UFFDIO_API, &a)) exit(1);');
    const good = await same(project);
    assert.deepEqual([before.misses, bad.misses, good.misses], [1, 1, 1]);
    assert.deepEqual([before.status, bad.status, good.status], [0, 1, 0]);
  });

  it('takes a damaged entry for none, and writes it anew', async () => {
    small();
    await same(project);
    const damages: ((path: string) => void)[] = [
      (path) => writeFileSync(path, ''),
      (path) => writeFileSync(path, readFileSync(path).subarray(0, -1)),
      (path) =>
        writeFileSync(
          path,
          readFileSync(path, 'utf8').replace(/\d(?=[^\d]*$)/, (d) => String((Number(d) + 1) % 10)),
        ),
      (path) => writeFileSync(path, readFileSync(path, 'utf8').replace(/^.*\n/, '')),
      (path) => writeFileSync(path, readFileSync(join(cache, entriesOf(cache)[0]!))),
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ];
    for (const damage of damages) {
      for (const name of entriesOf(cache).slice(1)) damage(join(cache, name));
      await same(project);
      const again = await same(project);
      if (damage !== damages[damages.length - 1]) assert.deepEqual(counts(again), [2, 0], String(damage));
    }
  });

  it('is no reason to fail', async () => {
    small();
    writeFileSync(join(folder, 'file'), '');
    const outcome = await run(['--cache', join(folder, 'file'), project]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /cannot be used as a cache/);
    if (existsSync('/proc/self')) assert.equal((await run(['--cache', '/proc/uffd-lint', project])).status, 1);
    assert.throws(() => parseLintOptions(['--cache', '', 'x.c']), /--cache/);
  });

  it('forgets what was used longest ago, and touches nothing else', async () => {
    const key = (c: string) => c.repeat(64);
    const store = new CacheFolder(cache, 3000);
    writeFileSync(join(cache, 'mine.txt'), 'x'.repeat(5000));
    for (const c of ['a', 'b', 'c']) {
      store.put(key(c), c.repeat(900));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    assert.equal(store.get(key('a')), 'a'.repeat(900));
    await new Promise((resolve) => setTimeout(resolve, 15));
    store.put(key('d'), 'd'.repeat(900));
    store.close();
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].filter((c) => store.get(key(c)) !== undefined),
      ['a', 'd'],
    );
    assert.ok(existsSync(join(cache, 'mine.txt')));
  });
});
