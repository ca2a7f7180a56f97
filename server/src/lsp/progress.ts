/** How far a scan is, in the editor's own place for it, with the editor's own way to stop it. */
import type { Connection } from 'vscode-languageserver/node';
import type { ScanProgress } from './project.ts';

/** Milliseconds between two reports. */
const REPORT_MS = 200;

/** Undefined where the client will not show it: work goes on unseen. */
export async function startProgress(connection: Connection, title: string): Promise<ScanProgress | undefined> {
  const progress = await connection.window.createWorkDoneProgress().catch(() => undefined);
  if (progress === undefined) return undefined;
  progress.begin(title, 0, 'looking for userfaultfd', true);
  let last = performance.now();
  return {
    stopped: () => progress.token.isCancellationRequested,
    report: (done, of) => {
      if (performance.now() - last < REPORT_MS) return;
      last = performance.now();
      progress.report(Math.round((100 * done) / of), `${done} of ${of} files`);
    },
    done: () => progress.done(),
  };
}
