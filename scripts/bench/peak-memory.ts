/** Loaded before a program: says at its end, on descriptor 3, how many KiB of memory the process had at most. */
import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) process.on('exit', () => writeSync(3, `${process.resourceUsage().maxRSS}`));
