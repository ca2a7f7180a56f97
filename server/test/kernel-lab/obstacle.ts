/** Why the laboratory cannot run here, and whether that is proved. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const PROBE = join(import.meta.dirname, '..', 'kernel', 'probe.c');
/** The probe's status when the kernel lacks what scripts need. */
const PROVED_LACKING = 77;

export interface Obstacle {
  readonly reason: string;
  readonly proved: boolean;
}

export function obstacle(folder: string): Obstacle | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return {
      reason: `the driver is for Linux on x86-64, this is ${process.platform} on ${process.arch}`,
      proved: true,
    };
  const program = join(folder, 'probe');
  const compiled = spawnSync('gcc', ['-O1', '-o', program, PROBE], { encoding: 'utf8' });
  if (compiled.error !== undefined) return { reason: `gcc does not start: ${compiled.error.message}`, proved: false };
  if (compiled.status !== 0) return { reason: `the probe does not compile: ${compiled.stderr}`, proved: false };
  const probed = spawnSync(program, [], { encoding: 'utf8', timeout: 5000 });
  if (probed.status === 0) return undefined;
  if (probed.status === PROVED_LACKING) return { reason: probed.stdout.trim(), proved: true };
  return { reason: `the probe ended with ${probed.status ?? probed.signal}`, proved: false };
}
