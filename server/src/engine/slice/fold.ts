/**
 * Branches that nothing depends on: all their ways come to the same block next where something happens. What is left
 * is closed under control dependence without an eye to endless loops (Danicic et al., "A unifying theory of control
 * dependence and its application to arbitrary program structures", TCS 2011, weak control closure).
 */
export interface Folding {
  /** By block: where control goes instead of taking the branch. */
  readonly folded: readonly (number | undefined)[];
  /** Whether the function comes to an end depends on something that matters. */
  readonly filters: boolean;
}

export interface FoldQuestions {
  /** By block: something is done there. */
  readonly busy: readonly boolean[];
  readonly returnMatters: boolean;
  /** The branch says something that matters of a number. */
  readonly decides: (block: number) => boolean;
  /** The branch has to stay whatever happens behind it. */
  readonly stays: (block: number) => boolean;
}

export interface Flowgraph {
  /** By block, each once; none where control does not come to its end. */
  readonly successors: readonly (readonly number[])[];
  /** No way leads from there out of the function. */
  readonly dead: readonly boolean[];
}

/** Nothing happens on any way. */
const NOTHING = -1;

/** For each branch that nothing depends on: where its ways meet. */
export function foldBranches({ successors, dead }: Flowgraph, ask: FoldQuestions): Folding {
  const exit = successors.length;
  const idle = idleEnds(successors, dead, ask.busy);
  const ways: (readonly number[])[] = [];
  const branchStays: boolean[] = [];
  /** Something happens in the block, at its return, or at a branch that stays. */
  const stands: boolean[] = [];
  let filters = false;
  for (let i = 0; i < successors.length; i++) {
    const all = successors[i]!;
    const isBranch = all.length > 1;
    const left = isBranch ? aliveAmong(all, idle) : all;
    const isFilter = isBranch && left.length === 1 && ask.decides(i);
    const stays = isFilter || (isBranch && ask.stays(i));
    filters ||= isFilter;
    ways.push(left);
    branchStays.push(stays);
    stands.push(stays || ask.busy[i]! || (all.length === 0 && ask.returnMatters && !dead[i]));
  }
  /** What happens first from the end of a block on: a block, the exit, or nothing. */
  const after = new Array<number>(successors.length).fill(NOTHING);
  /** Where nothing happens any more: a block that returns. */
  const out = new Array<number>(successors.length).fill(NOTHING);
  for (let again = true; again; ) {
    again = false;
    for (let i = successors.length - 1; i >= 0; i--) {
      const left = ways[i]!;
      let next = NOTHING;
      let differ = false;
      for (const s of left) {
        const found = stands[s] ? s : after[s]!;
        if (found === exit) out[i] = out[s]!;
        if (found === NOTHING || found === next) continue;
        differ ||= next !== NOTHING;
        next = found;
      }
      if (left.length === 0) {
        next = exit;
        out[i] = i;
      }
      if (differ && !branchStays[i]) {
        branchStays[i] = true;
        stands[i] = true;
        again = true;
      }
      if (differ || next === after[i]) continue;
      after[i] = next;
      again = true;
    }
  }
  const folded = successors.map((all, i) => {
    if (all.length < 2 || branchStays[i]) return undefined;
    const target = after[i] === exit ? out[i]! : after[i]!;
    return target === NOTHING ? undefined : target;
  });
  return { folded, filters };
}

/** The ways on which something can happen; all, where there is none. */
function aliveAmong(ways: readonly number[], idle: readonly boolean[]): readonly number[] {
  if (!ways.some((s) => idle[s])) return ways;
  const alive = ways.filter((s) => !idle[s]);
  return alive.length === 0 ? ways : alive;
}

/** Blocks from which every way only ends the program. */
function idleEnds(
  successors: readonly (readonly number[])[],
  dead: readonly boolean[],
  busy: readonly boolean[],
): boolean[] {
  const idle = dead.map((d, i) => d && !busy[i]);
  for (let again = true; again; ) {
    again = false;
    for (let i = successors.length - 1; i >= 0; i--) {
      if (!idle[i] || successors[i]!.every((s) => idle[s])) continue;
      idle[i] = false;
      again = true;
    }
  }
  return idle;
}
