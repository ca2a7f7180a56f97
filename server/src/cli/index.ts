/** Bundle entry: wires the command to the process. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { main } from './main.ts';

declare const __filename: string;
const bundle = __filename;

/** A stream broke: the status says so whatever was found. */
let broken = false;
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that went away (`| head`) is no failure of ours: the status stays that of the findings.
    if (error.code === 'EPIPE') return;
    broken = true;
    process.exitCode = 2;
    if (stream === process.stdout)
      process.stderr.write(`uffd-lint: the report could not be written: ${error.message}\n`);
  });

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
  return process.stdout.isTTY === true;
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
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    stdin,
    color: wantsColor(),
  },
).then(async (status) => {
  // The server goes on.
  if (status < 0) return;
  if (!broken) process.exitCode = status;
  await Promise.all([process.stdout, process.stderr].map(written));
  // Left to itself the process would first wait for code that is being optimized, and give back its heap piece by piece.
  process.exit();
});

/** Everything that was written to the stream has gone out, or will not. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
