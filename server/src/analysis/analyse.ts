/**
 * The pipeline: source texts in, findings out. The faces (cli, lsp) call this and nothing below it.
 */

import { runEngine } from '../engine/engine.ts';
import { linkPrograms } from '../engine/program.ts';
import type { FunctionBody, TranslationUnit } from '../ir/ir.ts';
import { lowerFile } from '../ir/lower.ts';
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import { finish, runRules } from '../rules/run.ts';
import { parseFile } from '../syntax/file.ts';
import { createParser } from '../syntax/parser.ts';
import type { CParser, SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';

export interface SourceFile {
  /** Path as the findings name it; `/` as separator. */
  readonly path: string;
  readonly text: string;
}

export interface AnalysisOptions {
  /** Macros given on the command line, name to body (`-DX` is `1`). */
  readonly defines?: Readonly<Record<string, string>>;
  /** Reads a project header named by `#include "…"`; undefined when there is no such file. */
  readonly readHeader?: (path: string) => string | undefined;
  /** Folders of `-I`, searched after the including file's own folder. */
  readonly includePaths?: readonly string[];
  /** Called between slices of work; when it resolves to false the analysis stops and its result is dropped. */
  readonly proceed?: () => Promise<boolean>;
}

export interface AnalysisStatistics {
  readonly files: number;
  readonly filesAnalysed: number;
  readonly functions: number;
  readonly functionsWithParseErrors: number;
  readonly functionsAnalysed: number;
  readonly functionsQuarantined: number;
  readonly functionsOutOfBudget: number;
  /** Milliseconds by phase: parse, lower, engine, rules. */
  readonly phases: Readonly<Record<string, number>>;
}

export interface AnalysisResult {
  readonly findings: readonly Finding[];
  readonly notAnalysed: readonly NotAnalysed[];
  readonly statistics: AnalysisStatistics;
  /** True when `proceed` asked to stop; the findings are then incomplete and must not be shown. */
  readonly cancelled: boolean;
}

/** Files above this many bytes are listed in `notAnalysed` and not parsed. */
export const DEFAULT_MAX_FILE_BYTES = 2 * 1024 * 1024;

export interface Analyser {
  /** Analyses the files as one link universe. Never throws for what a file contains. */
  analyse(files: readonly SourceFile[], options?: AnalysisOptions): Promise<AnalysisResult>;
}

/** Loads the parser (native where it loads, else WebAssembly; `UFFD_LINT_PARSER` forces `native` or `wasm`). */
export async function createAnalyser(): Promise<Analyser> {
  const parser = await createParser();
  return { analyse: (files, options = {}) => analyse(parser, files, options) };
}

/** A file that names neither the system call nor its header's constants has nothing to say about them. */
const MENTIONS = /userfaultfd|uffd|UFFD/;

async function analyse(
  parser: CParser,
  files: readonly SourceFile[],
  options: AnalysisOptions,
): Promise<AnalysisResult> {
  const phases = { parse: 0, lower: 0, engine: 0, rules: 0 };
  const notAnalysed: NotAnalysed[] = [];
  const findings: Finding[] = [];
  const units: TranslationUnit[] = [];
  const texts = new Map<string, string>();
  let functions = 0;
  let functionsWithParseErrors = 0;
  let functionsAnalysed = 0;
  let outOfBudget = 0;
  const stop = (): AnalysisResult => ({
    findings: [],
    notAnalysed: [],
    statistics: {
      files: files.length,
      filesAnalysed: 0,
      functions,
      functionsWithParseErrors,
      functionsAnalysed,
      functionsQuarantined: 0,
      functionsOutOfBudget: outOfBudget,
      phases,
    },
    cancelled: true,
  });
  const seeds = files.some((f) => MENTIONS.test(f.text));
  const readHeader = (path: string): string | undefined => {
    const open = files.find((f) => f.path === path);
    return open?.text ?? options.readHeader?.(path);
  };
  for (const file of seeds ? files : []) {
    if (options.proceed !== undefined && !(await options.proceed())) return stop();
    let clock = performance.now();
    try {
      const parsed = parseFile(parser, file.path, file.text, {
        defines: options.defines,
        includePaths: options.includePaths,
        readHeader,
      });
      texts.set(file.path, file.text);
      for (const h of parsed.headers) texts.set(h.path, h.text);
      phases.parse += performance.now() - clock;
      clock = performance.now();
      const errors = countFunctions(parsed.root);
      functions += errors.functions;
      functionsWithParseErrors += errors.withErrors;
      units.push(lowerFile(parsed, parser));
      phases.lower += performance.now() - clock;
    } catch (error) {
      notAnalysed.push({ file: file.path, reason: `could not be parsed: ${(error as Error).message}`, kind: 'budget' });
    }
    // Native trees are released when the event loop turns.
    if (files.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  const textOf = (span: Span) => texts.get(span.file)?.slice(span.start, span.end) ?? '';
  const bodies = new Map<string, FunctionBody>();
  for (const unit of units) for (const f of unit.functions) bodies.set(f.id, f);
  for (const program of linkPrograms(units)) {
    let clock = performance.now();
    const result = await runEngine(program, { proceed: options.proceed });
    if (result.cancelled) return stop();
    phases.engine += performance.now() - clock;
    clock = performance.now();
    functionsAnalysed += result.functionsAnalysed;
    outOfBudget += result.outOfBudget.length;
    findings.push(...runRules(result, textOf));
    for (const id of result.outOfBudget) {
      const f = bodies.get(id);
      if (f !== undefined)
        notAnalysed.push({
          file: f.file,
          reason: 'analysed in part: the function is too large for the step budget',
          kind: 'budget',
          function: f.name,
          location: f.nameSpan,
        });
    }
    phases.rules += performance.now() - clock;
  }
  const quarantined = [...bodies.values()].filter((f) => f.quarantine.length > 0);
  for (const f of quarantined) {
    if (!MENTIONS.test(textOf(f.span))) continue;
    notAnalysed.push({
      file: f.file,
      reason: `${f.quarantine.join('; ')}: nothing is claimed of what this function does not do`,
      kind: 'quarantine',
      function: f.name,
      location: f.nameSpan,
    });
  }
  return {
    findings: finish(findings),
    notAnalysed,
    statistics: {
      files: files.length,
      filesAnalysed: units.length,
      functions,
      functionsWithParseErrors,
      functionsAnalysed,
      functionsQuarantined: quarantined.length,
      functionsOutOfBudget: outOfBudget,
      phases,
    },
    cancelled: false,
  };
}

function countFunctions(root: SyntaxNode): { functions: number; withErrors: number } {
  let functions = 0;
  let withErrors = 0;
  for (const node of root.children) {
    if (node.type !== 'function_definition') continue;
    functions++;
    if (node.hasError) withErrors++;
  }
  return { functions, withErrors };
}
