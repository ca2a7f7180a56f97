/**
 * What the analysis of some files asks about the world around them: texts, configuration, and what the selection knows
 * of names. All of it goes through one interface, so that the questions can be written down and asked again later:
 * where every answer is the same, so is the result.
 */
import type { Span } from '../text/span.ts';
import type { Selection, Surroundings } from './select.ts';
import type { FileConfiguration } from './units.ts';

/** Answers hold for one run: a path has one text in it. */
export interface Inputs extends Omit<Selection, 'files'> {
  /** Undefined where there is no such file. */
  readText(path: string): string | undefined;
  configurationOf(path: string): FileConfiguration | undefined;
  targetsOf(path: string): readonly string[];
  /** Folders in which headers are looked for beside those of the configuration. */
  includeFoldersOf(path: string): readonly string[];
}

/** Plain data: questions are kept in files too. */
export type Question =
  | readonly [kind: 'text' | 'configuration' | 'targets' | 'folders' | 'opens', path: string]
  | readonly [kind: 'leads' | 'needed', path: string, offset: number]
  | readonly [kind: 'surroundings', path: string, start: number, end: number]
  | readonly [kind: 'uses' | 'acts' | 'defines', name: string];

/** Undefined for a file that is not there and for a configuration that nobody gave. */
export type Answer = string | undefined;

/** Asks a question that was written down. Equal answers are equal strings. */
export function ask(inputs: Inputs, question: Question): Answer {
  switch (question[0]) {
    case 'text':
      return inputs.readText(question[1]);
    case 'configuration':
      return JSON.stringify(inputs.configurationOf(question[1]));
    case 'targets':
      return JSON.stringify(inputs.targetsOf(question[1]));
    case 'folders':
      return JSON.stringify(inputs.includeFoldersOf(question[1]));
    case 'opens':
      return String(inputs.opens(question[1]));
    case 'leads':
      return String(inputs.leadsToMention(pointIn(question[1], question[2])));
    case 'needed':
      return String(inputs.isNeeded(pointIn(question[1], question[2])));
    case 'surroundings':
      return JSON.stringify(inputs.at(question[1], question[2], question[3]));
    default:
      return String(inputs[question[0]](question[1]));
  }
}

function pointIn(file: string, offset: number): Span {
  return { file, start: offset, end: offset };
}

/** Questions with the answers that they had, each once. */
export type Trace = readonly { readonly question: Question; readonly answer: Answer }[];

/** Passes questions on and writes them down. */
export class Recorder implements Inputs {
  private readonly inner: Inputs;
  private readonly asked = new Map<string, Trace[number]>();

  constructor(inner: Inputs) {
    this.inner = inner;
  }

  get trace(): Trace {
    return [...this.asked.values()];
  }

  /** What was asked for a part that is taken over as it was is asked here too. */
  absorb(trace: Trace): void {
    for (const { question, answer } of trace) this.note(question, answer);
  }

  readText(path: string): string | undefined {
    const text = this.inner.readText(path);
    this.note(['text', path], text);
    return text;
  }

  configurationOf(path: string): FileConfiguration | undefined {
    const configuration = this.inner.configurationOf(path);
    this.note(['configuration', path], JSON.stringify(configuration));
    return configuration;
  }

  targetsOf(path: string): readonly string[] {
    const targets = this.inner.targetsOf(path);
    this.note(['targets', path], JSON.stringify(targets));
    return targets;
  }

  includeFoldersOf(path: string): readonly string[] {
    const folders = this.inner.includeFoldersOf(path);
    this.note(['folders', path], JSON.stringify(folders));
    return folders;
  }

  opens(header: string): boolean {
    const opens = this.inner.opens(header);
    this.note(['opens', header], String(opens));
    return opens;
  }

  leadsToMention(place: Span): boolean {
    const leads = this.inner.leadsToMention(place);
    this.note(['leads', place.file, place.start], String(leads));
    return leads;
  }

  isNeeded(place: Span): boolean {
    const needed = this.inner.isNeeded(place);
    this.note(['needed', place.file, place.start], String(needed));
    return needed;
  }

  at(file: string, start: number, end: number): Surroundings {
    const around = this.inner.at(file, start, end);
    this.note(['surroundings', file, start, end], JSON.stringify(around));
    return around;
  }

  uses(name: string): boolean {
    return this.named('uses', name);
  }

  acts(name: string): boolean {
    return this.named('acts', name);
  }

  defines(name: string): boolean {
    return this.named('defines', name);
  }

  private named(kind: 'uses' | 'acts' | 'defines', name: string): boolean {
    const answer = this.inner[kind](name);
    this.note([kind, name], String(answer));
    return answer;
  }

  private note(question: Question, answer: Answer): void {
    const key = question.join('\0');
    if (!this.asked.has(key)) this.asked.set(key, { question, answer });
  }
}
