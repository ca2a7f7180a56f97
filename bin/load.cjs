/**
 * Runs a bundle with the bytecode that the build kept of an earlier run: compiling takes longer than linting a file.
 * V8 refuses what another release or other flags made, and the bundle is then compiled as ever.
 */
'use strict';
const { existsSync, readFileSync } = require('node:fs');
const { createRequire, Module } = require('node:module');
const { dirname } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

/**
 * Bytecode that a function runs through before V8 looks at optimizing it; by default 67,584 (Node 20). Most runs end
 * before optimized code has paid for itself, and long ones reach any budget.
 */
const INTERRUPT_BUDGET = 500_000;

/** How the space for new objects grows: at once to what it may take, since each collection on the way copies what lives. */
const NEW_SPACE_GROWTH = 16;

/** Where the bytecode of a bundle lies. */
const bytecodeOf = (bundle) => bundle.replace(/\.cjs$/, '.bytecode');

/** Runs the bundle at this path as Node would run a CommonJS module, and gives its script. */
function load(bundle) {
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
  setFlagsFromString(`--semi-space-growth-factor=${NEW_SPACE_GROWTH}`);
  const bytecode = bytecodeOf(bundle);
  const script = new Script(Module.wrap(readFileSync(bundle, 'utf8')), {
    filename: bundle,
    cachedData: existsSync(bytecode) ? readFileSync(bytecode) : undefined,
  });
  const module = { exports: {} };
  script.runInThisContext().call(module.exports, module.exports, createRequire(bundle), module, bundle, dirname(bundle));
  return script;
}

module.exports = { bytecodeOf, load };
