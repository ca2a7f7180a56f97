/** Positions on the wire: UTF-16 inside, what the client negotiated outside. */

import type { Position, Range } from 'vscode-languageserver/node';
import { TextDocument, type TextDocumentContentChangeEvent } from 'vscode-languageserver-textdocument';

export type Encoding = 'utf-8' | 'utf-16';

function lineOf(document: TextDocument, line: number): string {
  return document.getText({ start: { line, character: 0 }, end: { line: line + 1, character: 0 } });
}

export function fromWire(document: TextDocument, position: Position, encoding: Encoding): Position {
  if (encoding === 'utf-16') return position;
  const text = lineOf(document, position.line);
  let bytes = 0;
  let at = 0;
  while (at < text.length && bytes < position.character) {
    const code = text.codePointAt(at)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    at += code > 0xffff ? 2 : 1;
  }
  return { line: position.line, character: at };
}

export function toWire(document: TextDocument, position: Position, encoding: Encoding): Position {
  if (encoding === 'utf-16') return position;
  return {
    line: position.line,
    character: Buffer.byteLength(lineOf(document, position.line).slice(0, position.character)),
  };
}

export function rangeToWire(document: TextDocument, start: number, end: number, encoding: Encoding): Range {
  return {
    start: toWire(document, document.positionAt(start), encoding),
    end: toWire(document, document.positionAt(end), encoding),
  };
}

/** Applies changes one by one: each is relative to the text that the ones before made. */
export function applyChanges(
  document: TextDocument,
  changes: readonly TextDocumentContentChangeEvent[],
  version: number,
  encoding: Encoding,
): TextDocument {
  let current = document;
  for (const change of changes) {
    const converted =
      'range' in change
        ? {
            text: change.text,
            range: {
              start: fromWire(current, change.range.start, encoding),
              end: fromWire(current, change.range.end, encoding),
            },
          }
        : change;
    current = TextDocument.update(current, [converted], version);
  }
  return current;
}
