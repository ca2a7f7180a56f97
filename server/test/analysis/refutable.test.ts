import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Analyser, createAnalyser, type SourceFile } from '../../src/analysis/analyse.ts';
import { irrefutable, type OtherFiles } from '../../src/analysis/refutable.ts';
import type { Finding } from '../../src/rules/finding.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';

const PROJECTS = join(FIXTURES, 'projects');

describe('what other files could refute', () => {
  let analyser: Analyser;
  before(async () => {
    analyser = await createAnalyser();
  });

  const fromDisk = (paths: readonly string[]): SourceFile[] => paths.map((path) => ({ path, text: readText(path)! }));
  const named = (files: Readonly<Record<string, string>>): SourceFile[] =>
    Object.entries(files)
      .filter(([path]) => path.endsWith('.c'))
      .map(([path, text]) => ({ path, text }));
  const keyOf = (f: Finding) => `${f.location.file}:${f.location.start}: ${f.ruleId}`;
  const find = async (files: readonly SourceFile[], read: OtherFiles['read']) =>
    (await analyser.analyse(files, { readFile: read })).findings;
  const keep = (
    findings: readonly Finding[],
    files: readonly SourceFile[],
    others: OtherFiles['others'],
    read: OtherFiles['read'] = readText,
  ) => irrefutable(findings, files, { read, includePaths: () => [], others }).map(keyOf);

  it('is not shown from any part of any project', async () => {
    let refuted = 0;
    for (const name of readdirSync(PROJECTS)) {
      const paths = cFiles(join(PROJECTS, name)).filter((p) => p.endsWith('.c'));
      const whole = new Set((await find(fromDisk(paths), readText)).map(keyOf));
      for (let chosen = 1; chosen < (1 << paths.length) - 1; chosen++) {
        const part = fromDisk(paths.filter((_, i) => chosen & (1 << i)));
        const findings = await find(part, readText);
        refuted += findings.filter((f) => !whole.has(keyOf(f))).length;
        for (const others of ['hidden', 'none'] as const)
          for (const key of keep(findings, part, others)) assert.ok(whole.has(key), `${key} in a part of ${name}`);
      }
    }
    assert.ok(refuted > 0, 'some part has a finding that the whole refutes');
  });

  it('is nothing of a whole project', async () => {
    for (const name of readdirSync(PROJECTS)) {
      const files = fromDisk(cFiles(join(PROJECTS, name)).filter((p) => p.endsWith('.c')));
      const findings = await find(files, readText);
      assert.deepEqual(keep(findings, files, 'none'), findings.map(keyOf), name);
    }
  });

  it('is nothing of a program in one file', async () => {
    let count = 0;
    for (const path of cFiles(join(FIXTURES, 'programs', 'styles'))) {
      const files = fromDisk([path]);
      const findings = await find(files, readText);
      assert.deepEqual(keep(findings, files, 'hidden'), findings.map(keyOf), path);
      count += findings.length;
    }
    assert.ok(count > 10, 'there is something to find');
  });

  const PROGRAM = readText(`${FIXTURES}/rules/unhandled-fork-event/bad-selftest-default.c`)!;
  /** Findings of these files that stay, as file names. */
  const staying = async (files: Readonly<Record<string, string>>, others: OtherFiles['others'] = 'hidden') => {
    const read = (path: string) => files[path];
    const findings = await find(named(files), read);
    assert.ok(findings.length > 0, 'there is something to hold back');
    return irrefutable(findings, named(files), { read, includePaths: () => [], others }).map((f) => f.location.file);
  };

  it('is what a file without main does', async () => {
    const library = PROGRAM.replace('int main(', 'int run(');
    assert.deepEqual(await staying({ 'a.c': PROGRAM }), ['a.c']);
    assert.deepEqual(await staying({ 'a.c': library }), []);
    const main = 'int run(void);\nint main(void)\n{\n\treturn run();\n}\n';
    assert.deepEqual(await staying({ 'a.c': library, 'b.c': main }, 'none'), ['a.c']);
    assert.deepEqual(await staying({ 'a.c': library, 'b.c': main }, 'hidden'), [], 'another file may define run() too');
  });

  const calling = (call: string) => PROGRAM.replace(/(int main\([^)]*\)\s*\{)/, `$1\n\t${call};\n`);

  it('is what calls a function that is declared and not defined', async () => {
    assert.deepEqual(await staying({ 'a.c': `void settle(void);\n${calling('settle()')}` }), []);
    assert.deepEqual(await staying({ 'a.c': `extern int settled;\n${calling('settled++')}` }), []);
    assert.deepEqual(await staying({ 'a.c': `void settle(void);\n${PROGRAM}` }), ['a.c'], 'unless it is not used');
    const own = `static void settle(void);\n${calling('settle()')}\nstatic void settle(void)\n{\n}\n`;
    assert.deepEqual(await staying({ 'a.c': own }), ['a.c']);
  });

  it('is what calls a function that a missing header may declare', async () => {
    assert.deepEqual(await staying({ 'a.c': `#include "settle.h"\n${calling('settle()')}` }), []);
    assert.deepEqual(await staying({ 'a.c': calling('settle()') }), ['a.c'], 'it comes from the system');
    const inline = 'static inline void settle(void)\n{\n}\n';
    assert.deepEqual(await staying({ 'a.c': `#include "settle.h"\n${calling('settle()')}`, 'settle.h': inline }), [
      'a.c',
    ]);
    const deeper = 'void deep(void);\n#define settle() deep()\n';
    assert.deepEqual(await staying({ 'a.c': `#include "settle.h"\n${calling('settle()')}`, 'settle.h': deeper }), []);
  });

  it('is what pastes words together', async () => {
    const pasting = `#define CALL(x) settle_##x()\n${calling('CALL(now)')}`;
    assert.deepEqual(await staying({ 'a.c': pasting }), []);
  });

  it('is a missing feature in code that another program may share', async () => {
    const handler = [
      '#include <linux/userfaultfd.h>',
      '#include <unistd.h>',
      'static void serve(int uffd)',
      '{',
      '\tstruct uffd_msg msg;',
      '\twhile (read(uffd, &msg, sizeof(msg)) == sizeof(msg))',
      '\t\tif (msg.event == UFFD_EVENT_FORK)',
      '\t\t\tclose(msg.arg.fork.ufd);',
      '}',
      '',
    ].join('\n');
    const main = [
      '#include <fcntl.h>',
      '#include <sys/ioctl.h>',
      '#include <sys/syscall.h>',
      'int main(void)',
      '{',
      '\tstruct uffdio_api api = { .api = UFFD_API };',
      '\tint uffd = syscall(SYS_userfaultfd, O_CLOEXEC);',
      '\tif (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)',
      '\t\treturn 1;',
      '\tserve(uffd);',
      '\treturn 0;',
      '}',
      '',
    ].join('\n');
    assert.deepEqual(await staying({ 'a.c': handler + main }), ['a.c']);
    assert.deepEqual(await staying({ 'a.c': `#include "serve.h"\n${main}`, 'serve.h': handler }), []);
  });
});
