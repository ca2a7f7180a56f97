// Stands in for node:crypto in the bundles: most runs of the command hash nothing, and loading it takes milliseconds.
'use strict';
exports.createHash = (algorithm) => require('crypto').createHash(algorithm);
