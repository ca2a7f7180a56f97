/**
 * What a root with its threads asks of the world around it while it runs: what names mean, what memory held before it,
 * what other roots did. Whatever it does depends on nothing but its own text and the answers to these, so that where
 * the answers are the same it need not run again (verifying traces: Mokhov, Mitchell and Peyton Jones, "Build systems à
 * la carte", ICFP 2018).
 */

import { createHash } from 'node:crypto';

export type Question =
  /** The function of that name as it is seen in that file; and one by its id: as far as its slice tells. */
  | readonly [kind: 'function', name: string, file: string]
  | readonly [kind: 'body', id: string]
  /** All of a function. */
  | readonly [kind: 'whole', id: string]
  /** The functions that run before `main`. */
  | readonly [kind: 'before-main']
  /** The state in which a thread was started, but for memory. */
  | readonly [kind: 'entry']
  /** A file-scope variable, and what memory held before the root ran. */
  | readonly [kind: 'global' | 'cells', base: string]
  /** What roots did before this one: to memory that others see, to descriptors, to the features requested. */
  | readonly [kind: 'visible' | 'stored' | 'handshakes' | 'arms', of: string]
  | readonly [kind: 'features']
  /** A thread counts there. */
  | readonly [kind: 'counted', base: string, path: string]
  /** Functions that the one of this id cannot come to call have to do with what lies there. */
  | readonly [kind: 'used-outside', id: string, base: string, path: string]
  /** How many threads are being run inside of each other. */
  | readonly [kind: 'nesting']
  /** Threads started at a site; a root that ran already. */
  | readonly [kind: 'threads-at' | 'ran', of: string];

export interface Answered {
  readonly question: Question;
  /** Equal answers are equal strings. */
  readonly answer: string;
}

export class Journal {
  /** By kind, and by what else is in the question. */
  private readonly answers = new Map<string, Map<string, Answered>>();

  /** To be told of a question before anything is done that changes its answer; the first answer counts. */
  ask(question: Question, answer: () => string): void {
    const [kind, of = '', more] = question;
    let known = this.answers.get(kind);
    if (known === undefined) {
      known = new Map();
      this.answers.set(kind, known);
    }
    const key = more === undefined ? of : `${of}\0${more}`;
    if (!known.has(key)) known.set(key, { question, answer: answer() });
  }

  /** To be asked before a question is made, where that happens often. */
  hasAsked(kind: Question[0], of: string): boolean {
    return this.answers.get(kind)?.has(of) === true;
  }

  get questions(): readonly Answered[] {
    return [...this.answers.values()].flatMap((known) => [...known.values()]);
  }
}

/** Answers longer than this are told by their digest where they are written to a file. */
const MAX_ANSWER = 60;

export function brief(answer: string): string {
  return answer.length <= MAX_ANSWER ? answer : `#${createHash('sha256').update(answer).digest('base64')}`;
}

/** `known` may be brief. */
export function isSameAnswer(known: string, now: string): boolean {
  return known === now || (known.startsWith('#') && known === brief(now));
}

/** Plain data, maps and sets as a text that tells different ones apart. */
export function textOf(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) => {
      if (typeof part === 'bigint') return `${part}n`;
      if (typeof part === 'number' && !Number.isFinite(part)) return String(part);
      if (part instanceof Map || part instanceof Set) return [...part];
      return part;
    }) ?? ''
  );
}
