/** The programs of test-fixtures that generated trees are made of: written as different people write them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mustReport } from '../../server/test/support/expectations.ts';
import type { Program } from './generate.ts';

/** Single files, and folders that are one program. Ten, so that 10 kLOC hold each of them once. */
const CHOSEN = [
  'projects/pager-good',
  'programs/field/02-good-selftest.c',
  'projects/daemon-bad',
  'programs/field/08-good-vmm.c',
  'projects/two-files-good',
  'programs/field/07-bad-batch.c',
  'projects/extern-good',
  'programs/field/01-good-manpage.c',
  'programs/field/14-bad-unchecked.c',
  'programs/field/06-good-table.c',
];

export function chosenPrograms(): Program[] {
  return CHOSEN.map((name) => {
    const path = join('test-fixtures', name);
    const files = statSync(path).isDirectory() ? readdirSync(path).map((file) => join(path, file)) : [path];
    return files.map((file) => ({ path: basename(file), text: readFileSync(file, 'utf8') }));
  });
}

/** How many findings the fixtures ask for in a tree of so many units. */
export function expectedFindings(programs: readonly Program[], units: number): number {
  const each = programs.map((p) => p.reduce((sum, { text }) => sum + mustReport(text).length, 0));
  return Array.from({ length: units }, (_, unit) => each[unit % each.length]!).reduce((a, b) => a + b, 0);
}
