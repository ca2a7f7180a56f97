import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sinkOf } from '../../src/cli/streams.ts';

/** More than a pipe holds. */
const LONG = 'a line of a report\n'.repeat(50_000);

const noStream = (): NodeJS.WriteStream => assert.fail('asked for a stream');

describe('where the command writes to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uffd-lint-streams-'));
  after(() => rmSync(folder, { recursive: true }));

  it('a file gets all of it', () => {
    const path = join(folder, 'report');
    const descriptor = openSync(path, 'w');
    const sink = sinkOf(descriptor, noStream);
    sink.write(LONG);
    sink.write('\u00e9\n');
    closeSync(descriptor);
    assert.equal(readFileSync(path, 'utf8'), `${LONG}\u00e9\n`);
    assert.equal(sink.isTerminal, false);
  });

  it('a pipe that does not wait gets all of it, however slowly it is read', async function () {
    const fifo = join(folder, 'fifo');
    try {
      execFileSync('mkfifo', [fifo]);
    } catch (error) {
      process.stderr.write(`skipped: there is no mkfifo: ${(error as Error).message}\n`);
      this.skip();
    }
    const descriptor = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const copy = join(folder, 'copy');
    const reader = spawn('sh', ['-c', `sleep 0.2; head -c ${LONG.length} <"$1" >"$2"`, 'sh', fifo, copy]);
    const ended = once(reader, 'exit');
    sinkOf(descriptor, noStream).write(LONG);
    await ended;
    closeSync(descriptor);
    assert.ok(readFileSync(copy, 'utf8') === LONG);
  }).timeout(20_000);

  it('what forgets everything is no terminal', function () {
    if (!existsSync('/dev/null')) this.skip();
    const descriptor = openSync('/dev/null', 'w');
    sinkOf(descriptor, noStream).write('x');
    closeSync(descriptor);
  });

  it('where the report cannot be written the status and a message say so', function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, ['bin/uffd-lint.cjs', 'test-fixtures/programs/demo'], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
      timeout: 60_000,
    });
    closeSync(full);
    assert.equal(status, 2);
    assert.match(stderr, /^uffd-lint: the report could not be written: ENOSPC/m);
  }).timeout(60_000);

  it('a reader that goes away changes nothing', async () => {
    const command = spawn(process.execPath, ['bin/uffd-lint.cjs', 'test-fixtures/programs/demo'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    command.stdout.destroy();
    command.stderr.resume();
    assert.deepEqual(await once(command, 'exit'), [1, null]);
  }).timeout(60_000);
});
