import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Analyser, createAnalyser } from '../../src/analysis/analyse.ts';
import { RULES } from '../../src/rules/registry.ts';
import { LineIndex } from '../../src/text/line-index.ts';
import type { Span } from '../../src/text/span.ts';
import { expectationsOf, mustNote, mustReport, mustStep } from '../support/expectations.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';

describe('fixtures', () => {
  let analyser: Analyser;
  before(async () => {
    analyser = await createAnalyser();
  });

  /** Headers are not given to the analyser, which finds them; what they expect counts. */
  async function check(paths: readonly string[], headers: readonly string[] = []): Promise<void> {
    const read = (path: string) => {
      const text = readText(path);
      return text === undefined ? [] : [{ path, text }];
    };
    const files = paths.flatMap(read);
    const result = await analyser.analyse(files, { readFile: readText, neighbours: headers });
    const lineOf = (span: Span) => new LineIndex(readText(span.file)!).position(span.start).line;
    const found = result.findings.map((f) => `${f.location.file}:${lineOf(f.location)}: ${f.ruleId}`);
    const wanted = [...files, ...headers.flatMap(read)].flatMap((f) => mustReport(f.text).map((e) => `${f.path}:${e}`));
    assert.deepEqual(found.sort(), wanted.sort());
    const notes = result.notAnalysed.map((n) => `${n.file}:${lineOf(n.location!)}: ${n.kind}`);
    assert.deepEqual(notes.sort(), files.flatMap((f) => mustNote(f.text).map((e) => `${f.path}:${e}`)).sort());
    const steps = new Set(
      result.findings.flatMap((f) => f.trace.map((s) => `${s.location.file}:${lineOf(s.location)}: ${s.message}`)),
    );
    for (const f of files)
      for (const step of mustStep(f.text)) assert.ok(steps.has(`${f.path}:${step}`), `no path has ${f.path}:${step}`);
    for (const f of result.findings) {
      assert.ok(f.trace.length > 0, `${f.ruleId} has no path that a person can follow`);
      assert.match(f.fingerprint, /^[0-9a-f]{64}$/);
    }
  }

  it('say why where the tool is known to be wrong', () => {
    for (const path of cFiles(FIXTURES)) {
      for (const e of expectationsOf(readFileSync(path, 'utf8'))) {
        if (e.kind === 'not-analysed') continue;
        const place = `${path}:${e.line}`;
        assert.ok(
          RULES.some((r) => r.id === e.id),
          `${place}: there is no rule ${e.id}`,
        );
        if (e.kind !== 'expect') assert.ok((e.reason ?? '').length > 10, `${place}: give the reason after --`);
      }
    }
  });

  for (const rule of readdirSync(join(FIXTURES, 'rules')).sort()) {
    describe(rule, () => {
      it('is a rule', () => {
        assert.ok(RULES.some((r) => r.id === rule));
      });
      for (const path of cFiles(join(FIXTURES, 'rules', rule))) {
        it(path.slice(path.lastIndexOf('/') + 1), () => check([path]));
      }
    });
  }
  describe('programs', () => {
    for (const path of cFiles(join(FIXTURES, 'programs'))) it(path, () => check([path]));
  });
  describe('hostile', () => {
    for (const path of cFiles(join(FIXTURES, 'hostile'))) it(path, () => check([path]));
  });
  describe('projects', () => {
    for (const name of readdirSync(join(FIXTURES, 'projects')).sort()) {
      const all = cFiles(join(FIXTURES, 'projects', name));
      const isHeader = (p: string) => p.endsWith('.h');
      it(name, () =>
        check(
          all.filter((p) => !isHeader(p)),
          all.filter(isHeader),
        ),
      );
    }
  });
});
