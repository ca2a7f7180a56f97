/** Mode bits of the requests: include/uapi/linux/userfaultfd.h. */
import type { Evidence } from './versions.ts';

export interface Mode {
  readonly request: string;
  readonly name: string;
  readonly bit: bigint;
  readonly since: string;
  readonly evidence: Evidence;
  readonly says: string;
}

const mode = (request: string, name: string, bit: bigint, since: string, says: string): Mode => ({
  request,
  name,
  bit,
  since,
  evidence: 'seen running',
  says,
});

export const MODES: readonly Mode[] = [
  mode('UFFDIO_REGISTER', 'UFFDIO_REGISTER_MODE_MISSING', 1n, '4.3', 'faults on pages that do not exist'),
  mode('UFFDIO_REGISTER', 'UFFDIO_REGISTER_MODE_WP', 2n, '5.7', 'faults on writes to protected pages'),
  mode('UFFDIO_REGISTER', 'UFFDIO_REGISTER_MODE_MINOR', 4n, '5.13', 'faults on pages that are cached and not mapped'),
  mode('UFFDIO_COPY', 'UFFDIO_COPY_MODE_DONTWAKE', 1n, '4.3', 'leaves waiting faults asleep'),
  mode('UFFDIO_COPY', 'UFFDIO_COPY_MODE_WP', 2n, '5.7', 'the page comes protected; the range must have mode WP'),
  mode('UFFDIO_ZEROPAGE', 'UFFDIO_ZEROPAGE_MODE_DONTWAKE', 1n, '4.3', 'leaves waiting faults asleep'),
  mode('UFFDIO_WRITEPROTECT', 'UFFDIO_WRITEPROTECT_MODE_WP', 1n, '5.7', 'protects; without it protection ends'),
  mode('UFFDIO_WRITEPROTECT', 'UFFDIO_WRITEPROTECT_MODE_DONTWAKE', 2n, '5.7', 'only when protection ends'),
  mode('UFFDIO_CONTINUE', 'UFFDIO_CONTINUE_MODE_DONTWAKE', 1n, '5.13', 'leaves waiting faults asleep'),
  mode('UFFDIO_CONTINUE', 'UFFDIO_CONTINUE_MODE_WP', 2n, '6.4', 'the page comes protected'),
  mode('UFFDIO_POISON', 'UFFDIO_POISON_MODE_DONTWAKE', 1n, '6.6', 'leaves waiting faults asleep'),
  mode('UFFDIO_MOVE', 'UFFDIO_MOVE_MODE_DONTWAKE', 1n, '6.8', 'leaves waiting faults asleep'),
  mode('UFFDIO_MOVE', 'UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES', 2n, '6.8', 'passes over pages that the source lacks'),
  mode('userfaultfd', 'UFFD_USER_MODE_ONLY', 1n, '5.11', 'faults of the kernel on behalf of the program fail'),
];

export const REGISTER_MISSING = 1;
export const REGISTER_WP = 2;
export const REGISTER_MINOR = 4;
export const COPY_DONTWAKE = 1;
export const COPY_WP = 2;
export const FILL_DONTWAKE = 1;
export const WRITEPROTECT_WP = 1;
export const WRITEPROTECT_DONTWAKE = 2;
export const MOVE_DONTWAKE = 1;
export const MOVE_ALLOW_HOLES = 2;
export const USER_MODE_ONLY = 1;
