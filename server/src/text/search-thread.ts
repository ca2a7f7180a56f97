/** The second thread of a search through many files: see search-threads.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { type SharedSearch, searchOn } from './shared-search.ts';

if (parentPort !== null) searchOn(workerData as SharedSearch);
