/** Child processes that are timed, and that never outlive their time limit or this process. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Finished {
  /** Milliseconds from before the start of the process to its end. */
  readonly ms: number;
  readonly stdout: string;
  /** What the process wrote to its descriptor 3. */
  readonly extra: string;
}

/** The process did not come to an orderly end; the message says how it ended. */
export class Failure extends Error {
  readonly notInstalled: boolean;
  constructor(message: string, notInstalled = false) {
    super(message);
    this.notInstalled = notInstalled;
  }
}

/**
 * Without the certificates that some machines have every Node process read at its start: that takes longer than all else
 * that a process does which does nothing.
 */
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env;

/** Milliseconds after which a process is ended, where nothing else is said. */
const DEFAULT_LIMIT_MS = 5 * 60_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) end(child);
});

/** Ends a process and what it started. */
export function end(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    // Its group has its number: it was started as the leader of one.
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It went meanwhile.
  }
}

/** Remembers a process that is to end with this one. It must be the leader of its group (`detached`). */
export function watch(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
}

/** Runs a command to its end. Throws a Failure for any status that is not listed. */
export function run(
  { command, args, cwd, env }: Command,
  {
    limitMs = DEFAULT_LIMIT_MS,
    accepted = [0],
    keep = false,
  }: { readonly limitMs?: number; readonly accepted?: readonly number[]; readonly keep?: boolean } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(command, args, {
      cwd,
      env: { ...ENVIRONMENT, ...env },
      detached: true,
      // What nobody reads goes nowhere, so that reading it costs nobody time.
      stdio: ['ignore', keep ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    watch(child);
    const texts = ['', '', '', ''];
    for (const n of [1, 2, 3]) {
      child.stdio[n]?.on('data', (chunk: Buffer) => {
        texts[n] += chunk.toString();
      });
    }
    let ms = 0;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end(child);
    }, limitMs);
    child.once('exit', () => {
      ms = performance.now() - started;
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(new Failure(error.code === 'ENOENT' ? 'not installed' : error.message, error.code === 'ENOENT'));
    });
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      if (status !== null && accepted.includes(status)) return resolve({ ms, stdout: texts[1]!, extra: texts[3]! });
      const why = late ? `ended after ${Math.round(limitMs / 1000)} s` : signal === null ? `status ${status}` : signal;
      const complaint = texts[2]!.split('\n').find((line) => line.trim() !== '');
      reject(new Failure(complaint === undefined || late ? why : `${why}: ${complaint}`));
    });
  });
}
