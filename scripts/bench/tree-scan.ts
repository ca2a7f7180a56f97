/**
 * The least that a search of a tree costs in Node: two threads read every .c and .h file below the working directory
 * and look for some words in the bytes. Nothing is decoded, ignored or kept. Arguments: the words. Prints how many
 * files were read and how many hold a word.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const WORKERS = 2;
/** Bytes; grows for larger files. */
const BUFFER_BYTES = 1 << 20;

async function main(words: readonly string[]): Promise<void> {
  const files: string[] = [];
  walk('.', files);
  const parts = Array.from({ length: WORKERS }, (_, i) => files.filter((_, at) => at % WORKERS === i));
  const found = await Promise.all(parts.map((part) => searchInThread(part, words)));
  process.stdout.write(`${files.length} ${found.reduce((a, b) => a + b, 0)}\n`);
}

function walk(folder: string, files: string[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) walk(path, files);
    else if (entry.isFile() && /\.[ch]$/.test(entry.name)) files.push(path);
  }
}

function searchInThread(files: readonly string[], words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { files, words } });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** How many of the files hold one of the words. */
function search(files: readonly string[], words: readonly Buffer[]): number {
  let buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let found = 0;
  for (const file of files) {
    const fd = openSync(file, 'r');
    let length = 0;
    for (let n = 1; n > 0; length += n) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * length);
      n = readSync(fd, buffer, length, buffer.length - length, null);
    }
    closeSync(fd);
    const bytes = buffer.subarray(0, length);
    if (words.some((word) => bytes.includes(word))) found++;
  }
  return found;
}

if (isMainThread) void main(process.argv.slice(2));
else {
  const { files, words } = workerData as { readonly files: readonly string[]; readonly words: readonly string[] };
  parentPort!.postMessage(
    search(
      files,
      words.map((word) => Buffer.from(word)),
    ),
  );
}
