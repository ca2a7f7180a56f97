/** Random scripts on the model and on the running kernel; and that a wrong model is found out. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kernel } from '../../src/uffd/kernel/kernel.ts';
import { campaign, runningKernel, scriptOf } from './campaign.ts';
import { Coverage } from './coverage.ts';
import { buildDriver, Laboratory } from './driver.ts';
import { obstacle } from './obstacle.ts';
import { encodeScript } from './protocol.ts';
import { shrink } from './shrink.ts';
import { describeDisagreement, standaloneProgram } from './standalone.ts';

const SCRIPTS = 800;
const SEED = 20_150_905;
/** Part of the operations for which the model must know the one thing that happens. */
const SINGLE = 0.98;

/** Every process of every script runs the driver's file. */
function processesOf(program: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/exe`) === program;
    } catch {
      return false;
    }
  });
}

describe('the model of the kernel against the kernel that runs', function () {
  this.timeout(120_000);
  let folder = '';
  let laboratory: Laboratory | undefined;

  before(function () {
    folder = mkdtempSync(join(tmpdir(), 'uffd-lint-lab-'));
    const found = obstacle(folder);
    if (found !== undefined) {
      if (process.env.CI === 'true') assert.ok(found.proved, `nothing proves that it cannot run: ${found.reason}`);
      process.stdout.write(`    skipped: ${found.reason}\n`);
      this.skip();
    }
    laboratory = new Laboratory(buildDriver(folder));
  });

  after(async () => {
    await laboratory?.close();
    assert.deepEqual(processesOf(join(folder, 'driver')), [], 'processes were left behind');
    rmSync(folder, { recursive: true, force: true });
  });

  it(`agrees on ${SCRIPTS} scripts`, async () => {
    const kernel = runningKernel();
    const coverage = new Coverage();
    const disagreeing: number[] = [];
    for await (const run of campaign(laboratory!, kernel, { seed: SEED, from: 0, count: SCRIPTS })) {
      coverage.add(run.script, run.comparison.steps);
      if (run.comparison.disagreement !== undefined) disagreeing.push(run.number);
    }
    const first = disagreeing[0];
    if (first !== undefined) {
      const smallest = await shrink(laboratory!, kernel, SEED, first);
      const shown = smallest === undefined ? 'it did not show itself again' : describeDisagreement(smallest);
      assert.fail(`${disagreeing.length} scripts disagree. Script ${first} of seed ${SEED}, made small:\n${shown}`);
    }
    assert.deepEqual(coverage.unlisted(), [], 'outcomes that the table does not have');
    assert.ok(coverage.singleShare() >= SINGLE, `only ${coverage.singleShare()} of the operations are determined`);
  });

  it('leaves no process behind when the driver is killed in the middle', async function () {
    if (spawnSync('unshare', ['--pid', '--mount', '--fork', 'true']).status !== 0) {
      process.stdout.write('      skipped: no PID namespaces here; only the watchdog of the driver ends its scripts\n');
      this.skip();
    }
    const program = join(folder, 'driver');
    const before = new Set(processesOf(program));
    const driver = spawn(program, [], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    const ended = new Promise((resolve) => driver.on('close', resolve));
    const script = encodeScript(1, scriptOf(runningKernel(), SEED, 1));
    driver.stdin.on('error', () => undefined);
    driver.stdin.write(`${script}\n`.repeat(2000));
    await sleep(300);
    assert.ok(processesOf(program).length > before.size + 1, 'it was at work');
    driver.kill('SIGKILL');
    await ended;
    for (let i = 0; i < 50 && processesOf(program).some((pid) => !before.has(pid)); i++) await sleep(20);
    assert.deepEqual(
      processesOf(program).filter((pid) => !before.has(pid)),
      [],
    );
  });

  it('finds out a wrong model, and gives a C program that shows it', async () => {
    // The model of an older kernel leaves the out member alone while an event is on its way.
    const wrong = new Kernel({ version: '6.14' });
    let number: number | undefined;
    for await (const run of campaign(laboratory!, wrong, { seed: 1, from: 0, count: 2000 })) {
      if (run.comparison.disagreement === undefined) continue;
      number = run.number;
      break;
    }
    assert.ok(number !== undefined, 'the old model agrees with everything');
    const smallest = await shrink(laboratory!, wrong, 1, number);
    assert.ok(smallest !== undefined);
    assert.ok(smallest.script.length <= 8, describeDisagreement(smallest));
    const source = join(folder, 'reproduce.c');
    const program = join(folder, 'reproduce');
    writeFileSync(source, standaloneProgram(smallest));
    const built = spawnSync('gcc', ['-O1', '-Wall', '-fno-stack-protector', '-o', program, source], {
      encoding: 'utf8',
    });
    assert.equal(built.status, 0, built.stderr);
    const ran = spawnSync(program, [], { encoding: 'utf8', timeout: 20_000 });
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(ran.stdout.match(/kernel:/g)?.length, smallest.script.length, ran.stdout);
    assert.match(ran.stdout, new RegExp(`kernel: .*${smallest.kernel.split(' ').at(-1)}`));
  });
});
