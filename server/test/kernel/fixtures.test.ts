/** Every rule fixture is compiled and run on the real kernel: its head says what must be seen. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const HERE = 'server/test/kernel';
const RULES = 'test-fixtures/rules';
/** Milliseconds after which a program that still runs is looked at, and looked at again. */
const LOOK_AFTER = 700;
const LOOK_AGAIN = 300;
/** Milliseconds after which the watchdog ends a program that should have ended. */
const DEADLINE = 6000;

interface Head {
  readonly observe: readonly string[];
  readonly setup: readonly string[];
}

function headOf(text: string): Head {
  const lines = (kind: string) => [...text.matchAll(new RegExp(`^// ${kind}: (.*)$`, 'gm'))].map((m) => m[1]!.trim());
  return { observe: lines('observe'), setup: lines('setup') };
}

interface Observation {
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly log: string;
  /** What tasks waited for at both looks, or undefined when the program had ended. */
  readonly waits: readonly string[] | undefined;
}

/** What the tasks of a process group wait for in the kernel. */
function waitsOf(group: number): string[] {
  const waits: string[] = [];
  for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) !== group) continue;
      for (const task of readdirSync(`/proc/${pid}/task`))
        waits.push(readFileSync(`/proc/${pid}/task/${task}/wchan`, 'utf8'));
    } catch {
      // It ended while we looked.
    }
  }
  return waits;
}

function run(program: string, observer: string, log: string, head: Head): Promise<Observation> {
  return new Promise((resolve) => {
    const environment: NodeJS.ProcessEnv = { ...process.env, LD_PRELOAD: observer, UFFD_OBSERVE: log };
    for (const s of head.setup) {
      if (s === 'drop-cap') environment.UFFD_DROP_CAP = '1';
      else if (s.startsWith('nofile ')) environment.UFFD_NOFILE = s.slice('nofile '.length);
    }
    const child = spawn(program, [], { env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (d: Buffer) => (output += d.toString()));
    child.stderr.on('data', (d: Buffer) => (output += d.toString()));
    let waits: string[] | undefined;
    let ended = false;
    const group = child.pid!;
    const kill = () => {
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // The group has ended.
      }
    };
    const timers = [
      setTimeout(() => {
        const first = waitsOf(group);
        timers.push(
          setTimeout(() => {
            if (ended) return;
            const second = waitsOf(group);
            waits = second.filter((w) => first.includes(w));
            if (head.observe.some((o) => o.endsWith('-blocked'))) kill();
          }, LOOK_AGAIN),
        );
      }, LOOK_AFTER),
      setTimeout(kill, DEADLINE),
    ];
    child.on('exit', (status, signal) => {
      ended = true;
      for (const t of timers) clearTimeout(t);
      // Whatever the program left behind goes with it.
      kill();
      setTimeout(() => {
        let text = '';
        try {
          text = readFileSync(log, 'utf8');
        } catch {
          // Nothing was observed.
        }
        resolve({ status, signal, output, log: text, waits });
      }, 20);
    });
  });
}

const WCHAN: Record<string, string> = {
  'fork-blocked': 'userfaultfd_event_wait_completion',
  'fault-blocked': 'handle_userfault',
};

function verify(name: string, head: Head, seen: Observation): void {
  const blocked = head.observe.find((o) => o in WCHAN);
  const facts = JSON.stringify(seen);
  if (blocked !== undefined) {
    assert.ok(
      seen.waits?.some((w) => w.includes(WCHAN[blocked]!)),
      `no task waits in ${WCHAN[blocked]}: ${facts}`,
    );
  } else {
    const exit = head.observe.find((o) => o.startsWith('exit '));
    assert.equal(seen.signal, null, `ended by a signal: ${facts}`);
    if (exit !== undefined || name.startsWith('good-'))
      assert.equal(seen.status, exit === undefined ? 0 : Number(exit.slice(5)), facts);
  }
  for (const o of head.observe) {
    if (o.startsWith('uffd-left ') || o.startsWith('errno '))
      assert.ok(seen.log.split('\n').includes(o), `not seen: ${o}: ${facts}`);
    else if (o.startsWith('output '))
      assert.ok(seen.output.includes(o.slice('output '.length)), `not seen: ${o}: ${facts}`);
    else assert.match(o, /^(exit \d+|fork-blocked|fault-blocked)$/, `not an observation: ${o}`);
  }
}

describe('fixtures on the real kernel', function () {
  this.timeout(20_000);
  let folder = '';
  let observer = '';
  let reason: string | undefined;

  before(function () {
    folder = mkdtempSync(join(tmpdir(), 'uffd-lint-'));
    const compiler = spawnSync('gcc', ['--version']);
    if (compiler.error !== undefined) reason = 'gcc is not installed';
    else {
      const probe = join(folder, 'probe');
      const compiled = spawnSync('gcc', ['-o', probe, join(HERE, 'probe.c')], { encoding: 'utf8' });
      if (compiled.status !== 0) reason = `the probe does not compile: ${compiled.stderr}`;
      else {
        const probed = spawnSync(probe, [], { encoding: 'utf8', timeout: 5000 });
        if (probed.status !== 0) reason = `no userfaultfd here: ${probed.stdout.trim()}`;
      }
    }
    if (reason !== undefined) {
      process.stdout.write(`    skipped: ${reason}\n`);
      this.skip();
    }
    observer = join(folder, 'observer.so');
    const built = spawnSync('gcc', ['-shared', '-fPIC', '-O1', '-o', observer, join(HERE, 'observer.c'), '-ldl'], {
      encoding: 'utf8',
    });
    assert.equal(built.status, 0, built.stderr);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const rule of readdirSync(RULES).sort()) {
    for (const name of readdirSync(join(RULES, rule)).sort()) {
      if (!name.endsWith('.c')) continue;
      it(`${rule}/${name}`, async () => {
        const source = join(RULES, rule, name);
        const head = headOf(readFileSync(source, 'utf8'));
        const program = join(folder, `${rule}-${name}.run`);
        const compiled = spawnSync('gcc', ['-O1', '-Wall', '-pthread', '-o', program, source], { encoding: 'utf8' });
        assert.equal(compiled.status, 0, compiled.stderr);
        verify(name, head, await run(program, observer, `${program}.log`, head));
      });
    }
  }
});
