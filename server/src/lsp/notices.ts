/** What a person is told beside diagnostics: each thing once. */
import { type Connection, MessageType, ShowMessageNotification } from 'vscode-languageserver/node';

export interface Notices {
  /** Into the log. */
  log(text: string): void;
  /** Where it is seen: something that was asked for could not be done. */
  warn(text: string): void;
}

export function createNotices(connection: Connection): Notices {
  const said = new Set<string>();
  const once = (text: string, say: (text: string) => void) => {
    if (said.has(text)) return;
    said.add(text);
    say(`uffd-lint: ${text}`);
  };
  return {
    log: (text) => once(text, (t) => connection.console.info(t)),
    // Not the request of the same purpose: there is no button to press, and no answer to wait for.
    warn: (text) =>
      once(text, (message) => {
        // Fails only when the client is gone.
        connection
          .sendNotification(ShowMessageNotification.type, { type: MessageType.Warning, message })
          .catch(() => {});
      }),
  };
}
