/**
 * Where the command writes to. To a file or a pipe it writes at once: Node's streams take longer to load than some files
 * to lint. Terminals have Node's own streams, which know how to speak to each kind of them.
 */
import { fstatSync, statSync, writeSync } from 'node:fs';

export interface Sink {
  readonly isTerminal: boolean;
  /** Throws what the system says; EPIPE where the reader went away. */
  write(text: string): void;
  /** Everything has gone out, or will not. */
  flushed(): Promise<void>;
}

/** `stream` is asked for a terminal alone, and is to handle its errors itself. */
export function sinkOf(descriptor: number, stream: () => NodeJS.WriteStream): Sink {
  if (!isTerminal(descriptor))
    return { isTerminal: false, write: (text) => writeAll(descriptor, text), flushed: () => Promise.resolve() };
  const terminal = stream();
  return {
    isTerminal: terminal.isTTY === true,
    write: (text) => {
      terminal.write(text);
    },
    flushed: () => new Promise((resolve) => terminal.write('', () => resolve())),
  };
}

/** A device that is not the one that forgets everything; a descriptor that is closed is none. */
function isTerminal(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isCharacterDevice() && stats.rdev !== forgetful();
  } catch {
    return false;
  }
}

function forgetful(): number | undefined {
  try {
    return statSync('/dev/null').rdev;
  } catch {
    return undefined;
  }
}

/** Milliseconds to wait for a reader that is slower, where the pipe does not wait itself. */
const PAUSE_MS = 2;

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
