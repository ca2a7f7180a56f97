/**
 * Roots that need not run: what a root with its threads did is kept with the questions that it asked, and is repeated
 * where each of them has the same answer.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { type Program, variableBase } from './context.ts';
import { isSameAnswer, Journal, type Question, textOf } from './journal.ts';
import type { Cells } from './memory.ts';
import { type Others, type Root, RootRun } from './root-run.ts';
import type { DriveSummary, RootSummaries, RootSummary } from './root-summaries.ts';
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

/** What is written down while a root and its threads run. */
class Recording {
  readonly root: Root;
  readonly journal = new Journal();
  readonly runs: RootRun[] = [];
  /** Functions that were asked for, by file. */
  readonly named = new Map<string, Set<string>>();
  /** File-scope variables that were named. */
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

export class Repetition {
  /** The program, with a journal of what is asked of it. */
  readonly program: Program;
  /** The same without. */
  private readonly quiet: Program;
  private readonly bodies: ReadonlyMap<string, FunctionBody>;
  private readonly summaries: RootSummaries;
  private readonly progress: Progress;
  /** Roots that are under way: each was started by the one before it. */
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

  /**
   * Runs a root with the threads that come of it, or repeats what it did. May be called while `run` of another root is
   * under way: for a thread that it starts.
   */
  *around(root: Root, run: () => Generator<void, void, void>): Generator<void, void, void> {
    const { progress, summaries } = this;
    // A thread that has to wait is not of this root's making.
    if (progress.hasPending) return yield* run();
    const known = summaries.find(root.key, (summary) => this.wouldRepeat(summary, root));
    if (known !== undefined) return this.repeat(known, root);
    const recording = new Recording(root, progress);
    const askOwn = (question: Question) => recording.journal.ask(question, () => this.answer(question, root));
    this.recordings.push(recording);
    progress.shared.begin(recording.journal);
    askOwn(['body', root.body.id]);
    if (root.body.name === 'main') askOwn(['before-main']);
    if (root.threadSite !== undefined) askOwn(['entry']);
    yield* run();
    const shared = progress.shared.end();
    this.recordings.pop();
    const isWhole = progress.exceeded.size === recording.exceeded && this.isInBudget(recording.analysed);
    if (!isWhole || progress.hasPending) return;
    const { bases } = root.entry.reach([], [...recording.touched, ...root.body.parameters.map(variableBase)]);
    for (const base of changedBefore(root)) bases.add(base);
    for (const base of bases) askOwn(['cells', base]);
    summaries.keep(root.key, this.summaryOf(recording, shared, bases));
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

  private isInBudget(functions: Iterable<string>): boolean {
    for (const id of functions) if (this.progress.exceeded.has(id)) return false;
    return true;
  }

  private wouldRepeat(summary: DriveSummary, root: Root): boolean {
    return (
      this.progress.left.steps > summary.steps &&
      this.isInBudget(summary.analysed) &&
      summary.questions.every(({ question, answer }) => isSameAnswer(answer, this.answer(question, root)))
    );
  }

  /** What the root would be told if it asked this before it runs. */
  private answer(question: Question, root: Root): string {
    const { slice, shared, runs, threadEntries } = this.progress;
    switch (question[0]) {
      case 'function':
        return this.describe(this.quiet.function(question[1], question[2]));
      case 'body':
        return this.describe(this.bodies.get(question[1]));
      case 'before-main':
        return this.program.bodies.flatMap((b) => (b.beforeMain ? [this.describe(b)] : [])).join('\n');
      case 'global':
        return describeGlobal(this.quiet.global(question[1]));
      case 'entry': {
        const { memory: _, ...rest } = root.entry;
        return textOf([rest, changedBefore(root), root.starters]);
      }
      case 'cells': {
        const [, base] = question;
        const { memory } = root.entry;
        return memory.has(base) ? `${memory.isSummary(base)} ${textOfCells(memory.cellsOf(base))}` : '';
      }
      case 'counted':
        return String(slice.countersIn({ base: question[1], path: question[2] }));
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

  /** What a function is made of, and all that a slice says of it. */
  private describe(body: FunctionBody | undefined): string {
    return body === undefined
      ? ''
      : `${this.summaries.numbering.digestOf(body)} ${this.progress.slice.signatureOf(body)}`;
  }

  private summaryOf(
    { root, journal, runs, touched, analysed, steps }: Recording,
    shared: SharedContents,
    bases: ReadonlySet<string>,
  ): DriveSummary {
    const { questions } = journal;
    const sites = questions.flatMap(({ question }) => (question[0] === 'threads-at' ? [question[1]] : []));
    return {
      questions,
      roots: runs.map(({ root: { name, body, threadSite, key, starters, entry }, known: facts, started }) => ({
        name,
        id: body.id,
        threadSite,
        key,
        starters,
        entry,
        facts,
        started: started.map((r) => r.key),
      })),
      shared,
      threadsAt: sites.map((site) => [site, this.progress.threadEntries.get(site) ?? 0]),
      analysed: [...analysed],
      touched: [...touched],
      steps: steps - this.progress.left.steps,
      untouched: new Set([...root.initial.memory.baseNames()].filter((base) => !bases.has(base))),
    };
  }

  private repeat(summary: DriveSummary, root: Root): void {
    const { progress } = this;
    // Of the roots that are under way, before anything changes.
    for (const { question } of summary.questions) this.askAgain(question);
    const roots = new Map<string, Root>();
    for (const s of summary.roots) roots.set(s.key, s.key === root.key ? root : this.threadAgain(s, summary, root));
    for (const { key, facts, started } of summary.roots) {
      const run = new RootRun(progress, progress.shared, roots.get(key)!, facts);
      run.started.push(...started.map((k) => roots.get(k)!));
      progress.runs.set(key, run);
      this.noteRun(run);
    }
    progress.shared.repeat(summary.shared);
    this.noteTouched(summary.touched);
    for (const id of summary.analysed) {
      progress.analysed.add(id);
      this.noteAnalysed(id);
    }
    for (const [site, count] of summary.threadsAt) progress.threadEntries.set(site, count);
    progress.left.steps -= summary.steps;
  }

  /** A root that is not run asks what it asked; where it began is its own business. */
  private askAgain(question: Question): void {
    switch (question[0]) {
      case 'body':
      case 'before-main':
      case 'entry':
      case 'cells':
      case 'nesting':
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

  /** The thread as the root starts it here: what nobody looked at is as it was before any root ran. */
  private threadAgain(
    { name, id, threadSite, key, starters, entry: before }: RootSummary,
    summary: DriveSummary,
    root: Root,
  ): Root {
    const { initial } = root;
    const { memory } = initial;
    const entry = before.clone();
    for (const base of summary.untouched) entry.memory.deleteBase(base);
    const touched = new Set(summary.questions.flatMap(({ question: [kind, of] }) => (kind === 'cells' ? [of] : [])));
    for (const base of memory.baseNames()) if (!touched.has(base)) entry.memory.setCells(base, memory.cellsOf(base));
    const body = this.bodies.get(id)!;
    return { name, body, threadSite, key, starters, entry, initial, inherited: new Set(entry.memory.baseNames()) };
  }
}

/** Memory that is not as it was before any root ran. */
function changedBefore({ entry: { memory }, initial }: Root): string[] {
  const isAsBefore = (base: string) => {
    const [now, then] = [memory.cellsOf(base), initial.memory.cellsOf(base)];
    return now === then || textOfCells(now) === textOfCells(then);
  };
  return [...memory.baseNames()].filter((base) => !isAsBefore(base)).sort();
}

function describeGlobal(global: ReturnType<Program['global']>): string {
  return global === undefined ? '' : textOf([global.initialiserSpan]);
}

const cellTexts = new WeakMap<Cells, string>();

function textOfCells(cells: Cells): string {
  let text = cellTexts.get(cells);
  if (text === undefined) {
    text = textOf(cells);
    cellTexts.set(cells, text);
  }
  return text;
}
