/** What the figures were measured on, without anything that names the machine. */
import { cpus, release, totalmem, type } from 'node:os';

export interface Machine {
  readonly cores: number;
  readonly memoryGiB: number;
  /** System and version, `Linux 6.1`. */
  readonly kernel: string;
  readonly node: string;
}

export function thisMachine(): Machine {
  return {
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${/^\d+\.\d+/.exec(release())?.[0] ?? ''}`,
    node: process.versions.node,
  };
}

export function describeMachine(m: Machine): string {
  return `${m.cores} cores, ${m.memoryGiB} GiB of memory, ${m.kernel}, Node ${m.node}`;
}
