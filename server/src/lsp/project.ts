/** One workspace folder: its settings, its compile database, and what a scan saw in it. */
import { isAbsolute, join } from 'node:path';
import { DEFAULT_MAX_FILE_BYTES } from '../analysis/analyse.ts';
import {
  type CompileDatabase,
  CompileDatabaseError,
  findDatabase,
  isSystemFolder,
  locateDatabase,
  namedDatabase,
  openDatabase,
} from '../text/compile-commands.ts';
import { absolutePath, type NamePath } from '../text/files.ts';
import { stampOf } from '../text/kept.ts';
import type { FileSource } from '../text/source.ts';
import type { Notices } from './notices.ts';
import { isWithin, pathOf } from './paths.ts';
import { differs, type Scanned, scanFolder } from './scan.ts';
import { NO_SETTINGS, SECTION, type Settings } from './settings.ts';

/** Shows a person how far a scan is, and passes on that it should stop. */
export interface ScanProgress {
  readonly stopped: () => boolean;
  readonly report: (done: number, of: number) => void;
  readonly done: () => void;
}

export interface ProjectContext {
  readonly source: FileSource;
  readonly notices: Notices;
  readonly startProgress: (title: string) => Promise<ScanProgress | undefined>;
  /** An analysis may find something else now. */
  readonly changed: () => void;
  /** What the disk says of an open file is of no interest. */
  readonly isOpen: (path: string) => boolean;
}

export class Project {
  readonly uri: string;
  readonly folder: string;
  settings: Settings = NO_SETTINGS;
  database: CompileDatabase | undefined;
  /** The last scan that came to its end; undefined before. */
  scanned: Scanned | undefined;
  private readonly context: ProjectContext;
  /** Where the database lies and what it was when it was read. */
  private databaseKey = '';
  private running: Promise<void> | undefined;
  /** Something changed while a scan was running. */
  private again = false;
  private closed = false;
  /** A person stopped the scan: it is not begun again. */
  private stopped = false;

  constructor(uri: string, context: ProjectContext) {
    this.uri = uri;
    this.folder = pathOf(uri);
    this.context = context;
  }

  /** True when all files of the folder are known. */
  get isWhole(): boolean {
    return this.scanned !== undefined && this.scanned.cut === undefined;
  }

  contains(path: string): boolean {
    return isWithin(path, this.folder);
  }

  close(): void {
    this.closed = true;
  }

  /** Takes new settings; true where they differ. */
  configure(settings: Settings): boolean {
    const resolved: Settings = {
      ...settings,
      compileCommands: settings.compileCommands === undefined ? undefined : this.resolve(settings.compileCommands),
      includePaths: settings.includePaths.map((p) => this.resolve(p)).filter((p) => !isSystemFolder(p)),
    };
    const differ = JSON.stringify(resolved) !== JSON.stringify(this.settings);
    this.settings = resolved;
    return differ;
  }

  /** Reads the compile database if it is another one than before; true where it is. */
  loadDatabase(): boolean {
    const { source, notices } = this.context;
    const { compileCommands } = this.settings;
    const key = this.locate();
    if (key === this.databaseKey) return false;
    this.databaseKey = key;
    this.database = undefined;
    try {
      const options = { name: this.naming(), given: `${SECTION}.compileCommands` };
      this.database =
        compileCommands === undefined
          ? findDatabase(this.folder, source, options)
          : openDatabase(compileCommands, source, options);
    } catch (error) {
      if (!(error instanceof CompileDatabaseError)) throw error;
      notices.warn(`${error.message} Analysed without it.`);
    }
    return true;
  }

  /** Looks through the folder; once more if it is being looked through. */
  async scan(): Promise<void> {
    this.again = true;
    this.running ??= this.scanUntilSettled();
    await this.running;
  }

  private async scanUntilSettled(): Promise<void> {
    while (this.again && !this.closed && !this.stopped) {
      this.again = false;
      const before = this.scanned;
      const after = await this.scanOnce(before).catch((error: unknown): Scanned => {
        this.context.notices.log(`${this.folder} could not be looked through: ${String(error)}`);
        return { files: new Map(), cut: String(error) };
      });
      if (after === undefined) break;
      this.scanned = after;
      if (differs(before, after, this.context.isOpen)) this.context.changed();
    }
    this.running = undefined;
  }

  private async scanOnce(before: Scanned | undefined): Promise<Scanned | undefined> {
    const { source, notices, startProgress } = this.context;
    // Later scans only look at what has changed: nobody need see them.
    const progress = before === undefined ? await startProgress('uffd-lint') : undefined;
    const after = await scanFolder(this.folder, {
      source,
      maxFileBytes: DEFAULT_MAX_FILE_BYTES,
      before,
      unwanted: () => this.closed,
      stopped: () => progress?.stopped() === true,
      report: (done, of) => progress?.report(done, of),
    });
    this.stopped = progress?.stopped() === true;
    progress?.done();
    for (const { leftOut } of after?.files.values() ?? [])
      if (leftOut !== undefined) notices.log(`${leftOut.path} is not analysed: ${leftOut.reason}`);
    if (after?.cut !== undefined)
      notices.log(
        `${this.folder} is not looked through to its end: ${after.cut}. Findings that another file could refute are not shown; open a smaller folder for them.`,
      );
    return after;
  }

  private locate(): string {
    const { source } = this.context;
    const { compileCommands } = this.settings;
    let path: string | undefined;
    try {
      path =
        compileCommands === undefined ? locateDatabase(this.folder, source) : namedDatabase(compileCommands, source);
    } catch {
      // It is not there; reading it says why.
    }
    return `${compileCommands ?? ''}|${path ?? ''}|${path === undefined ? '' : stampOf(path)?.key}`;
  }

  /** A database speaks of the folder by its real name, where the editor may have come by a link. */
  private naming(): NamePath {
    let real = this.folder;
    try {
      real = absolutePath(this.context.source.identity(this.folder));
    } catch {
      // A folder that is not there has no other name.
    }
    return (path) => {
      const whole = absolutePath(path);
      return isWithin(whole, real) ? this.folder + whole.slice(real.length) : whole;
    };
  }

  private resolve(path: string): string {
    const whole = path.replace(/^\$\{workspaceFolder\}/, this.folder);
    return absolutePath(isAbsolute(whole) ? whole : join(this.folder, whole));
  }
}
