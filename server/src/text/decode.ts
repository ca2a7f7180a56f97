/** Bytes to text: what is no text is said so, with the reason a person can act on. */
export type Decoded =
  | { readonly kind: 'text'; readonly text: string; readonly note: string | undefined }
  | { readonly kind: 'binary'; readonly reason: string };

export function decode(bytes: Uint8Array): Decoded {
  if (isUtf16(bytes)) return { kind: 'binary', reason: 'UTF-16 is not read: convert the file to UTF-8' };
  if (bytes.indexOf(0) >= 0) return { kind: 'binary', reason: 'not text: the file contains NUL bytes' };
  // A byte order mark is no part of the text: editors do not show it, and their columns must be ours.
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const note =
      text.includes('\r') && !text.includes('\n')
        ? 'lines end with a carriage return alone: to a C compiler, and here, the whole file is one line'
        : undefined;
    return { kind: 'text', text, note };
  } catch {
    return {
      kind: 'text',
      text: new TextDecoder('utf-8').decode(bytes),
      note: 'not valid UTF-8: analysed with replacement characters, columns after them may be off',
    };
  }
}

export function isUtf16(bytes: Uint8Array): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}
