/** Builds the driver and runs scripts on it: several driver processes, each a line in and a line out. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Operation } from '../../src/uffd/kernel/calls.ts';
import { decodeReport, encodeScript } from './protocol.ts';

export const DRIVER_SOURCE = join(import.meta.dirname, 'driver.c');
const FLAGS = ['-O1', '-Wall', '-Wextra', '-Werror', '-fno-stack-protector', '-U_FORTIFY_SOURCE'];
/** Milliseconds after which a driver that gives no line is ended; its own watchdog is faster. */
const PATIENCE = 20_000;

export function buildDriver(folder: string): string {
  const program = join(folder, 'driver');
  const built = spawnSync('gcc', [...FLAGS, '-o', program, DRIVER_SOURCE], { encoding: 'utf8' });
  if (built.error !== undefined) throw built.error;
  if (built.status !== 0) throw new Error(built.stderr);
  return program;
}

/** What the kernel did, step by step. The last one says `timeout` where the watchdog ended the script. */
export type Report = readonly string[];

export class Laboratory {
  private readonly drivers: Driver[];
  private next = 0;

  constructor(program: string, width = 2) {
    this.drivers = Array.from({ length: width }, () => new Driver(program));
  }

  run(script: readonly Operation[]): Promise<Report> {
    return this.drivers[this.next++ % this.drivers.length]!.run(script);
  }

  async close(): Promise<void> {
    await Promise.all(this.drivers.map((d) => d.close()));
  }
}

/** One driver process. It is started again when it has died, which only a defect of the driver explains. */
class Driver {
  private readonly program: string;
  private child: ChildProcessWithoutNullStreams | undefined;
  private readonly waiting = new Map<number, { resolve: (r: Report) => void; reject: (e: Error) => void }>();
  private last = 0;
  private watchdog: NodeJS.Timeout | undefined;

  constructor(program: string) {
    this.program = program;
  }

  run(script: readonly Operation[]): Promise<Report> {
    const id = ++this.last;
    const child = this.started();
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      child.stdin.write(`${encodeScript(id, script)}\n`);
      this.watch();
    });
  }

  async close(): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
    child.stdin.end();
    await ended;
  }

  private started(): ChildProcessWithoutNullStreams {
    if (this.child !== undefined) return this.child;
    // A group of its own, so that a signal from the terminal does not reach the scripts half way.
    const child = spawn(this.program, [], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.child = child;
    let complaints = '';
    child.stderr.on('data', (d: Buffer) => (complaints += d.toString()));
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => this.hear(line));
    child.on('close', (status, signal) => {
      this.child = undefined;
      clearTimeout(this.watchdog);
      const lost = [...this.waiting.values()];
      this.waiting.clear();
      for (const { reject } of lost) reject(new Error(`the driver ended with ${status ?? signal}: ${complaints}`));
    });
    return child;
  }

  private hear(line: string): void {
    const { id, steps } = decodeReport(line);
    const waiter = this.waiting.get(id);
    this.waiting.delete(id);
    this.watch();
    waiter?.resolve(steps);
  }

  private watch(): void {
    clearTimeout(this.watchdog);
    if (this.waiting.size === 0) return;
    this.watchdog = setTimeout(() => this.child?.kill('SIGKILL'), PATIENCE);
  }
}
