/** Which rows of the model's table of outcomes were seen on the kernel, and how often the model left a choice. */
import type { Call, Operation, Work } from '../../src/uffd/kernel/calls.ts';
import { labelOf, POSSIBLE_OUTCOMES, type PossibleOutcome } from '../../src/uffd/kernel/outcomes.ts';
import type { State } from '../../src/uffd/kernel/state.ts';
import type { AgreedStep } from './compare.ts';

export class Coverage {
  private readonly seen = new Map<string, number>();
  private steps = 0;
  private single = 0;

  add(script: readonly Operation[], steps: readonly AgreedStep[]): void {
    const working = new Map<number, readonly Call[]>();
    for (const [i, { allowed, before, outcome }] of steps.entries()) {
      const operation = script[i]!;
      if (outcome.happened === undefined) continue;
      this.steps++;
      if (allowed === 1) this.single++;
      const works = worksOf(operation);
      for (const { task, calls } of works) if (before.tasks[task]?.status === 'idle') working.set(task, calls);
      for (const h of outcome.happened) {
        const calls = working.get(h.task);
        if (h.what === 'done')
          h.results.forEach((result, k) => {
            const call = calls?.[k];
            if (call !== undefined) this.count(call, labelOf(call, result, isFresh(before, h.task, call)));
          });
        else if (h.what === 'gone') this.countEnd(works.find((work) => work.task === h.task)?.calls ?? []);
      }
      for (const [task, kind] of outcome.asleep) {
        const call = working.get(task)?.[outcome.state.tasks[task]!.results.length];
        if (call !== undefined && works.some((work) => work.task === task)) this.count(call, `sleeps: ${kind}`);
      }
    }
  }

  /** Rows that a script can reach, and none has. */
  never(): PossibleOutcome[] {
    return POSSIBLE_OUTCOMES.filter((o) => o.reached === 'by scripts' && !this.seen.has(`${o.call} ${o.label}`));
  }

  reached(): { readonly outcome: PossibleOutcome; readonly times: number }[] {
    return POSSIBLE_OUTCOMES.flatMap((outcome) => {
      const times = this.seen.get(`${outcome.call} ${outcome.label}`);
      return times === undefined ? [] : [{ outcome, times }];
    });
  }

  /** What was seen though the table does not have it. */
  unlisted(): string[] {
    const listed = new Set(POSSIBLE_OUTCOMES.map((o) => `${o.call} ${o.label}`));
    return [...this.seen.keys()].filter((key) => !listed.has(key));
  }

  /** Of the operations that were done, the part for which the model allowed one observation only. */
  singleShare(): number {
    return this.steps === 0 ? 1 : this.single / this.steps;
  }

  operations(): number {
    return this.steps;
  }

  private count(call: Call, label: string): void {
    const key = `${call.name} ${label}`;
    this.seen.set(key, (this.seen.get(key) ?? 0) + 1);
  }

  private countEnd(calls: readonly Call[]): void {
    for (const call of calls) if (call.name === 'exit' || call.name === 'exec') this.count(call, 'gone');
  }
}

function worksOf(operation: Operation): readonly Work[] {
  if (operation.task === undefined) return [];
  return operation.beside === undefined ? [operation] : [operation, operation.beside];
}

function isFresh(state: State, task: number, call: Call): boolean {
  const owner = state.tasks[task];
  if (!('fd' in call) || owner === undefined) return false;
  const entry = state.tables[state.processes[owner.process]!.table]!.entries[call.fd];
  return entry === undefined || state.contexts[state.files[entry.file]!.context]!.features === undefined;
}
