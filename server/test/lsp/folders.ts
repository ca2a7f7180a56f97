/** Workspace folders for tests: made for one test and removed after it, or copied from a fixture. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export class Folder {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'uffd-lint-lsp-')));
  readonly uri = pathToFileURL(this.path).href;

  put(name: string, content: string | object): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), typeof content === 'string' ? content : JSON.stringify(content));
  }

  copy(fixture: string): void {
    cpSync(fixture, this.path, { recursive: true });
  }

  text(name: string): string {
    return readFileSync(join(this.path, name), 'utf8');
  }

  delete(name: string): void {
    rmSync(join(this.path, name), { recursive: true });
  }

  of(name: string): string {
    return `${this.uri}/${name}`;
  }

  /** What a client sends that opens this folder. */
  get opened(): object {
    return { rootUri: this.uri, workspaceFolders: [{ uri: this.uri, name: 'folder' }] };
  }
}

/** A condition that something asynchronous brings about. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await holds()) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`waited in vain: ${what}`);
}
