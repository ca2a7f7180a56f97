/** Bytes to text: what is no text is said so, with the reason a person can act on. */
export type Decoded =
  | { readonly kind: 'text'; readonly text: string; readonly note: string | undefined }
  | { readonly kind: 'binary'; readonly reason: string };

export function decode(bytes: Uint8Array): Decoded {
  if (bytes.indexOf(0) >= 0) return { kind: 'binary', reason: 'not text: the file contains NUL bytes' };
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const body = bytes.subarray(start);
  // The mark stays in the text as one unit, so that offsets fit what an editor shows.
  const mark = start === 3 ? '\ufeff' : '';
  try {
    return {
      kind: 'text',
      text: mark + new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body),
      note: undefined,
    };
  } catch {
    return {
      kind: 'text',
      text: mark + new TextDecoder('utf-8', { ignoreBOM: true }).decode(body),
      note: 'not valid UTF-8: analysed with replacement characters, columns after them may be off',
    };
  }
}
