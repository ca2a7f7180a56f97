/**
 * npm run conformance -- --scripts N --seed S [--from I]
 *
 * Runs scripts I … I+N-1 of seed S on the model and on the running kernel. Prints what of the model's table of outcomes
 * was reached, and every disagreement as a C program that reproduces it. Exit code 1 where there is one, 2 where it
 * cannot run. A script depends on the seed and its own number alone, so --from goes on where an earlier run ended.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign, runningKernel, type ScriptRun } from '../server/test/kernel-lab/campaign.ts';
import { Coverage } from '../server/test/kernel-lab/coverage.ts';
import { buildDriver, Laboratory } from '../server/test/kernel-lab/driver.ts';
import { obstacle } from '../server/test/kernel-lab/obstacle.ts';
import { disagreementIn, shrink } from '../server/test/kernel-lab/shrink.ts';
import { describeDisagreement, standaloneProgram } from '../server/test/kernel-lab/standalone.ts';

/** So many disagreements are made small; the others are only counted. */
const SHOWN = 3;
const PROGRESS_EVERY = 5000;

async function main(folder: string): Promise<number> {
  const { values } = parseArgs({
    options: {
      scripts: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
    },
  });
  const [count, seed, from] = [Number(values.scripts), Number(values.seed), Number(values.from)];
  if (![count, seed, from].every(Number.isSafeInteger))
    throw new Error('--scripts, --seed and --from take whole numbers');
  const found = obstacle(folder);
  if (found !== undefined) {
    console.error(`cannot run here: ${found.reason}`);
    return 2;
  }
  const laboratory = new Laboratory(buildDriver(folder));
  const kernel = runningKernel();
  const coverage = new Coverage();
  const disagreeing: ScriptRun[] = [];
  const left = new Map<string, number>();
  let done = 0;
  for await (const run of campaign(laboratory, kernel, { seed, from, count })) {
    const { steps, disagreement, left: reason } = run.comparison;
    coverage.add(run.script, steps);
    if (disagreement !== undefined) disagreeing.push(run);
    if (reason !== undefined) left.set(reason, (left.get(reason) ?? 0) + 1);
    if (++done % PROGRESS_EVERY === 0) console.error(`${done} scripts; to go on: --seed ${seed} --from ${from + done}`);
  }
  for (const run of disagreeing.slice(0, SHOWN)) {
    const smallest = await shrink(laboratory, kernel, seed, run.number);
    // A race that does not show itself again is shown as it was.
    const shown = smallest ?? disagreementIn(run)!;
    console.log(
      `script ${run.number} disagrees${smallest === undefined ? ', once' : ''}:\n${describeDisagreement(shown)}`,
    );
    const program = join(tmpdir(), `uffd-lint-disagreement-${seed}-${run.number}.c`);
    writeFileSync(program, standaloneProgram(shown));
    console.log(`as a C program: ${program}`);
  }
  await laboratory.close();
  report(coverage, left);
  console.log(`${count} scripts, ${disagreeing.length} disagreements, seed ${seed}`);
  return disagreeing.length > 0 ? 1 : 0;
}

function report(coverage: Coverage, left: ReadonlyMap<string, number>): void {
  console.log('reached:');
  for (const { outcome, times } of coverage.reached())
    console.log(`  ${String(times).padStart(7)}  ${outcome.call}: ${outcome.label}`);
  console.log('never reached:');
  for (const o of coverage.never()) console.log(`  ${o.call}: ${o.label} (${o.when})`);
  for (const key of coverage.unlisted()) console.log(`not in the table: ${key}`);
  for (const [reason, times] of left) console.log(`left the model ${times} times: ${reason}`);
  const percent = (coverage.singleShare() * 100).toFixed(2);
  console.log(`${coverage.operations()} operations, ${percent} % of them with one allowed outcome`);
}

const folder = mkdtempSync(join(tmpdir(), 'uffd-lint-conformance-'));
try {
  process.exitCode = await main(folder);
} catch (error) {
  console.error(`${(error as Error).message}\nUsage: npm run conformance -- --scripts N --seed S [--from I]`);
  process.exitCode = 2;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
