/** Summaries of roots as text, for a later run of the same program text by the same version. */
import { deserialize, serialize } from 'node:v8';
import type { Cells } from './cells.ts';
import { brief } from './journal.ts';
import { Memory } from './memory.ts';
import type { DriveSummary, Keyed, RootSummary } from './root-summaries.ts';
import { State } from './state.ts';

/** A state without its class. */
interface PlainState {
  readonly cells: readonly (readonly [base: string, cells: Cells])[];
  readonly weak: readonly string[];
  readonly rest: Readonly<Record<string, unknown>>;
}

type PlainRoot = Omit<RootSummary, 'entry'> & { readonly entry: PlainState };
type PlainSummary = Omit<DriveSummary, 'roots'> & { readonly roots: readonly PlainRoot[] };

/** Base64, of what V8 can read again. */
export function toText(summaries: readonly Keyed[]): string {
  const plain = summaries.map(([key, summary]): [string, PlainSummary] => [
    key,
    {
      ...summary,
      questions: summary.questions.map(({ question, answer }) => ({ question, answer: brief(answer) })),
      roots: summary.roots.map((root) => ({ ...root, entry: withoutClass(root.entry) })),
    },
  ]);
  return serialize(plain).toString('base64');
}

/** Throws where the text is not one that `toText` gave in this version of V8. */
export function fromText(text: string): Keyed[] {
  const plain = deserialize(Buffer.from(text, 'base64')) as readonly (readonly [string, PlainSummary])[];
  return plain.map(([key, summary]) => [
    key,
    {
      ...summary,
      roots: summary.roots.map((root) => ({ ...root, entry: withClass(root.entry) })),
    },
  ]);
}

function withoutClass(state: State): PlainState {
  const { memory, ...rest } = state;
  const cells = memory.baseNames().map((base) => [base, memory.cellsOf(base)] as const);
  return { cells, weak: [...memory.summaries], rest };
}

function withClass({ cells, weak, rest }: PlainState): State {
  const memory = new Memory();
  for (const [base, content] of cells) memory.setCells(base, content);
  for (const base of weak) memory.makeSummary(base);
  return Object.assign(new State(memory), rest);
}
