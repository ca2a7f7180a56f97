/**
 * Roots that need not run: what a root with its threads did is kept with the questions that it asked, and is repeated
 * where each of them has the same answer.
 */
import { variableBase } from './context.ts';
import type { Question } from './journal.ts';
import { changedBefore, type Outcome, type Recorder, type Recording } from './recorder.ts';
import { type Root, RootRun } from './root-run.ts';
import type { DriveSummary, RootSummaries, RootSummary } from './root-summaries.ts';

export class Repetition {
  private readonly recorder: Recorder;
  private readonly summaries: RootSummaries;

  constructor(recorder: Recorder, summaries: RootSummaries) {
    this.recorder = recorder;
    this.summaries = summaries;
  }

  /**
   * Runs a root with the threads that come of it, or repeats what it did. May be called while `run` of another root is
   * under way: for a thread that it starts.
   */
  *around(root: Root, run: () => Generator<void, void, void>): Generator<void, void, void> {
    const { recorder, summaries } = this;
    // A thread that has to wait is not of this root's making.
    if (recorder.progress.hasPending) return yield* run();
    const known = summaries.find(root.key, (summary) => recorder.wouldRepeat(summary, root));
    if (known !== undefined) return this.repeat(known, root);
    const recording = recorder.begin(root);
    const { journal, touched } = recording;
    const askOwn = (question: Question) => journal.ask(question, () => recorder.answer(question, root));
    askOwn(['body', root.body.id]);
    if (root.body.name === 'main') askOwn(['before-main']);
    if (root.threadSite !== undefined) askOwn(['entry']);
    yield* run();
    const outcome = recorder.end();
    if (outcome === undefined) return;
    const { bases } = root.entry.reach([], [...touched, ...root.body.parameters.map(variableBase)]);
    for (const base of changedBefore(root)) bases.add(base);
    for (const base of bases) askOwn(['cells', base]);
    summaries.keep(root.key, summaryOf(recording, { ...outcome, questions: journal.questions }, bases));
  }

  private repeat(summary: DriveSummary, root: Root): void {
    const { recorder } = this;
    const { progress } = recorder;
    recorder.askAgain(summary);
    const roots = new Map<string, Root>();
    for (const s of summary.roots) roots.set(s.key, s.key === root.key ? root : this.threadAgain(s, summary, root));
    for (const { key, facts, started } of summary.roots) {
      const run = new RootRun(progress, progress.shared, roots.get(key)!, facts);
      run.started.push(...started.map((k) => roots.get(k)!));
      progress.runs.set(key, run);
      recorder.noteRun(run);
    }
    recorder.repeat(summary);
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
    const body = this.recorder.bodies.get(id)!;
    return { name, body, threadSite, key, starters, entry, initial, inherited: new Set(entry.memory.baseNames()) };
  }
}

function summaryOf({ root, runs }: Recording, outcome: Outcome, bases: ReadonlySet<string>): DriveSummary {
  return {
    ...outcome,
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
    untouched: new Set(root.initial.memory.baseNames().filter((base) => !bases.has(base))),
  };
}
