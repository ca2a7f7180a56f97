/**
 * Analyses one file again and again in this process and prints, as JSON, what each round took. Arguments: the file,
 * and the number of rounds. UFFD_LINT_PARSER says which parser. Every round has an analyser of its own, so nothing is
 * answered from an earlier one.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createAnalyser } from '../../server/src/analysis/analyse.ts';
import { createParser } from '../../server/src/syntax/parser.ts';
import { median } from './statistics.ts';

/** What the parent reads. All times in milliseconds, one entry for each round. */
export interface WarmTimes {
  readonly parser: string;
  /** tree-sitter alone, on the text of the file. */
  readonly raw: number[];
  /** From the text to the findings. */
  readonly whole: number[];
  /** The part of `whole` that passed inside tree-sitter's parse(). */
  readonly parsing: number[];
  /** By the name that the product gives to a phase. */
  readonly phases: Record<string, number[]>;
}

interface Tree {
  delete?(): void;
}
interface RawParser {
  setLanguage(language: unknown): void;
  parse(text: string, ...rest: unknown[]): Tree;
}
interface ParserClass {
  new (): RawParser;
  readonly Language?: { load(path: string): Promise<unknown> };
}

/** Least time and least number of rounds before the compiler of JavaScript has seen enough. */
const WARM_UP_MS = 3000;
const WARM_UP_ROUNDS = 40;
/** One is so short that whatever else the machine does would show in it. */
const RAW_PARSES = 5;

const load = createRequire(import.meta.url);
const native = process.env.UFFD_LINT_PARSER === 'native';
/** Milliseconds inside tree-sitter's parse() since this was set to 0. */
let parsing = 0;

async function main(path: string, rounds: number): Promise<WarmTimes> {
  const text = readFileSync(path, 'utf8');
  const raw = await rawParser(listen(native ? 'tree-sitter' : 'web-tree-sitter'));
  const times: WarmTimes = { parser: (await createParser()).kind, raw: [], whole: [], parsing: [], phases: {} };
  const until = performance.now() + WARM_UP_MS;
  for (let round = 0; round < WARM_UP_ROUNDS || performance.now() < until; round++) {
    raw(text);
    await analyse(path, text);
  }
  for (let round = 0; round < rounds; round++) {
    times.raw.push(median(Array.from({ length: RAW_PARSES }, () => timeOf(() => raw(text)))));
    // Native trees are released when the event loop turns.
    await new Promise((done) => setImmediate(done));
    parsing = 0;
    const { ms, phases } = await analyse(path, text);
    times.whole.push(ms);
    times.parsing.push(parsing);
    for (const [name, value] of Object.entries(phases)) times.phases[name] = [...(times.phases[name] ?? []), value];
  }
  if (times.parsing.some((ms) => ms === 0)) throw new Error('the product parsed without tree-sitter being seen');
  return times;
}

function timeOf(work: () => void): number {
  const before = performance.now();
  work();
  return performance.now() - before;
}

async function analyse(path: string, text: string): Promise<{ ms: number; phases: Readonly<Record<string, number>> }> {
  const analyser = await createAnalyser();
  const before = performance.now();
  const result = await analyser.analyse([{ path, text }], { readFile });
  return { ms: performance.now() - before, phases: result.statistics.phases };
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Puts a parser that counts its time in the place of a package's, for whoever loads it later; returns the class. */
function listen(name: string): ParserClass {
  const Parser = load(name) as ParserClass;
  class Listening extends Parser {
    override parse(text: string, ...rest: unknown[]): Tree {
      const before = performance.now();
      try {
        return super.parse(text, ...rest);
      } finally {
        parsing += performance.now() - before;
      }
    }
  }
  load.cache[load.resolve(name)]!.exports = Listening;
  return Parser;
}

/** tree-sitter as the product starts it, and nothing after it. */
async function rawParser(Parser: ParserClass): Promise<(text: string) => void> {
  // Starts the WebAssembly runtime, once for all users of the class.
  await createParser();
  const language: unknown = native
    ? load('tree-sitter-c')
    : await Parser.Language!.load(load.resolve('tree-sitter-c/tree-sitter-c.wasm'));
  const parser = new Parser();
  parser.setLanguage(language);
  return (text) => {
    const tree = native ? parser.parse(text, undefined, { bufferSize: 2 * text.length + 1024 }) : parser.parse(text);
    tree.delete?.();
  };
}

void main(process.argv[2]!, Number(process.argv[3])).then((times) => {
  process.stdout.write(JSON.stringify(times));
});
