/** Bases with their cells in short lists, of which memories share those that they do not change. */
import type { Cells } from './cells.ts';

/**
 * Bases are spread over this many short lists, so that a copy before a change copies few of them. The variables of one
 * function are in one: they come and go together.
 */
export const BUCKETS = 32;

/** A base object and what it holds. */
export interface Entry {
  readonly base: string;
  readonly cells: Cells;
}

/** Never changed in place. */
export type Bucket = readonly Entry[];

export const EMPTY_BUCKET: Bucket = [];

/** Names whose bucket is remembered; of more, those of long ago are found again. */
const MAX_KNOWN_BUCKETS = 20_000;
const knownBuckets = new Map<string, number>();

/** The number of the bucket that a base is in, in every memory. */
export function bucketOf(base: string): number {
  let bucket = knownBuckets.get(base);
  if (bucket === undefined) {
    bucket = findBucket(base);
    if (knownBuckets.size >= MAX_KNOWN_BUCKETS) knownBuckets.clear();
    knownBuckets.set(base, bucket);
  }
  return bucket;
}

/** Characters at the end of a name that tell most names apart: they begin with the path of a file. */
const TELLING_CHARACTERS = 16;

function findBucket(base: string): number {
  const end = endOfOwner(base);
  let hash = end;
  for (let i = Math.max(0, end - TELLING_CHARACTERS); i < end; i++) hash = (31 * hash + base.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
}

/** Where the name of the function ends that a variable belongs to; of other bases, where the name ends. */
function endOfOwner(base: string): number {
  const file = base.startsWith('var:') ? base.indexOf('#') : -1;
  const end = file < 0 ? -1 : base.indexOf(':', file);
  return end < 0 ? base.length : end;
}

/** -1 where it is not there. Each access to the memory asks this: it goes without a function for each entry. */
export function indexIn(bucket: Bucket, base: string): number {
  let i = bucket.length - 1;
  while (i >= 0 && bucket[i]!.base !== base) i--;
  return i;
}
