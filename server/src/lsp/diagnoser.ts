/**
 * From documents to diagnostics. Documents of one folder share one analysis; one analysis runs at a time; an edit
 * stops what was begun before it, and whoever waits gets an answer about the newest text.
 */
import type { Connection, Diagnostic } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { type Analyser, createAnalyser, DEFAULT_MAX_FILE_BYTES, type SourceFile } from '../analysis/analyse.ts';
import { irrefutable } from '../analysis/refutable.ts';
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import { type FileSource, overlay, snapshot } from '../text/source.ts';
import { type DocumentOf, lineOf, toDiagnostic } from './diagnostics.ts';
import type { Encoding } from './encoding.ts';
import type { Notices } from './notices.ts';
import { pathOf, uriOf } from './paths.ts';
import { slices } from './slices.ts';
import { isC, type Open, type Universe, universeOf } from './universe.ts';
import type { Workspace } from './workspace.ts';

interface Outcome {
  readonly findings: readonly Finding[];
  readonly notAnalysed: readonly NotAnalysed[];
  readonly documentOf: DocumentOf;
}

export interface DiagnoserContext {
  readonly connection: Connection;
  readonly workspace: Workspace;
  readonly notices: Notices;
  readonly encoding: Encoding;
  /** The disk, below the open documents. */
  readonly source: FileSource;
  readonly documents: () => readonly TextDocument[];
}

export class Diagnoser {
  /** Counts what may change an answer; work for an older one is dropped. */
  revision = 0;
  private readonly context: DiagnoserContext;
  private analyser: Promise<Analyser> | undefined;
  /** Analyses of this revision by universe; undefined is the outcome of one that was stopped. */
  private readonly outcomes = new Map<string, Promise<Outcome | undefined>>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(context: DiagnoserContext) {
    this.context = context;
  }

  /** Something changed: what is being worked on is no longer wanted. */
  invalidate(): void {
    this.revision++;
    this.outcomes.clear();
  }

  /** Diagnostics of one document; undefined when a change came first, or nobody wants them any more. */
  async diagnose(document: TextDocument, unwanted: () => boolean = () => false): Promise<Diagnostic[] | undefined> {
    const at = this.revision;
    try {
      const path = pathOf(document.uri);
      const open: Open = new Map(this.context.documents().map((d) => [pathOf(d.uri), d]));
      const universe = universeOf(path, open, this.context.workspace);
      for (;;) {
        let outcome = this.outcomes.get(universe.key);
        if (outcome === undefined) {
          outcome = this.inTurn(() => this.analyse(universe, open, () => this.revision !== at || unwanted()));
          this.outcomes.set(universe.key, outcome);
        }
        const done = await outcome;
        if (done === undefined && this.outcomes.get(universe.key) === outcome) this.outcomes.delete(universe.key);
        if (this.revision !== at || unwanted()) return undefined;
        // Whoever asked first lost interest, this one did not.
        if (done === undefined) continue;
        this.sayNotAnalysed(done);
        return done.findings
          .filter((f) => f.location.file === path)
          .map((f) => toDiagnostic(f, done.documentOf, this.context.encoding));
      }
    } catch (error) {
      this.outcomes.clear();
      this.context.connection.console.error(
        `uffd-lint: ${document.uri} was not analysed: ${(error as Error).stack ?? String(error)}`,
      );
      return [];
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }

  /** What is open lies on top of the disk. Undefined where it was stopped. */
  private async analyse(universe: Universe, open: Open, stopped: () => boolean): Promise<Outcome | undefined> {
    const source = snapshot(overlay(this.context.source, (path) => open.get(path)?.getText()));
    const read = (path: string) => {
      const file = source.read(path, DEFAULT_MAX_FILE_BYTES);
      return 'text' in file ? file.text : undefined;
    };
    const files: SourceFile[] = [];
    const pause = slices();
    for (const path of universe.files) {
      await pause();
      if (stopped()) return undefined;
      const document = open.get(path);
      if (document !== undefined && !(isC(document) && this.fits(path, document.getText()))) continue;
      const text = read(path);
      if (text !== undefined) files.push({ path, text });
    }
    const { settings, database, neighbours, others } = universe;
    this.analyser ??= createAnalyser({ remember: true });
    const analyser = await this.analyser;
    const result = await analyser.analyse(files, {
      defines: settings.defines,
      includePaths: settings.includePaths,
      ...(database === undefined ? {} : { configurationOf: database.configurationOf, targetsOf: database.targetsOf }),
      neighbours,
      // Programs that nobody looks at can wait until somebody does.
      concerning: [...open.keys()],
      readFile: read,
      proceed: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return !stopped();
      },
    });
    if (result.cancelled) return undefined;
    const includePaths = (path: string) => [
      ...settings.includePaths,
      ...(database?.configurationOf(path)?.includePaths ?? []),
    ];
    const findings =
      others === undefined ? result.findings : irrefutable(result.findings, files, { read, includePaths, others });
    return { findings, notAnalysed: result.notAnalysed, documentOf: documentsFor(open, read) };
  }

  private fits(path: string, text: string): boolean {
    const reason =
      Buffer.byteLength(text) > DEFAULT_MAX_FILE_BYTES
        ? `larger than ${DEFAULT_MAX_FILE_BYTES} bytes`
        : text.includes('\0')
          ? 'not text: it contains NUL characters'
          : undefined;
    if (reason !== undefined) this.context.notices.log(`${path} is not analysed: ${reason}`);
    return reason === undefined;
  }

  private sayNotAnalysed({ notAnalysed, documentOf }: Outcome): void {
    for (const n of notAnalysed) {
      const line = n.location === undefined ? '' : `:${lineOf(n.location, documentOf)}`;
      this.context.notices.log(`${n.file}${line}: ${n.function === undefined ? '' : `${n.function}(): `}${n.reason}`);
    }
  }
}

function documentsFor(open: Open, read: (path: string) => string | undefined): DocumentOf {
  const closed = new Map<string, TextDocument>();
  return (path) => {
    let document = open.get(path) ?? closed.get(path);
    if (document === undefined) {
      document = TextDocument.create(uriOf(path), 'c', 0, read(path) ?? '');
      closed.set(path, document);
    }
    return document;
  };
}
