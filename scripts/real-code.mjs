// `npm run real-code`: lints programs that nobody here wrote, taken from Debian packages and kept out of the repository:
// the example of userfaultfd(2) (manpages-dev) and the kernel's own userfaultfd selftest (linux-source-6.1).
// Compares with the reviewed list in docs/real-code.md, and prints how long it takes against `node -e 0` and gcc.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

const cache = resolve('.cache/real-code');
const tree = join(cache, 'linux-source-6.1');
const selftests = join(tree, 'tools/testing/selftests/vm');

function run(command, args, options = {}) {
  return spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
}

function unpack(name) {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  if (run('apt-get', ['download', name], { cwd: cache }).status !== 0) return undefined;
  const deb = readdirSync(cache).find((f) => f.startsWith(`${name}_`) && f.endsWith('.deb'));
  if (deb === undefined || run('dpkg-deb', ['-x', join(cache, deb), folder]).status !== 0) return undefined;
  return folder;
}

/** The C program of the manual page: what stands between .EX and .EE after EXAMPLES, roff escapes undone. */
function manualExample(folder) {
  const page = gunzipSync(readFileSync(join(folder, 'usr/share/man/man2/userfaultfd.2.gz'))).toString();
  const code = [];
  let inside = false;
  for (const line of page.slice(page.indexOf('.SH EXAMPLES')).split('\n')) {
    if (line.startsWith('.EX')) inside = true;
    else if (line.startsWith('.EE')) inside = false;
    else if (inside && !line.startsWith('.')) code.push(line);
  }
  const text = code
    .join('\n')
    .replaceAll('\\e', '\\')
    .replaceAll('\\-', '-')
    .replaceAll('\\(aq', "'")
    .replaceAll('\\[aq]', "'")
    .replaceAll('\\[ti]', '~')
    .replaceAll('\\(ti', '~')
    .replaceAll('\\(dq', '"')
    .replaceAll('\\[dq]', '"')
    .replaceAll('\\[ha]', '^')
    .replaceAll('\\ ', ' ')
    .replaceAll('\\&', '');
  const path = join(cache, 'userfaultfd.2.c');
  writeFileSync(path, text.slice(text.indexOf('#define _GNU_SOURCE')));
  return path;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Medians of five turns, the commands one after the other in each. */
function compare(commands) {
  const times = commands.map(() => []);
  for (let i = 0; i < 5; i++) {
    for (const [k, [command, ...args]] of commands.entries()) {
      const start = performance.now();
      run(command, args, { cwd: selftests });
      times[k].push(performance.now() - start);
    }
  }
  return times.map(median);
}

const files = [];
const pages = unpack('manpages-dev');
if (pages !== undefined) files.push(manualExample(pages));
const source = unpack('linux-source-6.1');
if (source !== undefined) {
  if (!existsSync(selftests)) {
    run('tar', [
      'xf',
      join(source, 'usr/src/linux-source-6.1.tar.xz'),
      '-C',
      cache,
      'linux-source-6.1/tools/testing/selftests/vm',
      'linux-source-6.1/tools/testing/selftests/kselftest.h',
    ]);
  }
  if (existsSync(join(selftests, 'userfaultfd.c'))) files.push(join(selftests, 'userfaultfd.c'));
}
if (files.length === 0) {
  console.log(
    'The packages manpages-dev and linux-source-6.1 cannot be had here (apt-get download): nothing was linted.',
  );
  process.exit(0);
}

const reviewed = /```json\n([\s\S]*?)```/.exec(readFileSync('docs/real-code.md', 'utf8'));
const expected = new Set(JSON.parse(reviewed[1]).map((e) => `${e.file}: ${e.rule}: ${e.line}`));
const found = new Set();
for (const file of files) {
  const result = run(process.execPath, ['bin/uffd-lint.cjs', '--format', 'json', file]);
  const report = JSON.parse(result.stdout);
  const lines = readFileSync(file, 'utf8').split('\n');
  const name = file.slice(file.lastIndexOf('/') + 1);
  for (const f of report.findings) found.add(`${name}: ${f.ruleId}: ${lines[f.range.start.line - 1].trim()}`);
  console.log(
    `${name}: ${lines.length} lines, ${report.findings.length} findings, ${report.notAnalysed.length} not analysed`,
  );
}
for (const f of found) console.log(`${expected.has(f) ? 'reviewed' : 'NEW     '} ${f}`);
for (const e of expected) if (!found.has(e)) console.log(`GONE     ${e}`);
const selftest = files.find((f) => f.endsWith('/userfaultfd.c'));
if (selftest !== undefined) {
  const gcc = run('gcc', ['--version']).status === 0;
  const commands = [
    [process.execPath, '-e', '0'],
    [process.execPath, resolve('bin/uffd-lint.cjs'), '--format', 'gcc', selftest],
    ...(gcc ? [['gcc', '-O1', '-fanalyzer', '-w', '-pthread', '-c', '-o', '/dev/null', selftest]] : []),
  ];
  const [node, lint, analyzer] = compare(commands);
  console.log(
    `node -e 0 ${node.toFixed(0)} ms, uffd-lint ${lint.toFixed(0)} ms${gcc ? `, gcc -O1 -fanalyzer ${analyzer.toFixed(0)} ms: gcc takes ${(analyzer / lint).toFixed(2)} times as long` : ''}`,
  );
}
process.exitCode = [...found].every((f) => expected.has(f)) && [...expected].every((e) => found.has(e)) ? 0 : 1;
