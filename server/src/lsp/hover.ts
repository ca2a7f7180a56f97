/** What a hover says of a constant of <linux/userfaultfd.h>: the tables of uffd/, in Markdown. */
import { type Hover, MarkupKind, type Position } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { API_TABLE, type ApiConstant } from '../uffd/api-table.ts';
import { EVENTS, type UffdEvent } from '../uffd/events.ts';
import { type Encoding, fromWire, toWire } from './encoding.ts';

const CONSTANTS: ReadonlyMap<string, ApiConstant> = new Map(API_TABLE.map((c) => [c.name, c]));
const EVENTS_BY_NAME: ReadonlyMap<string, UffdEvent> = new Map(EVENTS.map((e) => [e.name, e]));

/** What stands under the cursor, if the tables know it. */
export function hoverAt(document: TextDocument, position: Position, encoding: Encoding): Hover | null {
  const at = fromWire(document, position, encoding);
  const line = { start: { line: at.line, character: 0 }, end: { line: at.line + 1, character: 0 } };
  const found = wordAt(document.getText(line), at.character);
  const value = found === undefined ? undefined : hoverText(found.word);
  if (found === undefined || value === undefined) return null;
  const place = (character: number) => toWire(document, { line: at.line, character }, encoding);
  const range = { start: place(found.start), end: place(found.start + found.word.length) };
  return { contents: { kind: MarkupKind.Markdown, value }, range };
}

/** The identifier around an offset (UTF-16 units) of a line; undefined between words. */
function wordAt(line: string, offset: number): { readonly word: string; readonly start: number } | undefined {
  for (const match of line.matchAll(/[A-Za-z_]\w*/g)) {
    if (match.index <= offset && offset <= match.index + match[0].length) return { word: match[0], start: match.index };
  }
  return undefined;
}

/** Markdown about the constant of that name; undefined for any other word. */
function hoverText(name: string): string | undefined {
  const constant = CONSTANTS.get(name);
  if (constant !== undefined) return aboutConstant(constant);
  const event = EVENTS_BY_NAME.get(name);
  return event === undefined ? undefined : aboutEvent(event);
}

function aboutConstant(c: ApiConstant): string {
  const lines = [`**${c.name}** = 0x${c.value.toString(16)}`, '', `${c.kind}, since Linux ${c.since}: ${c.says}`];
  if (c.inert) lines.push('', 'Requesting it only tests for support: it changes nothing.');
  if (c.privilege !== undefined) lines.push('', `Asks for ${c.privilege}.`);
  return lines.join('\n');
}

function aboutEvent(e: UffdEvent): string {
  const comes = e.featureName === undefined ? 'comes without any feature' : `comes when ${e.featureName} was requested`;
  const lines = [`**${e.name}** = 0x${e.value.toString(16)}`, '', `event, ${comes}; \`msg.arg.${e.member}\``];
  lines.push('', `Waits until it is dealt with: ${e.waits}`);
  return lines.join('\n');
}
