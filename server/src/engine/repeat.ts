/**
 * Roots that need not run: what a root with its threads did is kept with the questions that it asked, and is repeated
 * where each of them has the same answer.
 */
import type { FunctionBody } from '../ir/ir.ts';
import { digestOfFunction } from './canonical.ts';
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
}

/** What is written down while a root and its threads run. */
class Recording {
  readonly root: Root;
  readonly journal = new Journal();
  readonly runs: RootRun[] = [];
  /** File-scope variables that were named. */
  readonly touched = new Set<string>();
  readonly analysed = new Set<string>();
  /** Instructions left, and functions out of budget, before it ran. */
  readonly steps: number;
  readonly exceeded: number;

  constructor(root: Root, { left, exceeded }: Progress) {
    this.root = root;
    this.steps = left.steps;
    this.exceeded = exceeded.size;
  }
}

export class Repetition {
  /** The program, with a journal of what is asked of it. */
  readonly program: Program;
  private readonly bodies: ReadonlyMap<string, FunctionBody>;
  private readonly summaries: RootSummaries;
  private readonly progress: Progress;
  private recording: Recording | undefined;

  /** The program must be a canonical one. */
  constructor(program: Program, summaries: RootSummaries, progress: Progress) {
    this.summaries = summaries;
    this.progress = progress;
    this.bodies = new Map(program.bodies.map((b) => [b.id, b]));
    const { function: functionOf, global } = program;
    this.program = {
      ...program,
      function: (name, file) => {
        const body = functionOf(name, file);
        this.recording?.journal.ask(['function', name, file], () => this.describe(body));
        return body;
      },
      global: (base) => {
        const found = global(base);
        this.recording?.journal.ask(['global', base], () => describeGlobal(found));
        return found;
      },
    };
  }

  /** Runs a root with all threads that come of it, or repeats what it did. False where the run was stopped. */
  async drive(root: Root, run: () => Promise<boolean>): Promise<boolean> {
    const { progress, summaries } = this;
    const known = summaries.find(root.key, (summary) => this.wouldRepeat(summary, root));
    if (known !== undefined) {
      this.repeat(known, root);
      return true;
    }
    const recording = new Recording(root, progress);
    this.recording = recording;
    this.ask(['body', root.body.id]);
    if (root.body.name === 'main') this.ask(['before-main']);
    // A thread that asked too early is run again, in the state that its creator made.
    if (root.threadSite !== undefined) this.ask(['entry']);
    progress.shared.begin(recording.journal);
    const isDone = await run();
    const shared = progress.shared.end();
    const isWhole = progress.exceeded.size === recording.exceeded && this.isInBudget(recording.analysed);
    if (isDone && isWhole) summaries.keep(root.key, this.summaryOf(recording, shared));
    this.recording = undefined;
    return isDone;
  }

  ask(question: Question): void {
    const { recording } = this;
    recording?.journal.ask(question, () => this.answer(question, recording.root));
  }

  noteRun(run: RootRun): void {
    this.recording?.runs.push(run);
  }

  noteAnalysed(id: string): void {
    this.recording?.analysed.add(id);
  }

  noteTouched(globals: Iterable<string>): void {
    for (const base of globals) this.recording?.touched.add(base);
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
        return this.describe(this.program.function(question[1], question[2]));
      case 'body':
        return this.describe(this.bodies.get(question[1]));
      case 'before-main':
        return this.program.bodies.flatMap((b) => (b.beforeMain ? [this.describe(b)] : [])).join('\n');
      case 'global':
        return describeGlobal(this.program.global(question[1]));
      case 'entry': {
        const { memory: _, ...rest } = root.entry;
        return textOf([rest, changedBefore(root)]);
      }
      case 'cells': {
        const [, base] = question;
        const { memory } = root.entry;
        return memory.has(base) ? `${memory.isSummary(base)} ${textOfCells(memory.cellsOf(base))}` : '';
      }
      case 'counted':
        return String(slice.isCountedInThreads({ base: question[1], path: question[2] }));
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
    return body === undefined ? '' : `${digestOfFunction(body)} ${this.progress.slice.signatureOf(body)}`;
  }

  private summaryOf(
    { root, journal, runs, touched, analysed, steps }: Recording,
    shared: SharedContents,
  ): DriveSummary {
    const { bases } = root.entry.reach([], [...touched, ...root.body.parameters.map(variableBase)]);
    for (const base of changedBefore(root)) bases.add(base);
    for (const base of bases) this.ask(['cells', base]);
    const { questions } = journal;
    const sites = questions.flatMap(({ question }) => (question[0] === 'threads-at' ? [question[1]] : []));
    return {
      questions,
      roots: runs.map(({ root: { name, body, threadSite, key, entry }, known: facts, started }) => ({
        name,
        id: body.id,
        threadSite,
        key,
        entry,
        facts,
        started: started.map((r) => r.key),
      })),
      shared,
      threadsAt: sites.map((site) => [site, this.progress.threadEntries.get(site) ?? 0]),
      analysed: [...analysed],
      steps: steps - this.progress.left.steps,
      untouched: new Set([...root.initial.memory.baseNames()].filter((base) => !bases.has(base))),
    };
  }

  private repeat(summary: DriveSummary, root: Root): void {
    const { progress } = this;
    const roots = new Map<string, Root>();
    for (const s of summary.roots) roots.set(s.key, s.key === root.key ? root : this.threadAgain(s, summary, root));
    for (const { key, facts, started } of summary.roots) {
      const run = new RootRun(progress, progress.shared, roots.get(key)!, facts);
      run.started.push(...started.map((k) => roots.get(k)!));
      progress.runs.set(key, run);
    }
    progress.shared.repeat(summary.shared);
    for (const id of summary.analysed) progress.analysed.add(id);
    for (const [site, count] of summary.threadsAt) progress.threadEntries.set(site, count);
    progress.left.steps -= summary.steps;
  }

  /** The thread as the root starts it here: what nobody looked at is as it was before any root ran. */
  private threadAgain(
    { name, id, threadSite, key, entry: before }: RootSummary,
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
    return { name, body, threadSite, key, entry, initial, inherited: new Set(entry.memory.baseNames()) };
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
