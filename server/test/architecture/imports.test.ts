import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

function cruise(root: string): { status: number | null; output: string } {
  const result = spawnSync('node_modules/.bin/depcruise', ['--config', '.dependency-cruiser.cjs', root], {
    encoding: 'utf8',
    env: { ...process.env, UFFD_LINT_CRUISE_ROOT: root },
  });
  return { status: result.status, output: result.stdout + result.stderr };
}

describe('import directions', () => {
  it('hold in the sources', () => {
    const { status, output } = cruise('server/src');
    assert.equal(status, 0, output);
    assert.match(output, /no dependency violations found \(\d\d+ modules/, 'the check sees the modules');
  });

  it('are a check that can fail', () => {
    const root = mkdtempSync('.cruise-');
    try {
      mkdirSync(join(root, 'text'));
      mkdirSync(join(root, 'cli'));
      mkdirSync(join(root, 'engine'));
      writeFileSync(join(root, 'cli', 'a.ts'), 'export const a = 1;\n');
      writeFileSync(join(root, 'text', 'b.ts'), "import { a } from '../cli/a.ts';\nexport const b = a;\n");
      writeFileSync(
        join(root, 'engine', 'c.ts'),
        "import { readFileSync } from 'node:fs';\nexport const c = readFileSync;\n",
      );
      mkdirSync(join(root, 'syntax'));
      writeFileSync(
        join(root, 'syntax', 'd.ts'),
        "import { access } from 'node:fs/promises';\nexport const d = access;\n",
      );
      mkdirSync(join(root, 'ir'));
      writeFileSync(join(root, 'ir', 'e.ts'), 'export const e = 1;\n');
      mkdirSync(join(root, 'rules'));
      writeFileSync(join(root, 'rules', 'f.ts'), "import { e } from '../ir/e.ts';\nexport const f = e;\n");
      writeFileSync(join(root, 'cli', 'index.ts'), "import './a.ts';\n");
      const { status, output } = cruise(root);
      assert.notEqual(status, 0, output);
      assert.match(output, /text-imports/);
      assert.match(output, /no-file-system-in-the-analysis: \S*engine\/c\.ts/);
      assert.match(output, /no-file-system-in-the-analysis: \S*syntax\/d\.ts/);
      assert.match(output, /rules-see-types-of-the-ir-only/);
      assert.match(output, /nothing-that-nobody-uses: \S*engine\/c\.ts/);
      assert.doesNotMatch(output, /nothing-that-nobody-uses: \S*cli\//);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
