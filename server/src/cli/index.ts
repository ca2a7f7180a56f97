/** Bundle entry: wires the command to the process. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { main } from './main.ts';

declare const __filename: string;
const bundle = __filename;

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that went away (`| head`) is no failure of ours.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

function wantsColor(): boolean {
  if (process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== '') return false;
  if (process.env.FORCE_COLOR !== undefined && process.env.FORCE_COLOR !== '0') return true;
  return process.stdout.isTTY === true;
}

void main(
  process.argv.slice(2),
  {
    root: dirname(dirname(bundle)),
    startServer: () => {
      const server = createRequire(bundle)(join(dirname(bundle), 'server.cjs')) as { startServer(): void };
      server.startServer();
    },
  },
  {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    color: wantsColor(),
  },
).then((status) => {
  if (status >= 0) process.exitCode = status;
});
