/**
 * Writes down what parts of a run ask of the world around them, and tells whether a part that asked this would be
 * answered the same now.
 */
import type { FunctionBody } from '../ir/ir.ts';
import type { Program } from './context.ts';
import { type Answered, isSameAnswer, Journal, type Question, textOf } from './journal.ts';
import type { Others, Root, RootRun } from './root-run.ts';
import type { RootSummaries } from './root-summaries.ts';
import { textOfCells } from './same-state.ts';
import type { SharedContents, SharedFacts } from './shared-facts.ts';
import type { Slice } from './slice/slice.ts';

/** How far the roots of a program have come. */
export interface Progress extends Others {
  readonly slice: Slice;
  readonly shared: SharedFacts;
  readonly runs: Map<string, RootRun>;
  /** Threads by the site that starts them. */
  readonly threadEntries: Map<string, number>;
  readonly analysed: Set<string>;
  readonly exceeded: ReadonlySet<string>;
  readonly left: { steps: number };
  /** Threads that are run inside of each other. */
  readonly nesting: number;
}

/** What is written down while a part of a run runs, with the threads that come of it. */
export class Recording {
  readonly root: Root;
  readonly journal = new Journal();
  readonly runs: RootRun[] = [];
  /** Functions that were asked for, by file. */
  readonly named = new Map<string, Set<string>>();
  /** File-scope variables that were named by the roots that ran to their end. */
  readonly touched = new Set<string>();
  readonly analysed = new Set<string>();
  /** Instructions left, functions out of budget, and threads around it, before it ran. */
  readonly steps: number;
  readonly exceeded: number;
  readonly nesting: number;

  constructor(root: Root, { left, exceeded, nesting }: Progress) {
    this.root = root;
    this.steps = left.steps;
    this.exceeded = exceeded.size;
    this.nesting = nesting;
  }
}

/** What a part did that all others can see. */
export interface Outcome {
  readonly questions: readonly Answered[];
  readonly shared: SharedContents;
  readonly threadsAt: readonly (readonly [site: string, count: number])[];
  /** Ids of the functions that were run. */
  readonly analysed: readonly string[];
  /** File-scope variables that were named. */
  readonly touched: readonly string[];
  /** Instructions, those of the threads included. */
  readonly steps: number;
}

export class Recorder {
  /** The program, with a journal of what is asked of it. */
  readonly program: Program;
  readonly progress: Progress;
  readonly bodies: ReadonlyMap<string, FunctionBody>;
  /** The program without a journal. */
  private readonly quiet: Program;
  private readonly summaries: RootSummaries;
  private readonly descriptions = new Map<FunctionBody, string>();
  /** Of threads: each summary of one asks again. */
  private readonly entries = new Map<Root, string>();
  /** Parts that are under way: each lies in the one before it. */
  private readonly recordings: Recording[] = [];

  /** The program must be a canonical one, in the numbering of the summaries. */
  constructor(program: Program, summaries: RootSummaries, progress: Progress) {
    this.quiet = program;
    this.summaries = summaries;
    this.progress = progress;
    this.bodies = new Map(program.bodies.map((b) => [b.id, b]));
    const { function: functionOf, global } = program;
    this.program = {
      ...program,
      function: (name, file) => {
        const body = functionOf(name, file);
        for (const { journal, named } of this.recordings) {
          let names = named.get(file);
          if (names?.has(name) === true) continue;
          if (names === undefined) {
            names = new Set();
            named.set(file, names);
          }
          names.add(name);
          journal.ask(['function', name, file], () => this.describe(body));
        }
        return body;
      },
      global: (base) => {
        const found = global(base);
        for (const { journal } of this.recordings) journal.ask(['global', base], () => describeGlobal(found));
        return found;
      },
    };
  }

  begin(root: Root): Recording {
    const recording = new Recording(root, this.progress);
    this.recordings.push(recording);
    this.progress.shared.begin(recording.journal);
    return recording;
  }

  /** Ends the part that was begun last. Undefined where it was cut short, or left threads that are still to run. */
  end(): Outcome | undefined {
    const { journal, analysed, touched, steps, exceeded } = this.recordings.pop()!;
    const { progress } = this;
    const shared = progress.shared.end();
    if (progress.exceeded.size !== exceeded || !this.isInBudget(analysed) || progress.hasPending) return undefined;
    const { questions } = journal;
    const sites = questions.flatMap(({ question }) => (question[0] === 'threads-at' ? [question[1]] : []));
    return {
      questions,
      shared,
      threadsAt: sites.map((site) => [site, progress.threadEntries.get(site) ?? 0]),
      analysed: [...analysed],
      touched: [...touched],
      steps: steps - progress.left.steps,
    };
  }

  /** A part of the root that did this would do it again now. */
  wouldRepeat({ steps, analysed, questions }: Outcome, root: Root): boolean {
    return (
      this.progress.left.steps > steps &&
      this.isInBudget(analysed) &&
      questions.every(({ question, answer }) => isSameAnswer(answer, this.answer(question, root)))
    );
  }

  /** To be called before anything changes: asks what a part that is not run would have asked. */
  askAgain({ questions }: Outcome): void {
    for (const { question } of questions) this.askOnceMore(question);
  }

  /** Does what a part did, but for what happened in its roots. */
  repeat({ shared, touched, analysed, threadsAt, steps }: Outcome): void {
    const { progress } = this;
    progress.shared.repeat(shared);
    this.noteTouched(touched);
    for (const id of analysed) {
      progress.analysed.add(id);
      this.noteAnalysed(id);
    }
    for (const [site, count] of threadsAt) progress.threadEntries.set(site, count);
    progress.left.steps -= steps;
  }

  ask(question: Question): void {
    for (const { journal, root } of this.recordings) journal.ask(question, () => this.answer(question, root));
  }

  /** A thread is started: whether it runs at once depends on how many lie in each other. */
  askDepth(): void {
    for (const { journal, nesting } of this.recordings) journal.ask(['nesting'], () => String(nesting));
  }

  noteRun(run: RootRun): void {
    for (const { runs } of this.recordings) runs.push(run);
  }

  noteAnalysed(id: string): void {
    for (const { analysed } of this.recordings) analysed.add(id);
  }

  noteTouched(globals: Iterable<string>): void {
    for (const base of globals) for (const { touched } of this.recordings) touched.add(base);
  }

  /** What the root would be told if it asked this now. */
  answer(question: Question, root: Root): string {
    const { slice, shared, runs, threadEntries } = this.progress;
    switch (question[0]) {
      case 'function':
        return this.describe(this.quiet.function(question[1], question[2]));
      case 'body':
        return this.describe(this.bodies.get(question[1]));
      case 'whole':
        return this.describeWhole(this.bodies.get(question[1]));
      case 'before-main':
        return this.program.bodies.flatMap((b) => (b.beforeMain ? [this.describeWhole(b)] : [])).join('\n');
      case 'global':
        return describeGlobal(this.quiet.global(question[1]));
      case 'entry':
        return this.describeEntry(root);
      case 'cells': {
        const [, base] = question;
        const { memory } = root.entry;
        return memory.has(base) ? `${memory.isSummary(base)} ${textOfCells(memory.cellsOf(base))}` : '';
      }
      case 'counted':
        return slice.storesByThreads({ base: question[1], path: question[2] }) ?? '';
      case 'used-outside':
        return String(slice.isUsedOutside(question[1], { base: question[2], path: question[3] }));
      case 'nesting':
        return String(this.progress.nesting);
      case 'threads-at':
        return String(threadEntries.get(question[1]) ?? 0);
      case 'ran':
        return String(runs.has(question[1]));
      default:
        return shared.answer(question[0], question[1] ?? '');
    }
  }

  private isInBudget(functions: Iterable<string>): boolean {
    for (const id of functions) if (this.progress.exceeded.has(id)) return false;
    return true;
  }

  /** What is run of a function as a rule, and all that a slice says of it. */
  private describe(body: FunctionBody | undefined): string {
    if (body === undefined) return '';
    const { slice } = this.progress;
    const whole = this.describeWhole(body);
    return this.summaries.numbering.describeSlice(body, whole, () => {
      const stands = slice.standsFor(body);
      return stands && `${slice.signatureOfSlice(stands)} ${textOf({ ...stands, whole: undefined })}`;
    });
  }

  /** What a function is made of, and all that a slice says of it. */
  private describeWhole(body: FunctionBody | undefined): string {
    if (body === undefined) return '';
    let description = this.descriptions.get(body);
    if (description === undefined) {
      description = `${this.summaries.numbering.digestOf(body)} ${this.progress.slice.signatureOf(body)}`;
      this.descriptions.set(body, description);
    }
    return description;
  }

  /** The state in which a thread was started, but for what of memory nobody changed. */
  private describeEntry(root: Root): string {
    let description = this.entries.get(root);
    if (description === undefined) {
      const { memory: _, ...rest } = root.entry;
      description = textOf([rest, changedBefore(root), root.starters]);
      this.entries.set(root, description);
    }
    return description;
  }

  /** Where a part began is its own business. */
  private askOnceMore(question: Question): void {
    switch (question[0]) {
      case 'body':
      case 'before-main':
      case 'entry':
      case 'cells':
        return;
      case 'nesting':
        this.askDepth();
        return;
      case 'visible':
      case 'stored':
      case 'handshakes':
      case 'arms':
      case 'features':
        this.progress.shared.askAgain(question[0], question[1] ?? '');
        return;
      default:
        this.ask(question);
    }
  }
}

/** Memory that is not as it was before any root ran. */
export function changedBefore({ entry: { memory }, initial }: Root): string[] {
  const isAsBefore = (base: string) => {
    const [now, then] = [memory.cellsOf(base), initial.memory.cellsOf(base)];
    return now === then || textOfCells(now) === textOfCells(then);
  };
  return memory
    .baseNames()
    .filter((base) => !isAsBefore(base))
    .sort();
}

function describeGlobal(global: ReturnType<Program['global']>): string {
  return global === undefined ? '' : textOf([global.initialiserSpan]);
}
