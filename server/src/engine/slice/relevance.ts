/**
 * What of a program can matter to userfaultfd: a program slice (Weiser, "Program slicing", ICSE 1981) over names that
 * do not depend on a state. Criteria are the calls that a model of the engine looks at and what their results tell.
 * A branch is kept where something that matters depends on it, or where its test says what became of a descriptor.
 */
import type { FunctionBody } from '../../ir/ir.ts';
import { withoutMembers } from '../collections.ts';
import type { Program } from '../context.ts';
import { findCircles } from './circles.ts';
import { foldBranches } from './fold.ts';
import { fieldName, Names, pointersFollowed } from './names.ts';
import { type Flow, parameterAt, returnName, type Step, StepReader } from './steps.ts';
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
  /** Names whose value decides something. */
  private readonly relevant = new Set<string>();
  /** Names that may hold a descriptor, or a result that tells what became of one. */
  private readonly telling: ReadonlySet<string>;
  /** Names of records in which such things lie. */
  private readonly holding: ReadonlySet<string>;
  /** Names that may hold a child's descriptor, and those of records in which it may lie. */
  private readonly carrying: ReadonlySet<string>;
  /** Names that hold, or tell of, the event of a message. */
  private readonly ofMessages: ReadonlySet<string>;
  /** Names that say which way the program came: what is given up where they are tested rests on that. */
  private readonly flags: ReadonlySet<string>;
  private readonly makesProcesses: boolean;
  private readonly follow: (seeds: readonly string[]) => ReadonlySet<string>;
  private readonly flows: readonly Flow[];
  private wanted: ReadonlySet<string> | undefined;
  private stored: ReadonlyMap<string, Stores> | undefined;
  private readonly computed: readonly string[];
  /** Numbers in shared memory that several threads compute: whoever looks finds any, whatever was stored. */
  private readonly unsteady: ReadonlySet<string>;
  private readonly resolved = new Map<Step, readonly FunctionFacts[]>();
  private mentionedIn: ReadonlyMap<string, ReadonlySet<FunctionFacts>> = new Map();
  /** Functions to be looked at again. */
  private readonly queue = new Set<FunctionFacts>();

  constructor(program: Program, bodies: readonly FunctionBody[]) {
    this.names = new Names((e) => program.function(e.name, e.span.file));
    const reader = new StepReader(program, this.names);
    reader.readInitialisers();
    for (const body of bodies) {
      const blocks = reader.read(body);
      this.functions.set(body.id, factsOf(body, blocks));
    }
    reader.bindLoose();
    findTraits(
      this.functions,
      (step) => this.callees(step),
      reader.started.flatMap((name) => this.names.functionsAt(name)),
    );
    this.flags = reader.flags();
    this.makesProcesses = [...this.functions.values()].some((f) => f.forks);
    this.circles = findCircles(this.functions);
    this.flows = reader.flows;
    this.follow = this.closure(({ from, to }) => [from, to]);
    this.computed = reader.computed;
    this.ofMessages = this.follow([fieldName('event')]);
    this.telling = this.follow([...reader.telling, ...this.resultsOfHandshakes(), ...TOLD.map(fieldName)]);
    const { members } = reader.mentions;
    const around = (names: ReadonlySet<string>) =>
      this.follow(members.flatMap((m) => (names.has(this.names.find(m.name)) ? m.around : [])));
    this.holding = around(this.telling);
    const children = this.follow([fieldName('ufd')]);
    const records = around(children);
    this.carrying = new Set([...children, ...records]);
    // What a record counts in which a child lies may say when that is closed.
    const beside = members.filter((m) => m.around.some((a) => records.has(this.names.find(a))));
    this.unsteady = this.countedByThreads(
      withoutMembers(reader.sharedNumbers.find(), new Set(beside.map((m) => this.names.find(m.name)))),
    );
    for (const field of FIELDS_OF_RECORDS) this.mark(fieldName(field));
    // What a child loses depends on how its memory was registered.
    if (this.makesProcesses) this.mark(fieldName('mode'));
    for (const facts of this.functions.values()) {
      if (facts.body.parameters.some((p) => this.speaksOfMessages(p.id))) facts.readsMessages = true;
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

  /** By name: functions for which it makes a difference whether the name matters. */
  private mentions(): Map<string, Set<FunctionFacts>> {
    const found = new Map<string, Set<FunctionFacts>>();
    const note = (name: string, facts: FunctionFacts) => {
      const key = this.names.find(name);
      const list = found.get(key);
      if (list === undefined) found.set(key, new Set([facts]));
      else list.add(facts);
    };
    for (const facts of this.functions.values()) {
      note(returnName(facts.body), facts);
      for (const { steps, decides } of facts.blocks) {
        for (const name of decides) note(name, facts);
        for (const step of steps) {
          for (const name of step.defines) note(name, facts);
          for (const name of step.takes) note(name, facts);
        }
      }
      for (const { step } of facts.calls)
        for (const { body } of this.callees(step)) for (const p of body.parameters) note(p.id, facts);
    }
    return found;
  }

  matters(name: string): boolean {
    const found = this.names.find(name);
    return this.relevant.has(found) || this.telling.has(found);
  }

  /** Some function that this one cannot come to call has to do with the name. */
  isMentionedOutside(id: string, name: string): boolean {
    const root = this.functions.get(id);
    if (root === undefined) return true;
    const inside = new Set([root]);
    for (const { calls } of inside) for (const { step } of calls) for (const c of this.callees(step)) inside.add(c);
    return [...(this.mentionedIn.get(this.names.find(name)) ?? [])].some((facts) => !inside.has(facts));
  }

  /** It may hold a descriptor, or a result that tells what became of one. */
  tells(name: string): boolean {
    return this.telling.has(this.names.find(name));
  }

  /** A record of which a member may hold a descriptor, or a result that tells what became of one. */
  private holds(name: string): boolean {
    return this.holding.has(this.names.find(name));
  }

  private decides(name: string): boolean {
    return this.relevant.has(this.names.find(name));
  }

  speaksOfMessages(name: string): boolean {
    return this.ofMessages.has(this.names.find(name));
  }

  /** By name: the threads that may store a number there, and whether it may be one that is counted. */
  get storesByThreads(): ReadonlyMap<string, Stores> {
    this.stored ??= storesByThreads(
      this.functions,
      (step) => this.callees(step),
      (name) => this.names.find(name),
      this.follow(this.computed),
    );
    return this.stored;
  }

  private countedByThreads(sharedNumbers: ReadonlySet<string>): Set<string> {
    const found = new Set<string>();
    for (const [name, stores] of this.storesByThreads)
      if (stores === 'several compute' && sharedNumbers.has(name) && !this.telling.has(name)) found.add(name);
    return found;
  }

  /** `wary`: a handshake may be missing there, so that requests of every kind matter. */
  keeps(step: Step, wary: boolean): boolean {
    if (this.isEssential(step) || step.looksIntoMessage || (wary && (step.request || step.unknown))) return true;
    if (step.copied !== undefined && this.holds(step.copied)) return true;
    for (const name of step.released) if (this.carrying.has(this.names.find(name))) return true;
    if (step.within === undefined || this.matters(step.within))
      for (const name of step.defines) if (this.matters(name)) return true;
    for (const name of step.takes) if (this.isTaken(name, step)) return true;
    for (const { acts } of this.callees(step)) if (acts) return true;
    return false;
  }

  /** The step is kept for the sake of what it is given under this name. */
  private isTaken(name: string, step: Step): boolean {
    if (isAssignment(step)) return this.tells(name);
    return this.holds(name) || (step.forDescriptors ? this.tells(name) : this.matters(name));
  }

  private isEssential(step: Step): boolean {
    return step.essential && (this.makesProcesses || !step.forForks);
  }

  /** Bodies that a step calls, or starts as a thread. */
  private callees(step: Step): readonly FunctionFacts[] {
    const { callee, cleanups, through } = step;
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

  private mark(name: string): void {
    const found = this.names.find(name);
    if (this.relevant.has(found) || this.unsteady.has(found)) return;
    this.relevant.add(found);
    for (const facts of this.mentionedIn.get(found) ?? []) this.queue.add(facts);
  }

  /** Everything that values of some names may have gone to. */
  private closure(along: (flow: Flow) => readonly [string, string]): (seeds: readonly string[]) => ReadonlySet<string> {
    const next = new Map<string, string[]>();
    for (const flow of this.flows) {
      const [from, to] = along(flow).map((name) => this.names.find(name)) as [string, string];
      const targets = next.get(from);
      if (targets === undefined) next.set(from, [to]);
      else targets.push(to);
    }
    return (seeds) => {
      const found = new Set(seeds.map((s) => this.names.find(s)));
      for (const name of found) for (const to of next.get(name) ?? []) found.add(to);
      return found;
    };
  }

  /** Its value may come to be among the features that a handshake requests. */
  isWanted(name: string): boolean {
    this.wanted ??= this.closure(({ from, to }) => [to, from])([fieldName('features')]);
    return this.wanted.has(this.names.find(name));
  }

  /** What a call returns that makes a userfaultfd or does its handshake tells of it, whatever number it is. */
  private *resultsOfHandshakes(): Iterable<string> {
    for (const { blocks } of this.functions.values())
      for (const b of blocks)
        for (const s of b.steps)
          if (s.callee !== undefined && this.functions.get(s.callee.id)?.wary === true) yield* s.defines;
  }

  /** What is kept only because it passes a descriptor on is followed because it is one, not for its number. */
  private isForItsValue(step: Step, wary: boolean): boolean {
    if (this.isEssential(step) || (wary && step.request)) return true;
    return isAssignment(step) ? step.defines.some((n) => this.decides(n)) : step.takes.length === 0;
  }

  /** Arguments matter where the parameter does that they go to. */
  private lookAtArguments(step: Step): void {
    for (const { body } of this.callees(step)) {
      for (const [n, names] of step.given.entries()) {
        const parameter = parameterAt(body, n);
        if (parameter !== undefined && this.matters(parameter.id)) for (const name of names) this.mark(name);
      }
      if (step.defines.some((d) => this.matters(d))) this.mark(returnName(body));
    }
  }

  /** One pass over a function: what is kept makes what it uses matter. */
  private look(facts: FunctionFacts): void {
    const { body, blocks } = facts;
    // To look into a message is to tell it apart, whatever comes of that.
    let acts = facts.acts || facts.readsMessages;
    const kept: boolean[][] = [];
    const busy: boolean[] = [];
    for (const { steps } of blocks) {
      const list: boolean[] = [];
      for (const step of steps) list.push(this.keeps(step, facts.wary));
      kept.push(list);
      busy.push(list.includes(true));
    }
    const { folded, filters } = foldBranches(facts.graph, {
      busy,
      // Where a child is let go is told apart, whatever the function returns there.
      returnMatters:
        this.matters(returnName(body)) ||
        (facts.readsMessages && [...body.parameters, ...body.locals].some((v) => this.tells(v.id))),
      decides: (block) => {
        const names = blocks[block]!.decides;
        return names.length > 0 && names.every((n) => this.matters(n) || this.flags.has(this.names.find(n)));
      },
      stays: (block) => {
        const names = blocks[block]!.decides;
        return (
          // `while (slot >= 0) wait();`: the way out says that nothing lies there.
          (body.blocks[block]!.loopHead && names.some((n) => this.carrying.has(this.names.find(n)))) ||
          blocks[block]!.looksIntoMessage ||
          (facts.readsMessages && names.some((n) => this.speaksOfMessages(n))) ||
          (facts.wary && names.some((n) => this.tells(n)))
        );
      },
    });
    facts.folded = folded;
    acts ||= filters;
    // Arguments of calls that are left out too: where the body is run as it stands they are not.
    for (const { step } of facts.calls) this.lookAtArguments(step);
    const reached = reachable(facts);
    for (const i of reached) {
      const block = blocks[i]!;
      for (const [n, step] of block.steps.entries()) {
        if (!kept[i]![n]) continue;
        acts = true;
        for (const name of this.isForItsValue(step, facts.wary) ? step.uses : step.ways) this.mark(name);
        if (step.copied !== undefined) this.mark(step.copied);
      }
      const { terminator } = body.blocks[i]!;
      if (terminator.kind === 'return') {
        if (this.matters(returnName(body))) for (const name of block.uses) this.mark(name);
      } else if (facts.folded[i] === undefined) for (const name of block.uses) this.mark(name);
    }
    if (!acts || facts.acts) return;
    facts.acts = true;
    for (const caller of facts.callers) this.queue.add(caller);
  }
}

function isAssignment(step: Step): boolean {
  return step.instruction.kind === 'assign';
}

const NO_FUNCTIONS: readonly FunctionFacts[] = [];

/** Blocks that are still reached when branches are folded. */
function reachable(facts: FunctionFacts): Set<number> {
  const found = new Set([0]);
  for (const block of found) {
    const folded = facts.folded[block];
    for (const next of folded === undefined ? facts.blocks[block]!.successors : [folded]) found.add(next);
  }
  return found;
}
