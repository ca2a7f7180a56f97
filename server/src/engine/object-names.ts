/** Names of userfaultfds: of those that were made at one place, one after the other, and of those from outside. */

/** Of several objects that were made at one place, all but the last one. */
export function olderId(id: string): string {
  return `${id}~older`;
}

/** The one made before the last one, where it is told apart from the older ones. */
export function previousId(id: string): string {
  return `${id}~previous`;
}

/** Both were made at one place, in the same calls. */
export function areSiblings(a: string, b: string): boolean {
  return a.replace(/~\w+$/, '') === b.replace(/~\w+$/, '');
}

/**
 * A userfaultfd, or memory, from outside that goes by the place in the text where it came, and by no cell that has it: what
 * is known of it in the program, another one may be, too.
 */
export function isUnnamed(id: string): boolean {
  return id.startsWith('outside:') && !id.includes('|');
}
