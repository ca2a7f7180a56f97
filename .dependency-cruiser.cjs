'use strict';
// Who may import whom (ARCHITECTURE.md). What is not listed is forbidden.
const rooms = {
  text: [],
  uffd: [],
  libc: ['uffd'],
  syntax: ['text'],
  ir: ['libc', 'syntax', 'text'],
  engine: ['ir', 'libc', 'uffd', 'text'],
  rules: ['engine', 'uffd', 'libc', 'ir', 'text'],
  report: ['rules', 'text', 'uffd'],
  analysis: ['text', 'syntax', 'ir', 'engine', 'rules', 'libc', 'uffd'],
  lsp: ['text', 'syntax', 'ir', 'engine', 'rules', 'libc', 'uffd', 'report', 'analysis'],
  cli: ['text', 'syntax', 'ir', 'engine', 'rules', 'libc', 'uffd', 'report', 'analysis'],
};
const root = process.env.UFFD_LINT_CRUISE_ROOT ?? 'server/src';
/** Where the bundles begin: scripts/build.mjs. */
const entries = `^${root}/(cli/index|lsp/index|lsp/server|text/search-thread)\\.ts$`;
module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `${room}-imports`,
      severity: 'error',
      from: { path: `^${root}/${room}/` },
      to: { path: `^${root}/`, pathNot: [room, ...allowed].map((r) => `^${root}/${r}/`) },
    })),
    {
      name: 'client-imports',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: `^${root}/` },
    },
    {
      name: 'no-file-system-in-the-analysis',
      severity: 'error',
      // The host seam is text/; the parser looks for its own WebAssembly files.
      from: { path: `^${root}/`, pathNot: `^${root}/(text|cli|lsp)/|^${root}/syntax/parser\\.ts$` },
      to: { path: '^(node:)?fs(/|$)' },
    },
    {
      name: 'rules-see-types-of-the-ir-only',
      severity: 'error',
      from: { path: `^${root}/rules/` },
      to: { path: `^${root}/ir/`, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing-that-nobody-uses',
      severity: 'error',
      from: { path: entries },
      // The model of the kernel is for tests and for the conformance check.
      to: { path: `^${root}/`, pathNot: `${entries}|^${root}/uffd/kernel/`, reachable: false },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
