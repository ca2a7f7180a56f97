/**
 * The pipeline: source texts in, findings out. The faces (cli, lsp) call this and nothing below it.
 */
import type { Finding, NotAnalysed } from '../rules/finding.ts';

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
  throw new Error('not connected yet');
}
