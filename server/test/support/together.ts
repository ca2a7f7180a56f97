/** Analyses a universe as one component: what the analyser must give although it splits it. */

import { ComponentAnalysis } from '../../src/analysis/component-analysis.ts';
import { IncludeFolders } from '../../src/analysis/include-folders.ts';
import { Memo } from '../../src/analysis/memo.ts';
import { selectFiles } from '../../src/analysis/select.ts';
import { isHeader, type SourceFile } from '../../src/analysis/source-file.ts';
import { Trees } from '../../src/analysis/trees.ts';
import { NO_DECISIONS, type Unit, Units } from '../../src/analysis/units.ts';
import { countsOf, findingsOf, notesOf } from '../../src/analysis/whole.ts';
import { RootSummaries } from '../../src/engine/root-summaries.ts';
import { scanNames } from '../../src/syntax/names.ts';
import { createParser } from '../../src/syntax/parser.ts';

export async function analyseTogether(
  given: readonly SourceFile[],
  readFile: (path: string) => string | undefined = () => undefined,
) {
  const parser = await createParser();
  const texts = new Map(given.map((f) => [f.path, f.text]));
  const readText = (path: string) => texts.get(path) ?? readFile(path);
  const files = [...given].sort((a, b) => (a.path < b.path ? -1 : 1));
  const scan = scanNames;
  const folders = new IncludeFolders({ paths: texts.keys(), read: readText, scan, configured: () => [] });
  const selection = selectFiles(files, { read: readText, includePaths: (path) => folders.ownOf(path) });
  const inputs = {
    ...selection,
    readText,
    configurationOf: () => undefined,
    targetsOf: () => [],
    includeFoldersOf: (path: string) => folders.of(path),
  };
  const units = new Units(parser, new Trees(parser, false), undefined, {});
  const known = new Map<string, Unit>();
  const make = (path: string) => {
    const unit = known.get(path) ?? units.make(path, inputs, NO_DECISIONS);
    known.set(path, unit);
    return unit;
  };
  const included = new Set<string>();
  const own: string[] = [];
  for (const { path } of [...selection.files].sort((a, b) => Number(isHeader(a.path)) - Number(isHeader(b.path)))) {
    if (included.has(path)) continue;
    own.push(path);
    for (const header of make(path).texts.keys()) included.add(header);
  }
  const analysis = new ComponentAnalysis({
    inputs,
    proceed: undefined,
    makeUnit: (path, decisions) => (decisions === NO_DECISIONS ? make(path) : units.make(path, inputs, decisions)),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    programs: new Memo(),
    runs: undefined,
    roots: new RootSummaries(),
    mayRepeat: false,
    phases: { engine: 0, rules: 0 },
  });
  const one = [await analysis.analyse(own)];
  return { findings: findingsOf(one), notAnalysed: notesOf(one), counts: countsOf(one) };
}
