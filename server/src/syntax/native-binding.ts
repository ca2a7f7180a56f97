/** The package of the native parser. */

/**
 * Its class. Throws where it does not load. The command's bundle has the package in itself, with its bytecode
 * (scripts/build.mjs).
 */
export function loadNativeBinding(load: (name: string) => unknown): unknown {
  return load('tree-sitter');
}
