// Lints files and keeps the bytecode that V8 made on the way: node scripts/keep-bytecode.cjs PATH...
'use strict';
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { bytecodeOf, load } = require('../bin/load.cjs');

const bundle = join(__dirname, '..', 'dist', 'cli.cjs');
// Functions that ran long ago count, too. What is kept must be made with the flags that it will be read with.
setFlagsFromString('--no-flush-bytecode');
const script = load(bundle);
process.on('exit', () => {
  setFlagsFromString('--flush-bytecode');
  writeFileSync(bytecodeOf(bundle), script.createCachedData());
  // Findings are what the program is for; anything worse fails the build.
  if (process.exitCode === 1) process.exitCode = 0;
});
