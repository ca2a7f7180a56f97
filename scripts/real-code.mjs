// `npm run real-code`: lints programs that we did not write and holds the findings against the reviewed list in
// docs/real-code.md. The sources come from Debian packages into .cache/ and are never part of this repository.
// Seeded defects in the same files show that silence is not blindness. Times are medians of five runs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CACHE, kernelSelftests, manualPages } from './real-sources.ts';

const LINT = resolve('bin/uffd-lint.cjs');
const REVIEWED = 'docs/real-code.md';
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
