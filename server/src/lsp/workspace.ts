/** The workspace folders, kept in step with the client's folders and settings and with the disk. */

import { isAbsolute } from 'node:path';
import {
  type Connection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  type InitializeParams,
} from 'vscode-languageserver/node';
import { isSystemFolder } from '../text/compile-commands.ts';
import { absolutePath } from '../text/files.ts';
import type { Client } from './client.ts';
import { pathOf, uriOf } from './paths.ts';
import { Project, type ProjectContext } from './project.ts';
import { NO_SETTINGS, readSettings, SECTION, type Settings, sectionOf } from './settings.ts';

/** Milliseconds between a change on the disk and the next look at it: changes come in flocks. */
const SETTLE_MS = 100;

const WATCHED = ['**/*.{c,h}', '**/compile_commands.json', '**/.gitignore'];

export class Workspace {
  /** Settings of files that lie in no folder. */
  loose: Settings = NO_SETTINGS;
  /** Resolves when settings and databases are there: what is found without them is not worth showing. */
  readonly ready: Promise<void>;
  private projects: readonly Project[] = [];
  private readonly connection: Connection;
  private readonly client: Client;
  private readonly context: ProjectContext;
  private readonly given: unknown;
  /** What a client sends that does not answer questions about settings. */
  private pushed: unknown;
  private timer: NodeJS.Timeout | undefined;
  private becomeReady: () => void = () => {};

  constructor(connection: Connection, client: Client, params: InitializeParams, context: ProjectContext) {
    this.connection = connection;
    this.client = client;
    this.context = context;
    this.given = sectionOf(params.initializationOptions);
    this.projects = foldersOf(params).map((uri) => new Project(uri, context));
    this.ready = new Promise((resolve) => {
      this.becomeReady = resolve;
    });
  }

  /** After `initialized`. */
  async start(): Promise<void> {
    try {
      await this.configure(this.projects);
    } finally {
      this.becomeReady();
    }
    this.scan(this.projects);
    await this.register();
  }

  /** The innermost folder that holds a path. */
  projectOf(path: string): Project | undefined {
    return this.projects.filter((p) => p.contains(path)).sort((a, b) => b.folder.length - a.folder.length)[0];
  }

  /** True while not all files of a document's folder are known. */
  isScanning(uri: string): boolean {
    const project = this.projectOf(pathOf(uri));
    return project !== undefined && project.scanned === undefined;
  }

  async changeFolders(added: readonly string[], removed: readonly string[]): Promise<void> {
    await this.ready;
    const goes = (p: Project) => removed.includes(p.uri);
    for (const p of this.projects) if (goes(p)) p.close();
    const fresh = added.map((uri) => new Project(uri, this.context));
    await this.configure(fresh);
    this.projects = [...this.projects.filter((p) => !goes(p)), ...fresh];
    this.context.changed();
    this.scan(fresh);
  }

  async changeSettings(pushed: unknown): Promise<void> {
    this.pushed = sectionOf(pushed);
    await this.ready;
    if (await this.configure(this.projects)) this.context.changed();
  }

  /** Something on the disk may have changed. */
  diskChanged(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.projects.map((p) => p.loadDatabase()).includes(true)) this.context.changed();
      this.scan(this.projects);
    }, SETTLE_MS);
  }

  private scan(projects: readonly Project[]): void {
    for (const project of projects) void project.scan();
  }

  private async configure(projects: readonly Project[]): Promise<boolean> {
    const answers = await this.ask([undefined, ...projects.map((p) => p.uri)]);
    const [loose, ...own] = answers.map((answer) =>
      readSettings([this.given, this.pushed, answer], (text) => this.context.notices.warn(text)),
    );
    // Where there is no folder a relative path leads nowhere.
    const includePaths = loose!.includePaths.filter(isAbsolute).map(absolutePath);
    const before = JSON.stringify(this.loose);
    this.loose = { ...loose!, includePaths: includePaths.filter((p) => !isSystemFolder(p)) };
    const changes = projects.map((p, i) => {
      const differ = p.configure(own[i]!);
      return p.loadDatabase() || differ;
    });
    return changes.includes(true) || before !== JSON.stringify(this.loose);
  }

  /** What the client has set, for no folder and for some. */
  private async ask(scopes: readonly (string | undefined)[]): Promise<readonly unknown[]> {
    if (!this.client.configures) return scopes.map(() => undefined);
    try {
      return (await this.connection.workspace.getConfiguration(
        scopes.map((scopeUri) => ({ section: SECTION, ...(scopeUri === undefined ? {} : { scopeUri }) })),
      )) as unknown[];
    } catch (error) {
      this.context.notices.log(`the editor does not tell its settings: ${(error as Error).message}`);
      return scopes.map(() => undefined);
    }
  }

  private async register(): Promise<void> {
    const { client, connection } = this;
    if (client.announcesConfiguration)
      await connection.client.register(DidChangeConfigurationNotification.type, { section: SECTION });
    if (client.watches)
      await connection.client.register(DidChangeWatchedFilesNotification.type, {
        watchers: WATCHED.map((globPattern) => ({ globPattern })),
      });
  }
}

function foldersOf({ workspaceFolders, rootUri, rootPath }: InitializeParams): readonly string[] {
  if (workspaceFolders != null) return workspaceFolders.map((f) => f.uri);
  const root = rootUri ?? (rootPath == null ? undefined : uriOf(rootPath));
  return root === undefined ? [] : [root];
}
