import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Analyser, createAnalyser } from '../../src/analysis/analyse.ts';
import { RULES } from '../../src/rules/registry.ts';
import { LineIndex } from '../../src/text/line-index.ts';
import { mustReport } from '../support/expectations.ts';

const ROOT = 'test-fixtures';

function cFiles(folder: string): string[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? cFiles(path) : /\.[ch]$/.test(name) ? [path] : [];
    })
    .sort();
}

function readHeader(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

describe('fixtures', () => {
  let analyser: Analyser;
  before(async () => {
    analyser = await createAnalyser();
  });

  async function check(paths: readonly string[]): Promise<void> {
    const files = paths.map((path) => ({ path, text: readFileSync(path, 'utf8') }));
    const result = await analyser.analyse(files, { readHeader });
    const found = result.findings.map((f) => {
      const line = new LineIndex(readFileSync(f.location.file, 'utf8')).position(f.location.start).line;
      return `${f.location.file}:${line}: ${f.ruleId}`;
    });
    const wanted = files.flatMap((f) => mustReport(f.text).map((e) => `${f.path}:${e}`));
    assert.deepEqual(found.sort(), wanted.sort());
    for (const f of result.findings) {
      assert.ok(f.trace.length > 0, `${f.ruleId} has no path that a person can follow`);
      assert.match(f.fingerprint, /^[0-9a-f]{64}$/);
    }
  }

  for (const rule of readdirSync(join(ROOT, 'rules')).sort()) {
    describe(rule, () => {
      it('is a rule', () => {
        assert.ok(RULES.some((r) => r.id === rule));
      });
      for (const path of cFiles(join(ROOT, 'rules', rule))) {
        it(path.slice(path.lastIndexOf('/') + 1), () => check([path]));
      }
    });
  }
  describe('programs', () => {
    for (const path of cFiles(join(ROOT, 'programs'))) it(path, () => check([path]));
  });
  describe('projects', () => {
    for (const name of readdirSync(join(ROOT, 'projects')).sort()) {
      it(name, () => check(cFiles(join(ROOT, 'projects', name)).filter((p) => p.endsWith('.c'))));
    }
  });
});
