// Lints a file and keeps the bytecode that V8 made on the way: node scripts/keep-bytecode.cjs FILE.
'use strict';
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { bytecodeOf, load } = require('../bin/load.cjs');

const bundle = join(__dirname, '..', 'dist', 'cli.cjs');
const script = load(bundle);
process.on('exit', () => {
  writeFileSync(bytecodeOf(bundle), script.createCachedData());
  // Findings are what the program is for; anything worse fails the build.
  if (process.exitCode === 1) process.exitCode = 0;
});
