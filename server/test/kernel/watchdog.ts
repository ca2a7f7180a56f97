/**
 * Runs a program under the observer and watches it from the outside. A task is blocked when two looks, some hundred
 * milliseconds apart, find it in the same sleep: it has not been scheduled in between.
 *
 * The trap: daemon() and setsid() leave the process group. What belongs to a run is told by the name of its log in the
 * environment, which every descendant inherits; nothing else is ever looked at or killed.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type Blocked = 'fork-blocked' | 'fault-blocked';

export interface Observation {
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
  /** What the observer wrote, line by line. */
  readonly log: readonly string[];
  readonly blocked: readonly Blocked[];
  /** Processes that ran when the deadline came. */
  readonly leftRunning: number;
}

export interface Run {
  readonly program: string;
  readonly observer: string;
  readonly log: string;
  readonly setup: readonly string[];
  /** The run is over when all of these were seen. */
  readonly untilBlocked: readonly Blocked[];
  /** So many userfaultfds may stay in its table; the observer waits a while for a reader that closes more. */
  readonly left: number | undefined;
}

/** Milliseconds after which a program that still runs is looked at. */
const FIRST_LOOK = 250;
/** Milliseconds between two looks. */
const NEXT_LOOK = 300;
/** Milliseconds after which a program that should have ended is ended. */
const DEADLINE = 10_000;
/** Milliseconds that the output of an ended program may take. */
const LAST_OUTPUT = 2000;

const SLEEPS: Readonly<Record<string, Blocked>> = {
  userfaultfd_event_wait_completion: 'fork-blocked',
  handle_userfault: 'fault-blocked',
};

export async function watch(run: Run): Promise<Observation> {
  const child = spawn(run.program, [], {
    cwd: '/',
    env: environmentOf(run),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (d: Buffer) => (output += d.toString()));
  child.stderr.on('data', (d: Buffer) => (output += d.toString()));
  let ended: { status: number | null; signal: string | null } | undefined;
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const end = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      ended = { status, signal };
      resolve();
    });
  });

  const seen = new Set<Blocked>();
  const satisfied = () => run.untilBlocked.length > 0 && run.untilBlocked.every((b) => seen.has(b));
  const deadline = Date.now() + DEADLINE;
  let before = new Map<string, Blocked>();
  let running: number[] = [];
  await Promise.race([end, sleep(FIRST_LOOK)]);
  for (;;) {
    running = processesOf(run.log);
    if ((ended !== undefined && running.length === 0) || Date.now() > deadline) break;
    const now = sleepsOf(running);
    for (const [sleeper, blocked] of now) if (before.has(sleeper)) seen.add(blocked);
    before = now;
    if (satisfied()) break;
    await Promise.race([ended === undefined ? end : sleep(NEXT_LOOK), sleep(NEXT_LOOK)]);
  }
  const leftRunning = satisfied() ? 0 : running.length;
  for (const pid of running) kill(pid);
  await end;
  // The end of a program can be known before the last of what it wrote.
  await Promise.race([closed, sleep(LAST_OUTPUT)]);
  return { ...ended!, output, log: linesOf(run.log), blocked: [...seen].sort(), leftRunning };
}

function environmentOf(run: Run): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, LD_PRELOAD: run.observer, UFFD_OBSERVE: run.log };
  if (run.left !== undefined) environment.UFFD_LEFT = String(run.left);
  for (const s of run.setup) {
    const [what, value] = s.split(' ');
    if (what === 'drop-cap') environment.UFFD_DROP_CAP = '1';
    else if (what === 'nofile' && value !== undefined) environment.UFFD_NOFILE = value;
    else throw new Error(`not a setup: ${s}`);
  }
  return environment;
}

/** The processes that were started with this log in the environment, and still run. */
function processesOf(log: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && contents(`/proc/${name}/environ`).includes(`UFFD_OBSERVE=${log}\0`))
    .map(Number);
}

/** The sleeps of all tasks that wait for a reader, told apart by task and by the number of its switches. */
function sleepsOf(pids: readonly number[]): Map<string, Blocked> {
  const sleeps = new Map<string, Blocked>();
  for (const pid of pids) {
    for (const task of entries(`/proc/${pid}/task`)) {
      const blocked = SLEEPS[contents(`/proc/${pid}/task/${task}/wchan`)];
      if (blocked === undefined) continue;
      const switches = contents(`/proc/${pid}/task/${task}/status`).match(/ctxt_switches:\s*\d+/g);
      sleeps.set(`${pid}/${task} ${blocked} ${switches?.join()}`, blocked);
    }
  }
  return sleeps;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

/** The text of a file, or nothing where the process has ended or belongs to somebody else. */
function contents(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linesOf(log: string): string[] {
  return contents(log).split('\n').filter(Boolean);
}
