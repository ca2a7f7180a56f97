/** Bundle entry: wires the command to the process. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { main } from './main.ts';
import { sinkOf } from './streams.ts';

declare const __filename: string;
const bundle = __filename;

/** The report could not be written: the status says so whatever was found. */
let broken = false;

function note(error: NodeJS.ErrnoException, isReport: boolean): void {
  // A reader that went away (`| head`) is no failure of ours: the status stays that of the findings.
  if (error.code === 'EPIPE' || broken) return;
  broken = true;
  process.exitCode = 2;
  if (isReport) stderr(`uffd-lint: the report could not be written: ${error.message}\n`);
}

function streamOf(name: 'stdout' | 'stderr'): NodeJS.WriteStream {
  return process[name].on('error', (error: NodeJS.ErrnoException) => note(error, name === 'stdout'));
}

const sinks = { stdout: sinkOf(1, () => streamOf('stdout')), stderr: sinkOf(2, () => streamOf('stderr')) };

function stdout(text: string): void {
  try {
    sinks.stdout.write(text);
  } catch (error) {
    note(error as NodeJS.ErrnoException, true);
  }
}

function stderr(text: string): void {
  try {
    sinks.stderr.write(text);
  } catch (error) {
    note(error as NodeJS.ErrnoException, false);
  }
}

async function stdin(maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks);
}

function wantsColor(): boolean {
  if (process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== '') return false;
  if (process.env.FORCE_COLOR !== undefined && process.env.FORCE_COLOR !== '0') return true;
  return sinks.stdout.isTerminal;
}

void main(
  process.argv.slice(2),
  {
    root: dirname(dirname(bundle)),
    bundle,
    startServer: () => {
      const server = createRequire(bundle)(join(dirname(bundle), 'server.cjs')) as { startServer(): void };
      server.startServer();
    },
  },
  {
    stdout,
    stderr,
    stdin,
    color: wantsColor(),
  },
).then(async (status) => {
  // The server goes on.
  if (status < 0) return;
  if (!broken) process.exitCode = status;
  await Promise.all([sinks.stdout.flushed(), sinks.stderr.flushed()]);
  // Left to itself the process would first wait for code that is being optimized, and give back its heap piece by piece.
  process.exit();
});
