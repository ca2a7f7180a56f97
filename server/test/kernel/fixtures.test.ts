/**
 * Every fixture of a rule or a construct is compiled and run on the real kernel, and must show what its head says
 * (test-fixtures/README.md).
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { type Blocked, type Observation, watch } from './watchdog.ts';

const HERE = 'server/test/kernel';
const RULES = 'test-fixtures/rules';
const CONSTRUCTS = 'test-fixtures/programs/constructs';
/** So many programs run at a time: they wait more than they work. */
const AT_A_TIME = 4;
/** So many fixtures beyond the one that mocha waits for are taken up. */
const AHEAD = 12;
/** The probe's status when the kernel lacks what the fixtures need. */
const PROVED_LACKING = 77;
// Distributions that fortify by default would turn read() into a call that the observer does not see.
const FLAGS = ['-O1', '-Wall', '-pthread', '-U_FORTIFY_SOURCE'];

interface Fixture {
  readonly title: string;
  readonly source: string;
  readonly good: boolean;
  readonly observe: readonly string[];
  readonly setup: readonly string[];
}

function fixtures(): Fixture[] {
  const folders = readdirSync(RULES)
    .sort()
    .map((rule) => join(RULES, rule));
  return [...folders, CONSTRUCTS].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.c'))
      .sort()
      .map((name) => {
        const source = join(folder, name);
        const text = readFileSync(source, 'utf8');
        const lines = (kind: string) =>
          [...text.matchAll(new RegExp(`^// ${kind}: (.*)$`, 'gm'))].map((m) => m[1]!.trim());
        return {
          title: `${basename(folder)}/${name}`,
          source,
          good: /^good-|-good\.c$/.test(name),
          observe: lines('observe'),
          setup: lines('setup'),
        };
      }),
  );
}

function isBlocked(observe: string): observe is Blocked {
  return observe === 'fork-blocked' || observe === 'fault-blocked';
}

/** Why the suite cannot run here, and whether that is proved. */
function obstacle(folder: string): { reason: string; proved: boolean } | undefined {
  const program = join(folder, 'probe');
  const compiled = spawnSync('gcc', [...FLAGS, '-o', program, join(HERE, 'probe.c')], { encoding: 'utf8' });
  if (compiled.error !== undefined) return { reason: `gcc does not start: ${compiled.error.message}`, proved: false };
  if (compiled.status !== 0) return { reason: `the probe does not compile: ${compiled.stderr}`, proved: false };
  const probed = spawnSync(program, [], { encoding: 'utf8', timeout: 5000 });
  if (probed.status === 0) return undefined;
  if (probed.status === PROVED_LACKING) return { reason: probed.stdout.trim(), proved: true };
  return { reason: `the probe ended with ${probed.status ?? probed.signal}`, proved: false };
}

/** At most so many tasks at a time; the others wait in order. */
function limited(atATime: number): <T>(task: () => Promise<T>) => Promise<T> {
  let free = atATime;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

function verify(fixture: Fixture, seen: Observation): void {
  const facts = JSON.stringify(seen, undefined, 2);
  const exit = fixture.observe.find((o) => o.startsWith('exit '));
  if (!fixture.observe.some(isBlocked)) {
    assert.equal(seen.signal, null, `did not end by itself: ${facts}`);
    if (exit !== undefined || fixture.good)
      assert.equal(seen.status, exit === undefined ? 0 : Number(exit.slice('exit '.length)), facts);
    if (fixture.good) {
      assert.deepEqual(seen.blocked, [], `a task stayed blocked: ${facts}`);
      assert.equal(seen.leftRunning, 0, `a process was left behind: ${facts}`);
    }
  }
  for (const o of fixture.observe) {
    if (isBlocked(o)) assert.ok(seen.blocked.includes(o), `no task stayed ${o}: ${facts}`);
    else if (/^(uffd-left \d+|errno E\w+ \w+)$/.test(o)) assert.ok(seen.log.includes(o), `not seen: ${o}: ${facts}`);
    else if (o.startsWith('output '))
      assert.ok(seen.output.includes(o.slice('output '.length)), `not seen: ${o}: ${facts}`);
    else assert.match(o, /^(?:exit \d+|nothing, .+)$/, `not an observation: ${o}`);
  }
}

describe('fixtures of rules', () => {
  it('say what the kernel shows of a defect, and come in pairs', () => {
    const all = fixtures();
    const silent = all.filter((f) => !f.good && f.observe.length === 0).map((f) => f.title);
    assert.deepEqual(silent, []);
    const alone = readdirSync(RULES).filter((rule) => !all.some((f) => f.good && f.title.startsWith(`${rule}/`)));
    assert.deepEqual(alone, []);
  });
});

describe('fixtures on the real kernel', function () {
  this.timeout(60_000);
  const all = fixtures();
  const started = new Map<Fixture, Promise<Observation>>();
  const turn = limited(AT_A_TIME);
  let folder = '';
  let observer = '';

  before(function () {
    folder = mkdtempSync(join(tmpdir(), 'uffd-lint-kernel-'));
    const found = obstacle(folder);
    if (found !== undefined) {
      if (process.env.CI === 'true') assert.ok(found.proved, `nothing proves that it cannot run: ${found.reason}`);
      process.stdout.write(`    skipped: ${found.reason}\n`);
      this.skip();
    }
    observer = join(folder, 'observer.so');
    const flags = ['-O1', '-Wall', '-shared', '-fPIC', '-U_FORTIFY_SOURCE'];
    const built = spawnSync('gcc', [...flags, '-o', observer, join(HERE, 'observer.c')], { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
  });

  after(async () => {
    await Promise.allSettled(started.values());
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(fixture: Fixture): Promise<Observation> {
    const program = join(folder, fixture.title.replace('/', '-').replace(/\.c$/, ''));
    await promisify(execFile)('gcc', [...FLAGS, '-o', program, fixture.source]);
    const untilBlocked = fixture.observe.filter(isBlocked);
    const left = fixture.observe.map((o) => /^uffd-left (\d+)$/.exec(o)?.[1]).find((n) => n !== undefined);
    return watch({
      program,
      observer,
      log: `${program}.log`,
      setup: fixture.setup,
      untilBlocked,
      left: left === undefined ? undefined : Number(left),
    });
  }

  function start(fixture: Fixture): Promise<Observation> {
    let running = started.get(fixture);
    if (running === undefined) {
      running = turn(() => run(fixture));
      // Whoever waits for it hears of the failure; a fixture that was only taken up ahead must not end the process.
      running.catch(() => undefined);
      started.set(fixture, running);
    }
    return running;
  }

  all.forEach((fixture, i) => {
    it(fixture.title, async () => {
      const running = start(fixture);
      for (const next of all.slice(i + 1, i + 1 + AHEAD)) start(next);
      verify(fixture, await running);
    });
  });
});
