import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createAnalyser } from '../../src/analysis/analyse.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';

describe('an analysis that concerns some files', () => {
  it('finds in them what the whole analysis finds, and nothing of other programs', async () => {
    const analyser = await createAnalyser({ remember: true });
    const folders = ['projects/drawn-in-bad', 'projects/inline-bad', 'projects/two-files-bad', 'programs/demo'];
    const paths = folders.flatMap((folder) => cFiles(join(FIXTURES, folder)));
    const files = paths.map((path) => ({ path, text: readText(path)! }));
    const whole = await analyser.analyse(files, { readFile: readText });
    for (const path of paths) {
      const part = await analyser.analyse(files, { readFile: readText, concerning: [path] });
      const own = (r: typeof whole) => r.findings.filter((f) => f.location.file === path);
      assert.deepEqual(own(part), own(whole), path);
      assert.ok(part.statistics.functionsAnalysed < whole.statistics.functionsAnalysed);
    }
  });
});
