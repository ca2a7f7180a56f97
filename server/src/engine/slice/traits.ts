/** What can be said of whole functions before anything is known of values. */
import type { FunctionBody } from '../../ir/ir.ts';
import type { Flowgraph } from './fold.ts';
import type { Name, Names } from './names.ts';
import type { BlockFacts, Step } from './step.ts';

export interface FunctionFacts {
  readonly body: FunctionBody;
  readonly parameters: readonly Name[];
  /** What it returns. */
  readonly result: Name;
  readonly blocks: readonly BlockFacts[];
  /** Its steps that lead to functions of the program, with the blocks that they stand in. */
  readonly calls: readonly CallStep[];
  /** Control does not come back from it. */
  neverReturns: boolean;
  /** A userfaultfd is made, or its handshake done, while it runs: before that, requests of every kind matter. */
  wary: boolean;
  /** Something may be made while it runs to which memory leads. */
  makes: boolean;
  /** After it this may be another process. */
  forks: boolean;
  /** A thread is started while it runs. */
  startsThreads: boolean;
  /** A thread that another one started may run it. */
  inThread: boolean;
  /** A child process may run it. */
  inChild: boolean;
  /** It takes something out of a message. */
  readsMessages: boolean;
  /** Set once it is known which calls come back. */
  graph: Flowgraph;
  readonly callers: Set<FunctionFacts>;
  /** By block: where control goes instead of taking the branch. */
  folded: readonly (number | undefined)[];
  /** Something in it is done whatever its result is used for. */
  acts: boolean;
}

export interface CallStep {
  readonly step: Step;
  readonly block: number;
}

export type Functions = ReadonlyMap<string, FunctionFacts>;

export function factsOf(body: FunctionBody, blocks: readonly BlockFacts[], names: Names): FunctionFacts {
  return {
    body,
    parameters: body.parameters.map((p) => names.ofVariable(p.id)),
    result: names.ofResult(body),
    blocks,
    calls: callsIn(blocks),
    neverReturns: false,
    wary: false,
    makes: false,
    forks: false,
    startsThreads: false,
    inThread: false,
    inChild: false,
    readsMessages: blocks.some((b) => b.looksIntoMessage || b.steps.some((s) => s.looksIntoMessage)),
    graph: { successors: [], dead: [] },
    callers: new Set(),
    folded: [],
    acts: false,
  };
}

function callsIn(blocks: readonly BlockFacts[]): CallStep[] {
  const found: CallStep[] = [];
  for (let block = 0; block < blocks.length; block++)
    for (const step of blocks[block]!.calls) if (mayCall(step)) found.push({ step, block });
  return found;
}

function mayCall({ call: { callee, through, cleanups } }: Step): boolean {
  return callee !== undefined || through !== undefined || cleanups.length > 0;
}

/** Fills in what depends on callees, which `callees` tells for a call; `started` are the functions of threads. */
export function findTraits(
  functions: Functions,
  callees: (step: Step) => readonly FunctionFacts[],
  started: readonly FunctionBody[],
): void {
  for (const facts of functions.values())
    for (const { step } of facts.calls) for (const c of callees(step)) c.callers.add(facts);
  findEnds(functions);
  for (const facts of functions.values()) facts.graph = flowgraph(functions, facts);
  ascend(functions, 'wary', ({ call }) => call.handshake);
  ascend(functions, 'makes', ({ call }) => call.makes);
  ascend(functions, 'forks', ({ call }) => call.forks);
  ascend(functions, 'startsThreads', ({ call }) => call.startsThread);
  descend(
    [...functions.values()].filter((f) => f.forks),
    'inChild',
    callees,
  );
  descend(
    started.flatMap((b) => functions.get(b.id) ?? []),
    'inThread',
    callees,
  );
}

function descend(
  from: FunctionFacts[],
  trait: 'inChild' | 'inThread',
  callees: (step: Step) => readonly FunctionFacts[],
): void {
  for (let facts = from.pop(); facts !== undefined; facts = from.pop()) {
    if (facts[trait]) continue;
    facts[trait] = true;
    for (const { step } of facts.calls) from.push(...callees(step));
  }
}

/** Whoever does it by a call, and their callers, however many calls lead there. */
function ascend(
  functions: Functions,
  trait: 'wary' | 'makes' | 'forks' | 'startsThreads',
  does: (step: Step) => boolean,
): void {
  const from = [...functions.values()].filter((f) => some(f, does));
  for (let facts = from.pop(); facts !== undefined; facts = from.pop()) {
    if (facts[trait]) continue;
    facts[trait] = true;
    from.push(...facts.callers);
  }
}

/** What ends in callees that never return never returns, and so do its callers where they cannot go round it. */
function findEnds(functions: Functions): void {
  const queue = new Set(functions.values());
  for (const facts of queue) {
    queue.delete(facts);
    if (facts.neverReturns || deadEnds(functions, facts)[0] !== true) continue;
    facts.neverReturns = true;
    for (const caller of facts.callers) queue.add(caller);
  }
}

/** Some call in it is one of these. */
function some(facts: FunctionFacts, holds: (step: Step) => boolean): boolean {
  for (const { calls } of facts.blocks) for (const step of calls) if (holds(step)) return true;
  return false;
}

/** Control does not come to its end. */
function breaksOff(functions: Functions, { calls }: BlockFacts): boolean {
  for (const step of calls) if (ends(functions, step)) return true;
  return false;
}

function flowgraph(functions: Functions, facts: FunctionFacts): Flowgraph {
  return {
    successors: facts.blocks.map((b) => (breaksOff(functions, b) ? [] : b.successors)),
    dead: deadEnds(functions, facts),
  };
}

/** By block: no path from its start leads out of the function. */
function deadEnds(functions: Functions, { blocks, body }: FunctionFacts): boolean[] {
  const dead = blocks.map((b, i) => body.blocks[i]!.terminator.kind === 'unreachable' || breaksOff(functions, b));
  for (let again = true; again; ) {
    again = false;
    for (let i = blocks.length - 1; i >= 0; i--) {
      const { successors } = blocks[i]!;
      if (dead[i] || successors.length === 0 || !successors.every((s) => dead[s])) continue;
      dead[i] = true;
      again = true;
    }
  }
  return dead;
}

/** By function id: calls between it and one that does something to a userfaultfd or looks into its messages. */
export function distancesOf(functions: Functions): ReadonlyMap<string, number> {
  const distances = new Map<string, number>();
  let nearest = [...functions.values()].filter(
    (f) => f.readsMessages || some(f, ({ call }) => call.handshake || call.request),
  );
  for (let distance = 0; nearest.length > 0; distance++) {
    const next = new Set<FunctionFacts>();
    for (const { body } of nearest) if (!distances.has(body.id)) distances.set(body.id, distance);
    for (const { callers } of nearest) for (const c of callers) if (!distances.has(c.body.id)) next.add(c);
    nearest = [...next];
  }
  return distances;
}

/** Control does not come back from the call. */
export function ends(functions: Functions, { call: { ends, callee } }: Step): boolean {
  return ends || (callee !== undefined && functions.get(callee.id)?.neverReturns === true);
}
