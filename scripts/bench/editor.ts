/** Part 5: what somebody who types sees: from a keystroke to the finished diagnostics, and the server's memory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { CancellationTokenSource } from 'vscode-languageserver/node';
import { type Figure, formatValue, type Part } from './figure.ts';
import { KEYSTROKES_PER_VISIT, type Visit, visitsTo, type Where } from './keystrokes.ts';
import { type Channel, LanguageClient } from './language-client.ts';
import type { Options } from './options.ts';
import { SELFTEST, SOURCES, selftestMissing } from './product.ts';
import { median, percentile } from './statistics.ts';

const TITLE = `Editor: edits of one character in ${SELFTEST}`;
const EDITS = 500;
const PUSHED_EDITS = 50;
const LONG_EDITS = 10_000;
/** Visits whose keystrokes do not wait for an answer, and milliseconds between those, as a quick typist makes them. */
const BURSTS = 20;
const BURST_GAP_MS = 30;
/** A series of edits that takes longer ends early, and says so. */
const SERIES_MS = 90_000;
const LONG_SERIES_MS = 30 * 60_000;
/** Goals: milliseconds, MiB, and how many times as much memory at the end of many edits as at their beginning. */
const MOST_MS = 15;
const MOST_MIB = 200;
const MOST_GROWTH = 1.1;

/** Milliseconds of each measurement, of so many that were wanted, and the server's MiB after each. */
interface Series {
  readonly wanted: number;
  readonly ms: number[];
  readonly memory: number[];
}

export async function editor({ long }: Options): Promise<Part> {
  const missing = selftestMissing();
  if (missing !== undefined) return { number: 5, title: TITLE, figures: [], notes: [missing] };
  const path = join(SOURCES, SELFTEST);
  // One defect, so that there is something to tell.
  const text = readFileSync(path, 'utf8').replace(/close\(uffd\);\s*(uffd = msg\.arg\.fork\.ufd;)/, '$1');
  const visits = (where: Where, edits: number) => visitsTo(text, where, edits / KEYSTROKES_PER_VISIT);
  const figures: Figure[] = [];
  const notes: string[] = [];

  await withClient(path, text, 'pull', async (client) => {
    const before = await client.pull();
    let edits = 0;
    for (const where of ['functions', 'comments'] as const) {
      const series = await type(client, visits(where, EDITS));
      figures.push(...timesOf(`edits in ${where}`, series, MOST_MS));
      edits += series.ms.length;
    }
    figures.push(...memoryOf(client, `after ${edits} edits`));
    const bursts = await typeInBursts(client, visits('functions', BURSTS * KEYSTROKES_PER_VISIT));
    figures.push(...timesOf(`a key every ${BURST_GAP_MS} ms, from the last of ${KEYSTROKES_PER_VISIT}`, bursts));
    if (long) {
      const series = await type(client, visits('functions', LONG_EDITS), LONG_SERIES_MS);
      figures.push(...timesOf('many edits in functions', series, MOST_MS));
      figures.push(...memoryOf(client, `after ${series.ms.length} more`), growthOf(series));
    }
    notes.push(`${before} diagnostic(s) before the edits, ${await client.pull()} after them`);
  });
  await withClient(path, text, 'push', async (client) => {
    const series = await type(client, visits('functions', PUSHED_EDITS));
    figures.push(...timesOf('diagnostics pushed, edits in functions', series));
  });
  return { number: 5, title: TITLE, figures, notes };
}

async function withClient(
  path: string,
  text: string,
  channel: Channel,
  use: (client: LanguageClient) => Promise<void>,
): Promise<void> {
  const client = await LanguageClient.open(pathToFileURL(path).href, text, channel);
  try {
    await use(client);
  } finally {
    await client.close();
  }
}

/** One edit after the other, each when the diagnostics of the one before have come. */
async function type(client: LanguageClient, visits: readonly Visit[], limitMs = SERIES_MS): Promise<Series> {
  const series: Series = { wanted: visits.length * KEYSTROKES_PER_VISIT, ms: [], memory: [] };
  const until = performance.now() + limitMs;
  for (const visit of visits) {
    for (const key of visit) {
      const before = performance.now();
      await client.changeAndWait(key);
      series.ms.push(performance.now() - before);
      series.memory.push(client.memory()?.now ?? Number.NaN);
    }
    if (performance.now() > until) break;
  }
  return series;
}

/** Edits that come faster than answers; each calls off the request of the one before. */
async function typeInBursts(client: LanguageClient, visits: readonly Visit[]): Promise<Series> {
  const series: Series = { wanted: visits.length, ms: [], memory: [] };
  const until = performance.now() + SERIES_MS;
  for (const visit of visits) {
    const last = visit.length - 1;
    for (const key of visit.slice(0, last)) {
      const asking = new CancellationTokenSource();
      await client.change(key);
      const overtaken = client.pull(asking.token).catch(() => {});
      await sleep(BURST_GAP_MS);
      asking.cancel();
      void overtaken;
    }
    const before = performance.now();
    await client.changeAndWait(visit[last]!);
    series.ms.push(performance.now() - before);
    if (performance.now() > until) break;
  }
  return series;
}

function timesOf(what: string, { ms, wanted }: Series, atMost?: number): Figure[] {
  const from = ms.length < wanted ? `${ms.length} of ${wanted}, ended early` : `${wanted}`;
  return [
    { what: `${what}, p50`, value: percentile(ms, 50), unit: 'ms', from },
    { what: `${what}, p95`, value: percentile(ms, 95), unit: 'ms', from, ...(atMost === undefined ? {} : { atMost }) },
  ];
}

function memoryOf(client: LanguageClient, when: string): Figure[] {
  const memory = client.memory();
  if (memory === undefined) return [];
  const from = `${formatValue(memory.peak, 'MiB')} at most`;
  return [{ what: `memory of the server ${when}`, value: memory.now, unit: 'MiB', atMost: MOST_MIB, from }];
}

/** The last tenth beside the second: in the first the server is still warming up. */
function growthOf({ memory }: Series): Figure {
  const tenth = Math.floor(memory.length / 10);
  const [early, late] = [median(memory.slice(tenth, 2 * tenth)), median(memory.slice(-tenth))];
  const from = `${formatValue(late, 'MiB')} over ${formatValue(early, 'MiB')}`;
  return {
    what: 'memory of the server, last / second tenth of many edits',
    value: late / early,
    unit: 'times',
    atMost: MOST_GROWTH,
    from,
  };
}
