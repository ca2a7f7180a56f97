/** Which clone flags copy the address space: dup_mm() in kernel/fork.c runs unless CLONE_VM is set. */
export const CLONE_VM = 0x100n;

/** True when clone(2) with these flags duplicates the caller's address space, and so can send FORK events. */
export function copiesAddressSpace(flags: bigint): boolean {
  return (flags & CLONE_VM) === 0n;
}
