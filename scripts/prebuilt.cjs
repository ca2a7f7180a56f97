/**
 * Stands in for node-gyp-build in the command's bundle: the binary that a package brings for this machine, without a
 * search for others; where it does not load, what node-gyp-build finds.
 */
'use strict';
const { createRequire } = require('node:module');
const { dirname } = require('node:path');

module.exports = (name) => {
  const load = createRequire(__filename);
  try {
    return load(`${name}/prebuilds/${process.platform}-${process.arch}/${name}.node`);
  } catch {
    return load('node-gyp-build')(dirname(load.resolve(`${name}/package.json`)));
  }
};
