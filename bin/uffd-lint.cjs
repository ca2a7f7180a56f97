#!/usr/bin/env node
'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const bundle = join(__dirname, '..', 'dist', 'cli.cjs');
if (!existsSync(bundle)) {
  process.stderr.write('uffd-lint: not built yet: run npm run build.\n');
  process.exitCode = 2;
} else if (process.argv[2] === 'lsp') {
  // A server lives long enough for optimized code.
  require(bundle);
} else {
  require('./load.cjs').load(bundle);
}
