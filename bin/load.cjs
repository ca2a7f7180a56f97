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

/**
 * Looks at a function again where something of it changed, 500 calls later: not worth what each look takes while much is
 * new. Functions are compiled to baseline code one by one, since waiting for a batch takes more than it gives. Flags of
 * V8 11 (Node 20): another one says on standard error which it does not know.
 */
const TIERING = process.versions.v8.startsWith('11.')
  ? ['--no-reset-interrupt-on-ic-update', '--no-baseline-batch-compilation']
  : [];

/** How the space for new objects grows: at once to what it may take, since each collection on the way copies what lives. */
const NEW_SPACE_GROWTH = 16;

/**
 * Loads what a command needs of Node itself, before flags are set: V8 takes the bytecode that Node keeps of its own
 * modules only with the flags that it was made with.
 */
function loadOwnModules() {
  return [require('node:os'), require('node:util').parseArgs];
}

/** Where the bytecode of a bundle lies. */
const bytecodeOf = (bundle) => bundle.replace(/\.cjs$/, '.bytecode');

/** Runs the bundle at this path as Node would run a CommonJS module, and gives its script. */
function load(bundle) {
  loadOwnModules();
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
  for (const flag of TIERING) setFlagsFromString(flag);
  setFlagsFromString(`--semi-space-growth-factor=${NEW_SPACE_GROWTH}`);
  const bytecode = bytecodeOf(bundle);
  // Nothing but ASCII outside of comments, and half as long in memory as what may be anything.
  const script = new Script(Module.wrap(readFileSync(bundle, 'latin1')), {
    filename: bundle,
    cachedData: existsSync(bytecode) ? readFileSync(bytecode) : undefined,
  });
  const module = { exports: {} };
  script.runInThisContext().call(module.exports, module.exports, createRequire(bundle), module, bundle, dirname(bundle));
  return script;
}

module.exports = { bytecodeOf, load };
