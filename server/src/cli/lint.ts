/** `uffd-lint [lint] PATH…`: files in, a report out, and the exit status of the contract. */
import { readFileSync } from 'node:fs';
import { type AnalysisResult, createAnalyser, type SourceFile } from '../analysis/analyse.ts';
import { toGcc } from '../report/gcc.ts';
import { toJson } from '../report/json.ts';
import { Positions } from '../report/positions.ts';
import { toPretty } from '../report/pretty.ts';
import type { NotAnalysed, Severity } from '../rules/finding.ts';
import { decode } from '../text/decode.ts';
import { discover, readSource } from '../text/files.ts';
import type { LintOptions } from './options.ts';

export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
  readonly color: boolean;
}

const RANK: Record<Severity, number> = { error: 2, warning: 1, info: 0 };

export async function lint(options: LintOptions, version: string, output: Output): Promise<number> {
  const started = performance.now();
  const sources: SourceFile[] = [];
  const notAnalysed: NotAnalysed[] = [];
  const found = discover(options.paths.filter((p) => p !== '-'));
  for (const path of found.files) {
    const file = readSource(path, options.maxFileBytes);
    if ('text' in file) {
      sources.push({ path, text: file.text });
      if (file.note !== undefined) notAnalysed.push({ file: path, reason: file.note, kind: 'encoding' });
    } else notAnalysed.push({ file: path, reason: file.reason, kind: file.kind });
  }
  if (options.paths.includes('-')) {
    const decoded = decode(readFileSync(0));
    if (decoded.kind === 'text') sources.push({ path: options.stdinFilename!, text: decoded.text });
    else notAnalysed.push({ file: options.stdinFilename!, reason: decoded.reason, kind: 'encoding' });
  }
  for (const l of found.leftOut) notAnalysed.push({ file: l.path, reason: l.reason, kind: l.kind });
  for (const m of found.missing) {
    output.stderr(`uffd-lint: ${m.path}: ${m.reason}. Check the path.\n`);
    notAnalysed.push({ file: m.path, reason: m.reason, kind: 'unreadable' });
  }
  if (found.cppFiles > 0) output.stderr(`uffd-lint: ${found.cppFiles} C++ file(s) are not analysed.\n`);
  if (sources.length === 0 && found.missing.length === 0) output.stderr('uffd-lint: no C files to analyse.\n');

  const texts = new Map(sources.map((s) => [s.path, s.text]));
  const result = await analyseAll(sources, options, texts);
  const unread = [...notAnalysed, ...result.notAnalysed].sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : (a.location?.start ?? 0) - (b.location?.start ?? 0),
  );
  const positions = new Positions((file) => texts.get(file));
  const summary = {
    files: sources.length + found.leftOut.length,
    analysed: result.statistics.filesAnalysed,
    functions: result.statistics.functions,
    durationMs: Math.round(performance.now() - started),
  };
  if (options.format === 'json')
    output.stdout(toJson({ version, findings: result.findings, notAnalysed: unread, summary }, positions));
  else if (options.format === 'gcc') output.stdout(toGcc(result.findings, positions));
  else {
    output.stdout(toPretty(result.findings, unread, positions, { color: output.color }));
    const n = result.findings.length;
    output.stderr(
      `${n === 0 ? 'no findings' : `${n} finding${n === 1 ? '' : 's'}`} in ${summary.files} file${summary.files === 1 ? '' : 's'}\n`,
    );
  }
  if (options.stats) output.stderr(statistics(result, performance.now() - started));
  if (found.missing.length > 0) return 2;
  return result.findings.some((f) => RANK[f.severity] >= RANK[options.failOn]) ? 1 : 0;
}

async function analyseAll(
  sources: readonly SourceFile[],
  options: LintOptions,
  texts: Map<string, string>,
): Promise<AnalysisResult> {
  const analyser = await createAnalyser();
  return analyser.analyse(sources, {
    defines: options.defines,
    includePaths: options.includePaths,
    readHeader: (path) => {
      const known = texts.get(path);
      if (known !== undefined) return known;
      const file = readSource(path, options.maxFileBytes);
      if (!('text' in file)) return undefined;
      texts.set(path, file.text);
      return file.text;
    },
  });
}

function statistics(result: AnalysisResult, totalMs: number): string {
  const s = result.statistics;
  const percent = s.functions === 0 ? 0 : (100 * s.functionsWithParseErrors) / s.functions;
  const phases = Object.entries(s.phases).map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`);
  return [
    `files ${s.files}, analysed ${s.filesAnalysed}`,
    `functions ${s.functions}, with parse errors ${s.functionsWithParseErrors} (${percent.toFixed(2)} %), analysed ${s.functionsAnalysed}, quarantined ${s.functionsQuarantined}, out of budget ${s.functionsOutOfBudget}`,
    `${phases.join(', ')}, in all ${totalMs.toFixed(1)} ms`,
    '',
  ].join('\n');
}
