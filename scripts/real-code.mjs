// `npm run real-code`: lints programs that we did not write and holds the findings against the reviewed list in
// docs/real-code.md. The sources come from Debian packages into .cache/ and are never part of this repository.
// Seeded defects in the same files show that silence is not blindness. Times are medians of five runs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

const CACHE = '.cache/real-code';
const LINT = resolve('bin/uffd-lint.cjs');
const REVIEWED = 'docs/real-code.md';
const KERNEL = 'linux-source-6.1';
const SELFTESTS = 'tools/testing/selftests';
/** What is taken out of the kernel's source: what PROGRAMS name and include. */
const SELFTEST_FILES = [
  'kselftest.h',
  'vm/*.[ch]',
  'kvm/demand_paging_test.c',
  'kvm/include/*.h',
  'kvm/lib/assert.c',
  'powerpc/tm/*.[ch]',
  'bpf/prog_tests/bpf_mod_race.c',
];
const RUNS = 5;

/** One link universe each; `options` go to the command. The first file gives the program its name. */
const PROGRAMS = [
  { files: ['man/userfaultfd.c'] },
  { files: ['selftests/vm/userfaultfd.c'] },
  { files: ['selftests/vm/hugepage-mremap.c'] },
  { files: ['selftests/kvm/demand_paging_test.c'], options: ['-I', 'selftests/kvm/include'] },
  {
    files: ['selftests/kvm/demand_paging_test.c', 'selftests/kvm/lib/assert.c'],
    options: ['-I', 'selftests/kvm/include'],
  },
  { files: ['selftests/powerpc/tm/tm-signal-pagefault.c'] },
  { files: ['selftests/bpf/prog_tests/bpf_mod_race.c'] },
];

/** A defect put into a real program by one replacement, and the rule that must see it. */
const SEEDS = [
  {
    file: 'man/userfaultfd.c',
    from: 'ioctl(uffd, UFFDIO_API, &uffdio_api) == -1',
    to: '0',
    rule: 'missing-api-handshake',
  },
  {
    file: 'man/userfaultfd.c',
    from: 'uffdio_api.features = 0;',
    to: 'uffdio_api.features = UFFD_FEATURE_EVENT_FORK;',
    rule: 'unhandled-fork-event',
  },
  {
    file: 'selftests/vm/userfaultfd.c',
    from: /close\(uffd\);\s*(uffd = msg\.arg\.fork\.ufd;)/,
    to: '$1',
    rule: 'overwritten-parent-uffd',
  },
];

/** What escapes in the roff of manual pages stand for. */
const ROFF = {
  '\\-': '-',
  '\\e': '\\',
  '\\&': '',
  '\\\\': '\\',
  '\\(aq': "'",
  '\\(dq': '"',
  '\\(ha': '^',
  '\\(ti': '~',
};

main();

function main() {
  if (!existsSync('dist/cli.cjs')) return fail('dist/cli.cjs is missing: run `npm run build` first.');
  mkdirSync(CACHE, { recursive: true });
  const missing = [manualPages(), kernelSelftests()].filter((problem) => problem !== undefined);
  for (const problem of missing) console.log(`note: ${problem}`);
  const programs = PROGRAMS.filter((p) => p.files.every((f) => existsSync(join(CACHE, f))));
  if (programs.length === 0) return console.log('note: no real code could be had here; nothing was checked.');
  const agrees = reviewFindings(programs);
  const seen = plantSeeds();
  printTimes();
  process.exitCode = agrees && seen ? 0 : 1;
}

function fail(message) {
  console.error(`real-code: ${message}`);
  process.exitCode = 2;
}

function reviewFindings(programs) {
  const reviewed = JSON.parse(/```json\n([\s\S]*?)\n```/.exec(readFileSync(REVIEWED, 'utf8'))[1]);
  let agrees = true;
  for (const program of programs) {
    const name = program.files.join(' + ');
    const report = lint(program.files, program.options);
    const found = report.findings.map((f) => ({ ...f, text: lineText(f) }));
    const expected = reviewed.filter((r) => r.program === name);
    const same = (f, r) => f.ruleId === `uffd/${r.rule}` && f.file === r.file && f.text === r.text;
    const fresh = found.filter((f) => !expected.some((r) => same(f, r)));
    const gone = expected.filter((r) => !found.some((f) => same(f, r)));
    console.log(
      `${name}: ${found.length} finding(s), ${report.notAnalysed.length} part(s) not analysed, ${report.summary.durationMs} ms`,
    );
    for (const r of expected.filter((r) => !gone.includes(r)))
      console.log(`  reviewed (${r.verdict}): ${r.rule}: ${r.text}`);
    for (const f of fresh) console.log(`  NOT REVIEWED: ${f.file}:${f.range.start.line}: ${f.ruleId}: ${f.text}`);
    for (const r of gone) console.log(`  NO LONGER REPORTED (${r.verdict}): ${r.rule}: ${r.text}`);
    for (const n of report.notAnalysed)
      console.log(`  not analysed: ${n.file}${n.function ? ` ${n.function}()` : ''}: ${n.reason}`);
    agrees &&= fresh.length === 0 && gone.length === 0;
  }
  console.log(
    agrees ? `The findings are those of ${REVIEWED}.` : `The findings are not those of ${REVIEWED}: review them.`,
  );
  return agrees;
}

function plantSeeds() {
  let all = true;
  for (const seed of SEEDS.filter((s) => existsSync(join(CACHE, s.file)))) {
    const text = readFileSync(join(CACHE, seed.file), 'utf8');
    const planted = text.replace(seed.from, seed.to);
    // Beside the original, so that its includes are found.
    const path = seed.file.replace(/\.c$/, '-seeded.c');
    writeFileSync(join(CACHE, path), planted);
    const seen = planted !== text && lint([path]).findings.some((f) => f.ruleId === `uffd/${seed.rule}`);
    rmSync(join(CACHE, path));
    console.log(
      `seeded ${seed.rule} in ${seed.file}: ${planted === text ? 'NO PLACE FOR IT' : seen ? 'reported' : 'MISSED'}`,
    );
    all &&= seen;
  }
  return all;
}

function printTimes() {
  const file = 'selftests/vm/userfaultfd.c';
  if (!existsSync(join(CACHE, file))) return;
  const start = median(() => run(process.execPath, ['-e', '0']));
  const ours = median(() => run(process.execPath, [LINT, '--format', 'json', file]));
  console.log(`node -e 0: ${start} ms`);
  console.log(`uffd-lint ${file}: ${ours} ms`);
  const gccArguments = ['-O1', '-fanalyzer', '-c', '-o', '/dev/null', file];
  const gcc = run('gcc', gccArguments);
  if (gcc.error !== undefined) return console.log('gcc: not installed, not compared');
  if (gcc.status !== 0) return console.log(`gcc: does not compile ${file} here: ${gcc.stderr.split('\n')[0]}`);
  const theirs = median(() => run('gcc', gccArguments));
  console.log(`gcc -O1 -fanalyzer ${file}: ${theirs} ms; uffd-lint takes ${(ours / theirs).toFixed(2)} times as long`);
}

function lint(files, options = []) {
  const result = run(process.execPath, [LINT, '--format', 'json', ...options, ...files]);
  if (result.status !== 0 && result.status !== 1) throw new Error(`uffd-lint ${files.join(' ')}: ${result.stderr}`);
  return JSON.parse(result.stdout);
}

function run(command, commandArguments) {
  return spawnSync(command, commandArguments, { cwd: CACHE, encoding: 'utf8', maxBuffer: 1 << 28 });
}

function median(action) {
  const times = Array.from({ length: RUNS }, () => {
    const before = performance.now();
    action();
    return performance.now() - before;
  });
  return Math.round(times.sort((a, b) => a - b)[RUNS >> 1]);
}

function lineText(finding) {
  return readFileSync(join(CACHE, finding.file), 'utf8').split('\n')[finding.range.start.line - 1].trim();
}

/** The programs in the manual pages about userfaultfd. Returns why they cannot be had, or nothing. */
function manualPages() {
  if (existsSync(join(CACHE, 'man'))) return undefined;
  let folder = '/usr/share/man';
  if (pagesIn(folder).length === 0) {
    const problem = unpack('manpages-dev', (deb, into) =>
      spawnSync('dpkg-deb', ['-x', deb, into], { encoding: 'utf8' }),
    );
    if (problem !== undefined) return `no manual pages: ${problem}`;
    folder = join(CACHE, 'manpages-dev/usr/share/man');
  }
  let programs = 0;
  for (const page of pagesIn(folder)) {
    const roff = gunzipSync(readFileSync(page)).toString('utf8');
    for (const [, name, body] of roff.matchAll(/^\.\\" SRC BEGIN \((\S+\.c)\)\n([\s\S]*?)^\.\\" SRC END/gm)) {
      mkdirSync(join(CACHE, 'man'), { recursive: true });
      writeFileSync(join(CACHE, 'man', name), plainText(body));
      programs++;
    }
  }
  return programs > 0 ? undefined : 'the manual pages about userfaultfd hold no program';
}

/** userfaultfd(2) and the pages of its requests, which newer releases keep apart. */
function pagesIn(man) {
  return ['man2', 'man2const'].flatMap((section) =>
    existsSync(join(man, section))
      ? readdirSync(join(man, section))
          .filter((name) => /^(ioctl_)?(userfaultfd|UFFDIO_\w+)\..*\.gz$/.test(name))
          .map((name) => join(man, section, name))
      : [],
  );
}

/** The text of an example in roff: escapes read, requests dropped. */
function plainText(roff) {
  return roff
    .split('\n')
    .filter((line) => !line.startsWith('.'))
    .join('\n')
    .replace(/\\f(\[\w*\]|.)/g, '')
    .replace(/\\\[(aq|dq|ha|ti)\]/g, '\\($1')
    .replace(/\\(\(..|.)/g, (sequence) => ROFF[sequence] ?? sequence);
}

/** The kernel's own tests. Returns why they cannot be had, or nothing. */
function kernelSelftests() {
  const target = join(CACHE, 'selftests');
  if (existsSync(target)) return undefined;
  const problem = unpack(KERNEL, (deb, into) =>
    spawnSync(
      'bash',
      [
        '-c',
        `set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/src/${KERNEL}.tar.xz |
         tar -xJ -C "$2" --wildcards ${SELFTEST_FILES.map((f) => `'*/${SELFTESTS}/${f}'`).join(' ')}`,
        'bash',
        deb,
        into,
      ],
      { encoding: 'utf8' },
    ),
  );
  if (problem !== undefined) return `no kernel selftests: ${problem}`;
  renameSync(join(CACHE, KERNEL, KERNEL, SELFTESTS), target);
  rmSync(join(CACHE, KERNEL), { recursive: true });
  return undefined;
}

/** Downloads a package and lets `extract` unpack it into a folder of its name. Returns what went wrong, or nothing. */
function unpack(packageName, extract) {
  const into = join(CACHE, packageName);
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  const download = () => spawnSync('apt-get', ['download', packageName], { cwd: into, encoding: 'utf8' });
  let got = download();
  if (got.error === undefined && got.status !== 0) {
    spawnSync('apt-get', ['update'], { encoding: 'utf8' });
    got = download();
  }
  const deb = readdirSync(into).find((name) => name.endsWith('.deb'));
  if (deb === undefined)
    return `apt-get download ${packageName} failed${got.error === undefined ? '' : ' (no apt-get)'}`;
  const path = join(into, deb);
  const result = extract(path, into);
  rmSync(path);
  return result.status === 0 ? undefined : `${relative(CACHE, dirname(path))} could not be unpacked`;
}
