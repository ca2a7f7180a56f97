/**
 * What of a program can matter to userfaultfd: a program slice (Weiser, "Program slicing", ICSE 1981) over names that
 * do not depend on a state. Criteria are the calls that a model of the engine looks at and what their results tell.
 * A branch is kept where something that matters depends on it, or where its test says what became of a descriptor.
 */
import type { FunctionBody } from '../../ir/ir.ts';
import type { Program } from '../context.ts';
import { findCircles } from './circles.ts';
import { foldBranches } from './fold.ts';
import { find, type Name, Names, pointersFollowed } from './names.ts';
import { type BlockFacts, NO_CALL, type Step } from './step.ts';
import { parameterFor, StepReader } from './steps.ts';
import { type Stores, storesByThreads } from './threads.ts';
import { type FunctionFacts, factsOf, findTraits } from './traits.ts';

/** Fields of the kernel's records that models read or write. */
const FIELDS_OF_RECORDS = ['api', 'features', 'range', 'start', 'event'];
/** What a message tells of another process: its number and its event. */
const TOLD = ['ufd', 'event'];

export class Relevance {
  readonly names: Names;
  readonly functions = new Map<string, FunctionFacts>();
  /** Functions that call each other in a circle have a number in common. */
  readonly circles: ReadonlyMap<string, number>;
  private readonly makesProcesses: boolean;
  /** Copies of values, from one name to another. */
  private readonly flows: readonly Way[];
  private readonly follow: Closure;
  private wanted: ReadonlySet<Name> | undefined = undefined;
  private stored: ReadonlyMap<Name, Stores> | undefined = undefined;
  private readonly computed: readonly Name[];
  private readonly resolved = new Map<Step, readonly FunctionFacts[]>();
  private mentionedIn: ReadonlyMap<Name, ReadonlySet<FunctionFacts>> = new Map();
  /** Functions to be looked at again. */
  private readonly queue = new Set<FunctionFacts>();

  constructor(program: Program, bodies: readonly FunctionBody[]) {
    this.names = new Names((e) => program.function(e.name, e.span.file));
    const reader = new StepReader(program, this.names);
    reader.readInitialisers();
    for (const body of bodies) {
      const blocks = reader.read(body);
      this.functions.set(body.id, factsOf(body, blocks, this.names));
    }
    reader.bindLoose();
    findTraits(
      this.functions,
      (step) => this.callees(step),
      reader.started.flatMap((name) => this.names.functionsAt(name)),
    );
    this.makesProcesses = [...this.functions.values()].some((f) => f.forks);
    this.circles = findCircles(this.functions);
    this.flows = reader.flows.map(({ from, to }) => [find(from), find(to)]);
    this.follow = closure(this.flows);
    this.computed = reader.computed;
    this.describe(reader);
    for (const field of FIELDS_OF_RECORDS) this.mark(this.names.ofField(field));
    // What a child loses depends on how its memory was registered.
    if (this.makesProcesses) this.mark(this.names.ofField('mode'));
    for (const facts of this.functions.values()) {
      if (facts.parameters.some((p) => find(p).speaksOfMessages)) facts.readsMessages = true;
      if (facts.inChild) for (const pointer of pointersFollowed(facts.body, this.names)) this.mark(pointer);
    }
    this.mentionedIn = this.mentions();
    const queue = this.queue;
    for (const facts of this.functions.values()) queue.add(facts);
    for (const facts of queue) {
      queue.delete(facts);
      this.look(facts);
    }
  }

  /** Says of names what they may hold, whatever comes to matter. */
  private describe(reader: StepReader): void {
    const { members } = reader.mentions;
    const ofFields = (fields: readonly string[]) => fields.map((field) => this.names.ofField(field));
    const around = (names: ReadonlySet<Name>) =>
      this.follow(members.flatMap((m) => (names.has(find(m.name)) ? m.around : [])));
    for (const name of this.follow(ofFields(['event']))) name.speaksOfMessages = true;
    const telling = this.follow([...reader.telling, ...this.resultsOfHandshakes(), ...ofFields(TOLD)]);
    for (const name of telling) name.tells = true;
    for (const name of around(telling)) name.holds = true;
    const children = this.follow(ofFields(['ufd']));
    const records = around(children);
    for (const name of children) name.carries = true;
    for (const name of records) name.carries = true;
    for (const name of reader.flags((body) => this.mayServe(body))) name.isFlag = true;
    const numbers = reader.sharedNumbers.find();
    // What a record counts in which a child lies may say when that is closed.
    const beside = new Set(members.filter((m) => m.around.some((a) => records.has(find(a)))).map((m) => find(m.name)));
    for (const [name, stores] of this.storesByThreads)
      name.isUnsteady = stores === 'several compute' && numbers.has(name) && !beside.has(name) && !name.tells;
  }

  /** It looks into messages, or is given what may be a child's descriptor, or lead to one. */
  private mayServe({ id }: FunctionBody): boolean {
    const facts = this.functions.get(id);
    if (facts === undefined || facts.readsMessages) return facts?.readsMessages === true;
    return facts.parameters.some((p) => find(p).carries || leadsToChild(p));
  }

  /** By name: functions for which it makes a difference whether the name matters. */
  private mentions(): Map<Name, Set<FunctionFacts>> {
    const found = new Map<Name, Set<FunctionFacts>>();
    const note = (name: Name, facts: FunctionFacts) => {
      const key = find(name);
      const list = found.get(key);
      if (list === undefined) found.set(key, new Set([facts]));
      else list.add(facts);
    };
    for (const facts of this.functions.values()) {
      note(facts.result, facts);
      for (const { steps, decides } of facts.blocks) {
        for (const name of decides) note(name, facts);
        for (const step of steps) {
          for (const name of step.defines) note(name, facts);
          for (const name of step.takes) note(name, facts);
        }
      }
      for (const { step } of facts.calls)
        for (const { parameters } of this.callees(step)) for (const p of parameters) note(p, facts);
    }
    return found;
  }

  matters(name: Name): boolean {
    const { decides, tells } = find(name);
    return decides || tells;
  }

  /** Some function that this one cannot come to call has to do with the name. */
  isMentionedOutside(id: string, name: Name): boolean {
    const root = this.functions.get(id);
    if (root === undefined) return true;
    const inside = new Set([root]);
    for (const { calls } of inside) for (const { step } of calls) for (const c of this.callees(step)) inside.add(c);
    return [...(this.mentionedIn.get(find(name)) ?? [])].some((facts) => !inside.has(facts));
  }

  /** By name: the threads that may store a number there, and whether it may be one that is counted. */
  get storesByThreads(): ReadonlyMap<Name, Stores> {
    this.stored ??= storesByThreads(this.functions, (step) => this.callees(step), this.follow(this.computed));
    return this.stored;
  }

  /** `wary`: a handshake may be missing there, so that requests of every kind matter. */
  keeps(step: Step, wary: boolean): boolean {
    step.isKept ||= this.hasReason(step, wary);
    return step.isKept;
  }

  private hasReason(step: Step, wary: boolean): boolean {
    if (this.isEssential(step) || step.looksIntoMessage || (wary && (step.call.request || step.call.unknown)))
      return true;
    if (step.copied !== undefined && find(step.copied).holds) return true;
    for (const name of step.released) if (find(name).carries) return true;
    if (step.within === undefined || this.matters(step.within))
      for (const name of step.defines) if (this.matters(name)) return true;
    for (const name of step.takes) if (isTaken(find(name), step)) return true;
    for (const { acts } of this.callees(step)) if (acts) return true;
    return false;
  }

  private isEssential(step: Step): boolean {
    return step.essential && (this.makesProcesses || !step.call.forForks);
  }

  /** Bodies that a step calls, or starts as a thread. */
  private callees(step: Step): readonly FunctionFacts[] {
    if (step.call === NO_CALL) return NO_FUNCTIONS;
    const { callee, cleanups, through } = step.call;
    if (callee === undefined && through === undefined && cleanups.length === 0) return NO_FUNCTIONS;
    let found = this.resolved.get(step);
    if (found === undefined) {
      const pointed = through === undefined ? cleanups : this.names.functionsAt(through);
      const bodies = callee !== undefined ? [callee] : pointed;
      found = bodies.flatMap((b) => this.functions.get(b.id) ?? []);
      this.resolved.set(step, found);
    }
    return found;
  }

  private mark(name: Name): void {
    const found = find(name);
    if (found.decides || found.isUnsteady) return;
    found.decides = true;
    for (const facts of this.mentionedIn.get(found) ?? []) this.queue.add(facts);
  }

  private markAll(names: readonly Name[]): void {
    for (const name of names) this.mark(name);
  }

  /** Its value may come to be among the features that a handshake requests. */
  isWanted(name: Name): boolean {
    this.wanted ??= closure(this.flows.map(([from, to]) => [to, from]))([this.names.ofField('features')]);
    return this.wanted.has(find(name));
  }

  /** What a call returns that makes a userfaultfd or does its handshake tells of it, whatever number it is. */
  private *resultsOfHandshakes(): Iterable<Name> {
    for (const { blocks } of this.functions.values())
      for (const b of blocks)
        for (const s of b.calls)
          if (s.call.callee !== undefined && this.functions.get(s.call.callee.id)?.wary === true) yield* s.defines;
  }

  /** What is kept only because it passes a descriptor on is followed because it is one, not for its number. */
  private isForItsValue(step: Step, wary: boolean): boolean {
    if (this.isEssential(step) || (wary && step.call.request)) return true;
    return isAssignment(step) ? step.defines.some((n) => find(n).decides) : step.takes.length === 0;
  }

  /** Arguments matter where the parameter does that they go to. */
  private lookAtArguments(step: Step): void {
    const { given } = step.call;
    for (const { body, parameters, result } of this.callees(step)) {
      for (let n = 0; n < given.length; n++) {
        const parameter = parameters[parameterFor(body, n)];
        if (parameter !== undefined && this.matters(parameter)) this.markAll(given[n]!);
      }
      if (step.defines.some((d) => this.matters(d))) this.mark(result);
    }
  }

  /** One pass over a function: what is kept makes what it uses matter. */
  private look(facts: FunctionFacts): void {
    const { body, blocks, result, wary } = facts;
    const busy: boolean[] = [];
    for (const { steps } of blocks) {
      let isBusy = false;
      for (const step of steps) if (this.keeps(step, wary)) isBusy = true;
      busy.push(isBusy);
    }
    const { folded, filters } = foldBranches(facts.graph, {
      busy,
      // Where a child is let go is told apart, whatever the function returns there.
      returnMatters: this.matters(result) || this.holdsDescriptorsOfMessages(facts),
      decides: (block) => this.isDecided(blocks[block]!),
      stays: (block) => this.stays(facts, block),
    });
    facts.folded = folded;
    // Arguments of calls that are left out too: where the body is run as it stands they are not.
    for (const { step } of facts.calls) this.lookAtArguments(step);
    // To look into a message is to tell it apart, whatever comes of that.
    let acts = filters || facts.readsMessages;
    for (const i of reachable(facts)) {
      const block = blocks[i]!;
      acts ||= busy[i]!;
      if (busy[i]) for (const step of block.steps) if (step.isKept) this.markFor(step, wary);
      const isTaken = body.blocks[i]!.terminator.kind === 'return' ? this.matters(result) : folded[i] === undefined;
      if (isTaken) this.markAll(block.uses);
    }
    if (!acts || facts.acts) return;
    facts.acts = true;
    for (const caller of facts.callers) this.queue.add(caller);
  }

  /** What a step that is kept rests on matters. */
  private markFor(step: Step, wary: boolean): void {
    if (step.usesMatter) return;
    if (this.isForItsValue(step, wary)) {
      step.usesMatter = true;
      this.markAll(step.uses);
    } else if (!step.waysMatter) {
      step.waysMatter = true;
      this.markAll(step.ways);
    }
    if (step.copied !== undefined) this.mark(step.copied);
  }

  private holdsDescriptorsOfMessages({ readsMessages, parameters, body }: FunctionFacts): boolean {
    if (!readsMessages) return false;
    return parameters.some((p) => find(p).tells) || body.locals.some(({ id }) => find(this.names.ofVariable(id)).tells);
  }

  /** What its branch tests says something that matters. */
  private isDecided({ decides, pointers }: BlockFacts): boolean {
    if (pointers.some((n) => find(n).isFlag || leadsToChild(n))) return true;
    return decides.length > 0 && decides.every((n) => this.matters(n) || find(n).isFlag);
  }

  private stays({ blocks, body, readsMessages, wary }: FunctionFacts, block: number): boolean {
    const { decides, looksIntoMessage, testsFunction } = blocks[block]!;
    // Where no handler is found the program may end: that is what becomes of the message.
    if (looksIntoMessage || (readsMessages && testsFunction)) return true;
    const { loopHead } = body.blocks[block]!;
    for (const name of decides) {
      const { carries, speaksOfMessages, tells } = find(name);
      // `while (slot >= 0) wait();`: the way out says that nothing lies there.
      if ((loopHead && carries) || (readsMessages && speaksOfMessages) || (wary && tells)) return true;
    }
    return false;
  }
}

/** The step is kept for the sake of what it is given under this name. */
function isTaken({ tells, holds, decides }: Name, step: Step): boolean {
  if (isAssignment(step)) return tells;
  return holds || tells || (decides && !step.call.forDescriptors);
}

/** What pointers of this name lead to may be a child's descriptor, or a record in which one lies. */
function leadsToChild(name: Name): boolean {
  const { pointee } = find(name);
  return pointee !== undefined && find(pointee).carries;
}

function isAssignment(step: Step): boolean {
  return step.instruction.kind === 'assign';
}

const NO_FUNCTIONS: readonly FunctionFacts[] = [];

type Way = readonly [from: Name, to: Name];

/** Everything that values of some names may have gone to. */
type Closure = (seeds: readonly Name[]) => ReadonlySet<Name>;

function closure(ways: readonly Way[]): Closure {
  const next = new Map<Name, Name[]>();
  for (const [from, to] of ways) {
    const targets = next.get(from);
    if (targets === undefined) next.set(from, [to]);
    else targets.push(to);
  }
  return (seeds) => {
    const found = new Set(seeds.map(find));
    for (const name of found) for (const to of next.get(name) ?? []) found.add(to);
    return found;
  };
}

/** Blocks that are still reached when branches are folded. */
function reachable(facts: FunctionFacts): Set<number> {
  const found = new Set([0]);
  for (const block of found) {
    const folded = facts.folded[block];
    for (const next of folded === undefined ? facts.blocks[block]!.successors : [folded]) found.add(next);
  }
  return found;
}
