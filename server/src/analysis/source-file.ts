/** A file of the universe, and the filter that decides whether it has anything to say. */
export interface SourceFile {
  /** Path as the findings name it; `/` as separator. */
  readonly path: string;
  readonly text: string;
}

/** A file that names neither the system call nor its header's constants has nothing to say about them. */
export const MENTION_WORDS = ['userfaultfd', 'uffd', 'UFFD'] as const;
const MENTIONS = new RegExp(MENTION_WORDS.join('|'));

export function mentions(text: string): boolean {
  return MENTIONS.test(text);
}

/** Names of the interface itself, and of variables that hold a descriptor; not whatever has the word in it. */
const SPEAKS =
  /^(?:_?UFFD|UFFDIO|USERFAULTFD_|uffd_msg$|uffdio_|userfaultfd$|(?:SYS|__NR)_userfaultfd$|(?:\w*_)?uffd(?:_?fd|s)?$)|^["'].*\/dev\/userfaultfd/;

/** True for an identifier or a literal that speaks of userfaultfd as a program does that uses it. */
export function speaks(word: string): boolean {
  return SPEAKS.test(word);
}

/** The kernel's own side of it: whoever includes this header is no user. */
export const KERNEL_INTERNAL = '<linux/userfaultfd_k.h>';

export function isHeader(path: string): boolean {
  return path.endsWith('.h');
}
