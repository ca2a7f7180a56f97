/** Which clone flags decide what userfaultfd does at process creation: copy_mm() and copy_files() in kernel/fork.c. */

/** The child runs in the caller's address space: dup_mm() is not called, no FORK event is sent. */
export const CLONE_VM = 0x100n;
/** One descriptor table for both: the unborn child holds no references of its own (copy_files()). */
export const CLONE_FILES = 0x400n;

/**
 * True when clone(2) with these flags duplicates the caller's address space, and so can send FORK events.
 * CLONE_VFORK and the CLONE_NEW… flags do not change that: only CLONE_VM keeps copy_mm() from calling dup_mm().
 */
export function copiesAddressSpace(flags: bigint): boolean {
  return (flags & CLONE_VM) === 0n;
}
