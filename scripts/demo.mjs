// `npm run demo [-- PATH…]`: the bundled programs, or what is named. Without paths findings are the point, not a failure.
import { spawnSync } from 'node:child_process';

const paths = process.argv.slice(2);
const result = spawnSync(
  process.execPath,
  ['bin/uffd-lint.cjs', ...(paths.length > 0 ? paths : ['test-fixtures/programs/demo'])],
  { stdio: 'inherit' },
);
process.exitCode = paths.length > 0 ? (result.status ?? 2) : result.status === 1 ? 0 : 2;
