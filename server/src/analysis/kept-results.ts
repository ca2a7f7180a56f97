/**
 * Results that outlive a run, in two steps. The files of a component give a first key; under it stand the questions
 * that earlier analyses of these files asked beside their own texts. Asked again, their answers give the second key,
 * under which the result stands. A header that changed, was removed, or lies now where it was looked for in vain is
 * another answer, and so another key: nothing is ever invalidated.
 */
import { createHash } from 'node:crypto';
import type { Keyed } from '../engine/root-summaries.ts';
import { fromText, toText } from '../engine/summaries-as-text.ts';
import { ask, type Inputs, type Question, type Trace } from './inputs.ts';
import type { ConfigurationOptions } from './units.ts';

/** Keeps texts by key. It may lose any of them at any time, and never gives another text than was put. */
export interface ResultStore {
  get(key: string): string | undefined;
  put(key: string, text: string): void;
}

export interface CacheOptions {
  readonly store: ResultStore;
  /** Differs wherever the program may find something else in the same files: its version and its code. */
  readonly identity: string;
}

/** Part of every key: changes with the shape of what is kept. */
const FORMAT = 'uffd-lint results 1';
/** Summaries of the roots of a component that take more characters are not kept. */
const MAX_ROOTS_LENGTH = 32 * 1024 * 1024;
/** Lists of questions under one first key: files that were seen beside different headers. */
const MAX_LISTS = 8;

export class KeptResults {
  private readonly store: ResultStore;
  private readonly inputs: Inputs;
  private readonly prefix: readonly string[];
  /** Of texts, by path: a path has one text in a run. */
  private readonly digests = new Map<string, string>();

  constructor(cache: CacheOptions, parser: string, options: ConfigurationOptions, inputs: Inputs) {
    this.store = cache.store;
    this.inputs = inputs;
    const { defines = {}, undefined: undefinedNames = [], includePaths = [] } = options;
    this.prefix = [FORMAT, cache.identity, parser, JSON.stringify([defines, undefinedNames, includePaths])];
  }

  /** What was kept of this kind for these files, if it holds for what is now around them. */
  find<T>(kind: string, paths: readonly string[]): T | undefined {
    const first = this.firstKey(kind, paths);
    for (const questions of this.listsOf(first)) {
      const text = this.store.get(this.secondKey(first, questions));
      if (text !== undefined) return JSON.parse(text) as T;
    }
    return undefined;
  }

  /** Keeps plain data, with the questions that it rests on. */
  keep(kind: string, paths: readonly string[], trace: Trace, value: unknown): void {
    const first = this.firstKey(kind, paths);
    const own = new Set(paths);
    const questions = trace.map((t) => t.question).filter((q) => !(q[0] === 'text' && own.has(q[1])));
    const others = this.listsOf(first).filter((list) => JSON.stringify(list) !== JSON.stringify(questions));
    this.store.put(this.secondKey(first, questions), JSON.stringify(value));
    this.store.put(first, JSON.stringify([questions, ...others].slice(0, MAX_LISTS)));
  }

  /** What roots of these files did in earlier runs, whatever the files held then. */
  roots(paths: readonly string[]): readonly Keyed[] {
    const text = this.store.get(this.rootsKey(paths));
    if (text === undefined) return [];
    try {
      return fromText(text);
    } catch {
      return [];
    }
  }

  keepRoots(paths: readonly string[], summaries: readonly Keyed[]): void {
    const text = toText(summaries);
    if (text.length <= MAX_ROOTS_LENGTH) this.store.put(this.rootsKey(paths), text);
  }

  /** How values are written is V8's business. */
  private rootsKey(paths: readonly string[]): string {
    return digest([...this.prefix, 'roots', process.versions.v8, ...paths]);
  }

  private listsOf(first: string): readonly (readonly Question[])[] {
    const text = this.store.get(first);
    return text === undefined ? [] : (JSON.parse(text) as Question[][]);
  }

  private firstKey(kind: string, paths: readonly string[]): string {
    return digest([...this.prefix, kind, ...paths.flatMap((p) => [p, this.digestOf(p)])]);
  }

  private secondKey(first: string, questions: readonly Question[]): string {
    return digest([first, ...questions.flatMap((q) => [q.join('\n'), this.answerTo(q)])]);
  }

  private answerTo(question: Question): string {
    if (question[0] === 'text') return this.digestOf(question[1]);
    const answer = ask(this.inputs, question);
    return answer === undefined ? 'none' : `= ${answer}`;
  }

  private digestOf(path: string): string {
    let found = this.digests.get(path);
    if (found === undefined) {
      const text = this.inputs.readText(path);
      found = text === undefined ? 'none' : digest([text]);
      this.digests.set(path, found);
    }
    return found;
  }
}

function digest(parts: readonly string[]): string {
  const hash = createHash('sha256');
  // With its length, no part runs into the next one.
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
}
