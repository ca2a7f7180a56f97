/**
 * The bodies that the engine runs: without the instructions and branches that cannot matter to userfaultfd.
 *
 * Where more is asked of code than what it does to descriptors and messages - whether a child uses its memory, whether
 * code under an event acts - the body is run as it stands. Functions that can come to ask that have no slice.
 */
import {
  type BasicBlock,
  ERRNO,
  type FunctionBody,
  type Instruction,
  type Place,
  REST,
  type Terminator,
  type Variable,
} from '../../ir/ir.ts';
import { orderBlocks } from '../../ir/order.ts';
import { branchTo, type GrowingBlock, switchTo } from '../../ir/simplify.ts';
import { placesOf } from '../../ir/visit.ts';
import { isPredicate, namesForkDescriptor } from '../as-written.ts';
import { type Program, variableBase } from '../context.ts';
import type { State } from '../state.ts';
import type { Location } from '../value.ts';
import { libraryCallOf } from './library.ts';
import { find, type Name, type Names } from './names.ts';
import { Relevance } from './relevance.ts';
import { Rows, type Walker } from './rows.ts';
import type { Stores } from './threads.ts';
import { distancesOf, ends, type FunctionFacts } from './traits.ts';

/** A place by its variable; `behind`: the path from what the variable points to. */
export interface Mask {
  readonly variable: Location;
  readonly behind: string | undefined;
}

/** What of a body keeps its states apart. */
export interface Apart {
  /** Places that hold what a handshake may come to request: variables, members of such, and behind them. */
  readonly masks: readonly Mask[];
  /** Variables by which it walks through a table whose rows are told apart. */
  readonly walkers: readonly Walker[];
}

/** Undefined where an element of an array, or more than one pointer, lies on the way. */
function maskAt({ base, path }: Place): Mask | undefined {
  let fields = '';
  for (const e of path) {
    if (e.kind !== 'field') return undefined;
    fields += `.${e.name}`;
  }
  if (base.kind === 'variable')
    return { variable: { base: variableBase(base.variable), path: fields }, behind: undefined };
  if (base.pointer.kind !== 'load') return undefined;
  const pointer = maskAt(base.pointer.place);
  return pointer?.behind === undefined && pointer !== undefined ? { ...pointer, behind: fields } : undefined;
}

/** The name of the last field, or of the variable; undefined for allocated memory without one. */
function nameOf({ base, path }: Location, names: Names): Name | undefined {
  const field = path === '' ? undefined : /\.(\w+)[^.]*$/.exec(path)?.[1];
  if (field !== undefined) return names.ofField(field);
  return base.startsWith('var:') ? names.ofVariable(base.slice('var:'.length)) : undefined;
}

function nameOfMask({ variable, behind }: Mask): string {
  return `${variable.base}|${variable.path}|${behind ?? '-'}`;
}

export class Slice {
  private readonly relevance: Relevance;
  private readonly whole: boolean;
  private readonly sliced = new Map<string, FunctionBody | undefined>();
  private readonly ignored = new Map<Place, boolean>();
  private readonly ignoredParameters = new Map<Variable, boolean>();
  private distances: ReadonlyMap<string, number> | undefined = undefined;
  private readonly signatures = new Map<string, string>();
  private readonly apart = new Map<FunctionBody, Apart>();
  private readonly rows: Rows;

  /** `whole` leaves every body as it stands, and answers what is asked of the program all the same. */
  constructor(program: Program, whole = false) {
    this.whole = whole;
    this.relevance = new Relevance(program, program.bodies);
    const { names } = this.relevance;
    this.rows = new Rows(program, {
      isWanted: (place) => this.relevance.isWanted(names.ofPlace(place)),
      prepares: (body) => this.prepares(body),
      makes: (call, file) => {
        if (call.callee.kind !== 'function') return false;
        const body = program.function(call.callee.name, file);
        return body === undefined ? libraryCallOf(call)?.row.kind === 'userfaultfd' : this.makesUserfaultfd(body);
      },
      leadsTo: (pointer, id) => find(names.behind(names.ofVariable(pointer.id))) === find(names.ofVariable(id)),
    });
  }

  /** The slice of a body, where nothing is asked in this state that it leaves out; else the body. */
  bodyFor(state: State, body: FunctionBody): FunctionBody {
    if (this.whole || state.childOf !== undefined || state.hypothesis !== undefined) return body;
    for (const o of state.objects.values()) if (o.handshake === 'fresh' || o.handshake === 'failed') return body;
    return this.sliceOf(body) ?? body;
  }

  private sliceOf(body: FunctionBody): FunctionBody | undefined {
    if (!this.sliced.has(body.id)) this.sliced.set(body.id, this.make(body));
    return this.sliced.get(body.id);
  }

  /**
   * The slice of a body, where it tells all that the engine asks of the function as long as it is what `bodyFor` gives;
   * undefined where messages are told apart, since which statements stand under a test is asked of the body.
   */
  standsFor(body: FunctionBody): FunctionBody | undefined {
    if (this.whole || this.relevance.functions.get(body.id)?.readsMessages !== false) return undefined;
    return this.sliceOf(body);
  }

  /** False where it makes no difference to userfaultfd whether the function runs, as far as its arguments lead. */
  acts(body: FunctionBody): boolean {
    const facts = this.relevance.functions.get(body.id);
    return facts === undefined || facts.acts || facts.neverReturns;
  }

  /** A process may be made while it runs. */
  forks(body: FunctionBody): boolean {
    return this.relevance.functions.get(body.id)?.forks !== false;
  }

  /** In the order of the number of calls between them and what a program does to a userfaultfd. */
  nearestFirst(bodies: readonly FunctionBody[]): FunctionBody[] {
    // Stable, so that those at one distance stay in their order.
    return [...bodies].sort((a, b) => {
      const [to, from] = [this.distanceOf(a), this.distanceOf(b)];
      return to === from ? 0 : to - from;
    });
  }

  /** The number of calls between the function and what the program does to a userfaultfd. */
  distanceOf(body: FunctionBody): number {
    this.distances ??= distancesOf(this.relevance.functions);
    return this.distances.get(body.id) ?? Number.POSITIVE_INFINITY;
  }

  /** A userfaultfd is made, or its handshake done, while it runs. */
  makesUserfaultfd(body: FunctionBody): boolean {
    return this.relevance.functions.get(body.id)?.wary !== false;
  }

  /** Something may be made while it runs to which memory leads: allocated memory, a userfaultfd, a child. */
  makes(body: FunctionBody): boolean {
    return this.relevance.functions.get(body.id)?.makes !== false;
  }

  /** While it runs something is done that other functions rest on: a userfaultfd or a reader comes to be. */
  prepares(body: FunctionBody): boolean {
    const facts = this.relevance.functions.get(body.id);
    return facts === undefined || facts.wary || facts.startsThreads;
  }

  /** The one can come to call the other, and the other the one. */
  areInCircle(caller: FunctionBody, callee: FunctionBody): boolean {
    const circle = this.relevance.circles.get(callee.id);
    return circle !== undefined && circle === this.relevance.circles.get(caller.id);
  }

  /** What is stored there is not followed: its value is unknown. */
  ignores(place: Place): boolean {
    if (this.whole) return false;
    let answer = this.ignored.get(place);
    if (answer === undefined) {
      const { kind } = place.type;
      const isErrno = place.base.kind === 'variable' && place.base.variable.id === ERRNO.id;
      answer =
        !isErrno &&
        kind !== 'record' &&
        kind !== 'array' &&
        !this.relevance.matters(this.relevance.names.ofPlace(place));
      this.ignored.set(place, answer);
    }
    return answer;
  }

  /** Functions beside those that the root can come to call have to do with what lies there. */
  isUsedOutside(root: string, location: Location): boolean {
    const name = nameOf(location, this.relevance.names);
    return name === undefined || this.relevance.isMentionedOutside(root, name);
  }

  /** What threads that others started may store there, where it is a number that tells of no descriptor. */
  storesByThreads(location: Location): Stores | undefined {
    const name = nameOf(location, this.relevance.names);
    if (name === undefined) return 'several compute';
    const found = find(name);
    return found.tells ? undefined : this.relevance.storesByThreads.get(found);
  }

  apartBy(body: FunctionBody): Apart {
    let apart = this.apart.get(body);
    if (apart === undefined) {
      apart = { masks: this.findMasks(body), walkers: this.rows.walkersOf(body) };
      this.apart.set(body, apart);
    }
    return apart;
  }

  walkersOf(body: FunctionBody): readonly Walker[] {
    return this.apartBy(body).walkers;
  }

  /** The number of the row of such a table that a pointer leads to. */
  rowAt(location: Location): number | undefined {
    return this.rows.rowAt(location);
  }

  private findMasks(body: FunctionBody): Mask[] {
    const found = new Map<string, Mask>();
    const note = (place: Place) => {
      const { kind } = place.type;
      if (kind === 'record' || kind === 'array' || kind === 'pointer') return;
      if (!this.relevance.isWanted(this.relevance.names.ofPlace(place))) return;
      const mask = maskAt(place);
      if (mask !== undefined) found.set(nameOfMask(mask), mask);
    };
    const { span } = body;
    for (const variable of body.parameters)
      note({ base: { kind: 'variable', variable }, path: [], type: variable.type, span });
    for (const place of placesOf(body)) note(place);
    return [...found.values()];
  }

  ignoresVariable(variable: Variable): boolean {
    const { kind } = variable.type;
    if (kind === 'record' || kind === 'array' || variable.cleanup !== undefined) return false;
    return !this.relevance.matters(this.relevance.names.ofVariable(variable.id));
  }

  /** What a call gives to the function under that name is never looked at. */
  ignoresParameter(parameter: Variable): boolean {
    if (this.whole) return false;
    let answer = this.ignoredParameters.get(parameter);
    if (answer === undefined) {
      answer = this.findsIgnored(parameter);
      this.ignoredParameters.set(parameter, answer);
    }
    return answer;
  }

  private findsIgnored(parameter: Variable): boolean {
    if (parameter.name !== REST) return this.ignoresVariable(parameter);
    const { names } = this.relevance;
    const name = names.ofVariable(parameter.id);
    return !this.relevance.matters(name) && !this.relevance.matters(names.behind(name));
  }

  /** All that is answered here of a function and of what stands in it: equal texts, equal answers. */
  signatureOf(body: FunctionBody): string {
    let signature = this.signatures.get(body.id);
    if (signature === undefined) {
      signature = this.sign(body);
      this.signatures.set(body.id, signature);
    }
    return signature;
  }

  private sign(body: FunctionBody): string {
    const facts = this.relevance.functions.get(body.id);
    if (facts === undefined) return '';
    const { wary, folded } = facts;
    const kept = facts.blocks.flatMap(({ steps }) =>
      steps.map((s) => this.relevance.keeps(s, wary) || ends(this.relevance.functions, s)),
    );
    const ignored = [...body.parameters, ...body.locals].map((v) => this.ignoresVariable(v));
    for (const p of placesOf(body)) ignored.push(this.ignores(p));
    return [
      this.traitsOf(facts),
      bitsOf(kept),
      bitsOf(ignored),
      folded.join(),
      this.circleOf(body),
      this.signApart(body),
    ].join(' ');
  }

  /** All that is answered here of a function of which a slice is run, and of what stands in that. */
  signatureOfSlice(slice: FunctionBody): string {
    const body = slice.whole!;
    const ignored = [...slice.parameters, ...slice.locals].map((v) => this.ignoresVariable(v));
    for (const p of placesOf(slice)) ignored.push(this.ignores(p));
    return [
      this.traitsOf(this.relevance.functions.get(body.id)!),
      bitsOf(ignored),
      this.circleOf(body),
      ...[body, slice].map((b) => this.signApart(b)),
      bitsOf([isPredicate(body), namesForkDescriptor(body)]),
    ].join(' ');
  }

  private traitsOf({ acts, neverReturns, forks, wary, makes, startsThreads, readsMessages }: FunctionFacts): string {
    return bitsOf([this.whole, acts, neverReturns, forks, wary, makes, startsThreads, readsMessages]);
  }

  private signApart(body: FunctionBody): string {
    const apart = this.apartBy(body);
    const masks = apart.masks.map(nameOfMask);
    const walkers = apart.walkers.map(({ at, rows }) => `${at.base}:${rows ?? this.rows.description}`);
    return `${masks.join()} ${walkers.join()}`;
  }

  /** The functions that the function calls in a circle. */
  private circleOf({ id }: FunctionBody): string {
    const { circles } = this.relevance;
    const circle = circles.get(id);
    if (circle === undefined) return '';
    return [...circles.keys()]
      .filter((other) => circles.get(other) === circle)
      .sort()
      .join();
  }

  private make(body: FunctionBody): FunctionBody | undefined {
    const facts = this.relevance.functions.get(body.id);
    if (facts === undefined || facts.forks) return undefined;
    const blocks = facts.blocks.map((_, i) => this.cut(facts, body.blocks[i]!, i));
    const locals = body.locals.filter((v) => !this.ignoresVariable(v));
    // Where messages are told apart, which statements stand under the test is asked of the slice, too.
    return cutTo(body, orderBlocks(blocks, facts.readsMessages), locals);
  }

  private cut(facts: FunctionFacts, block: BasicBlock, index: number): GrowingBlock {
    const steps = facts.blocks[index]!.steps;
    const folded = facts.folded[index];
    const instructions: Instruction[] = [];
    for (const step of steps) {
      const { instruction } = step;
      if (instruction.kind === 'declare') {
        if (!this.ignoresVariable(instruction.variable)) instructions.push(instruction);
      } else if (instruction.kind === 'end-scope') {
        const variables = instruction.variables.filter((v) => !this.ignoresVariable(v));
        if (variables.length > 0) instructions.push({ kind: 'end-scope', variables, span: instruction.span });
      } else if (this.relevance.keeps(step, facts.wary) || ends(this.relevance.functions, step))
        instructions.push(instruction);
    }
    if (folded !== undefined) return { instructions, terminator: { kind: 'goto', target: folded } };
    const { terminator } = block;
    return { instructions, terminator: withOrigin(terminator, block.id) };
  }
}

function bitsOf(list: readonly boolean[]): string {
  return list.map(Number).join('');
}

function withOrigin(terminator: Terminator, origin: number): Terminator {
  switch (terminator.kind) {
    case 'branch':
      return branchTo(terminator, terminator.whenTrue, terminator.whenFalse, origin);
    case 'switch':
      return switchTo(terminator, (target) => target, origin);
    default:
      return terminator;
  }
}

/** Written out, so that all slices have one layout. */
function cutTo(body: FunctionBody, blocks: readonly BasicBlock[], locals: readonly Variable[]): FunctionBody {
  return {
    id: body.id,
    name: body.name,
    file: body.file,
    static: body.static,
    parameters: body.parameters,
    variadic: body.variadic,
    returnType: body.returnType,
    noreturn: body.noreturn,
    beforeMain: body.beforeMain,
    locals,
    blocks,
    whole: body,
    span: body.span,
    nameSpan: body.nameSpan,
    quarantine: body.quarantine,
  };
}
