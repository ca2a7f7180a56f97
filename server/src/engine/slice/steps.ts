/**
 * What each instruction takes, makes and does to the outside, in names. Done once for each function; which of it
 * matters is decided in relevance.ts.
 */
import { ERRNO, type Expr, type FunctionBody, type Instruction, type Place, type Terminator } from '../../ir/ir.ts';
import { successors } from '../../ir/simplify.ts';
import { placesOf, type Visitor, visitInstruction, visitTerminator } from '../../ir/visit.ts';
import type { LibraryKind } from '../../libc/effects.ts';
import { FILL_RESULTS } from '../../uffd/requests.ts';
import type { Program } from '../context.ts';
import { typeOf } from '../evaluate.ts';
import {
  type CallInstruction,
  ESCAPES,
  isClone3,
  isHandshake,
  isIdle,
  isPlainRequest,
  type LibraryCall,
  LOOKED_AT,
  LOOKS_NOT_BEHIND,
  libraryCallOf,
  MAKERS,
  makesProcess,
  RETURNS_ARGUMENT,
  TELLING,
  WRITES_FIRST,
} from './library.ts';
import { Mentions } from './mentions.ts';
import { find, isBytePointer, isFunctionPointer, type Name, type Names } from './names.ts';
import { SharedNumbers } from './shared-numbers.ts';
import { type BlockFacts, CallFacts, type Flow, NO_CALL, NONE, PlainStep, type Step } from './step.ts';

const LOOKED_AT_BY_REQUESTS: readonly number[] = [0, 1];

/** Members in which the kernel answers a request: what they hold is not the program's own. */
const ANSWERS = [...FILL_RESULTS, 'ioctls', 'features'];

/** A call through a pointer, or the start of a thread. */
interface LooseCall {
  readonly list: readonly Expr[];
  readonly result: Name | undefined;
  readonly through: Name;
}

/** A thread, or a process with a function of its own. */
interface ThreadStart {
  /** What the pointer leads to through which it is given its function. */
  readonly through: Name | undefined;
  /** Names that say which function that is. */
  readonly begins: readonly Name[];
  readonly given: readonly Name[];
}

export class StepReader {
  /** Copies of values, for following results forward. */
  readonly flows: Flow[] = [];
  /** Results that tell of descriptors, and names that hold such things by their nature. */
  readonly telling: Name[] = [];
  /** Names that constants and answers to a question are assigned to, and those that other things are. */
  private readonly answers: Name[] = [];
  private readonly variables: Name[] = [];
  /** Copies of values as they are. */
  private readonly copies: Flow[] = [];
  /** Names that get what a function of the program returns. */
  private readonly results: { readonly name: Name; readonly of: FunctionBody }[] = [];
  /** Names whose value is computed, and not copied or chosen from constants. */
  readonly computed: Name[] = [];
  readonly sharedNumbers: SharedNumbers;
  readonly mentions: Mentions;
  /** Calls of which the program does not show the function. */
  private readonly loose: LooseCall[] = [];
  /** Where threads begin. */
  readonly started: Name[] = [];
  private readonly program: Program;
  private readonly names: Names;

  constructor(program: Program, names: Names) {
    this.program = program;
    this.names = names;
    this.sharedNumbers = new SharedNumbers(names);
    this.mentions = new Mentions(names);
  }

  /**
   * Names that hold such things alone, and what functions return of which it `tells` which way they went: they say
   * which way the program came.
   */
  flags(tells: (body: FunctionBody) => boolean): ReadonlySet<Name> {
    const found = new Set(this.answers.map(find));
    const others = new Set(this.variables.map(find));
    for (const { name, of } of this.results) (tells(of) ? found : others).add(find(name));
    for (const { to } of this.copies) found.add(find(to));
    for (const n of others) found.delete(n);
    for (let before = -1; before !== found.size; ) {
      before = found.size;
      for (const { from, to } of this.copies) if (!found.has(find(from))) found.delete(find(to));
    }
    return found;
  }

  /** What file-scope variables hold from the start. */
  readInitialisers(): void {
    for (const g of this.program.globals)
      for (const store of g.initialiser) this.flow(store.value, this.names.ofPlace(store.target));
  }

  read(body: FunctionBody): BlockFacts[] {
    const speaks = placesOf(body).some(isInMessage);
    return body.blocks.map((block) => {
      const { terminator } = block;
      const e = valueIn(terminator);
      if (terminator.kind === 'return' && e !== undefined) this.flow(e, this.names.ofResult(body));
      const steps: Step[] = [];
      let calls: Step[] | undefined;
      for (const i of block.instructions) {
        const step = this.step(i, body);
        if (speaks) step.looksIntoMessage = somePlace(isInMessage, (visitor) => visitInstruction(i, visitor));
        // Which message it is matters, whatever becomes of what is taken out of it.
        if (step.looksIntoMessage && i.kind === 'call') {
          const uses = [...step.uses];
          for (const a of i.arguments) this.mentions.ways(a, uses);
          step.uses = uses;
        }
        if (step.defines.length > 0) this.noteDefined(step);
        steps.push(step);
        if (step.call === NO_CALL) continue;
        calls ??= [];
        calls.push(step);
      }
      return {
        steps,
        calls: calls ?? NONE,
        uses: e === undefined ? NONE : this.mentions.uses(e),
        decides: e === undefined ? NONE : this.mentions.numbers(e),
        pointers: e === undefined ? NONE : this.mentions.pointers(e),
        looksIntoMessage: speaks && somePlace(isInMessage, (visitor) => visitTerminator(terminator, visitor)),
        testsFunction: speaks && somePlace(isFunctionPointer, (visitor) => visitTerminator(terminator, visitor)),
        successors: successors(terminator),
      };
    });
  }

  private noteDefined({ instruction: i, defines, call }: Step): void {
    const says = i.kind === 'assign' && saysYesOrNo(i.value);
    const copied = i.kind === 'assign' ? copiedPlace(i.value) : undefined;
    const isComputed = i.kind === 'assign' ? !says && copied === undefined : call.callee === undefined;
    if (i.kind !== 'zero')
      for (const name of defines) {
        if (copied !== undefined) this.copies.push({ from: this.names.ofPlace(copied), to: name });
        else if (call.callee !== undefined) this.results.push({ name, of: call.callee });
        else (says ? this.answers : this.variables).push(name);
        if (isComputed) this.computed.push(name);
      }
    this.sharedNumbers.noteStore(i, defines);
  }

  private copiedRecord(target: Place, value: Expr): Name | undefined {
    if (value.kind !== 'load' || (target.type.kind !== 'record' && value.place.type.kind !== 'record'))
      return undefined;
    return this.names.ofPlace(value.place);
  }

  private step(i: Instruction, body: FunctionBody): PlainStep {
    switch (i.kind) {
      case 'declare':
        return new PlainStep(i);
      case 'end-scope':
        return this.endOfScope(i, body);
      case 'opaque':
        return this.opaque(i);
      case 'zero':
        return this.zero(i);
      case 'assign':
        return this.assignment(i);
      case 'call':
        return this.call(i, body);
    }
  }

  private opaque(i: Instruction & { kind: 'opaque' }): PlainStep {
    const step = new PlainStep(i);
    step.essential = true;
    const uses: Name[] = [];
    for (const o of i.operands) this.mentions.contents(o, uses);
    step.uses = uses;
    return step;
  }

  private zero(i: Instruction & { kind: 'zero' }): PlainStep {
    const step = new PlainStep(i);
    step.defines = [this.names.ofPlace(i.target)];
    step.within = this.localRecord(i.target);
    step.uses = this.mentions.address(i.target);
    return step;
  }

  private assignment(i: Instruction & { kind: 'assign' }): PlainStep {
    const { target, value } = i;
    const { mentions } = this;
    const step = new PlainStep(i);
    const name = this.names.ofPlace(target);
    const same = isSameRegion(target, value);
    this.flow(value, name);
    mentions.around(target);
    step.essential = (!same && this.makesReachable(target, value)) || storesErrno(target);
    if (!same) step.defines = [name];
    step.within = this.localRecord(target);
    step.copied = this.copiedRecord(target, value);
    step.uses = mentions.address(target, mentions.uses(value));
    step.takes = mentions.handedOut(value, mentions.indexesIn(value, mentions.indexes(target)));
    step.ways = mentions.address(target, mentions.ways(value));
    return step;
  }

  /** The variable of a function in which the member lies. */
  private localRecord({ base, path }: Place): Name | undefined {
    if (base.kind !== 'variable' || path.length === 0) return undefined;
    const { storage, type, id } = base.variable;
    return storage === 'local' && type.kind === 'record' ? this.names.ofVariable(id) : undefined;
  }

  private endOfScope(i: Instruction & { kind: 'end-scope' }, body: FunctionBody): PlainStep {
    const cleanups: FunctionBody[] = [];
    const given: Name[] = [];
    const released: Name[] = [];
    for (const variable of i.variables) {
      const name = this.names.ofVariable(variable.id);
      released.push(name);
      if (variable.cleanup === undefined) continue;
      given.push(name);
      const callee = this.program.function(variable.cleanup, body.file);
      if (callee === undefined) continue;
      cleanups.push(callee);
      const place = { base: { kind: 'variable', variable }, path: [], type: variable.type, span: i.span } as const;
      this.bind([{ kind: 'address', place, span: i.span }], callee, undefined);
    }
    const step = new PlainStep(i, given.length === 0 ? NO_CALL : cleanedUp(cleanups, given));
    step.essential = given.length > 0;
    step.released = released;
    return step;
  }

  private call(i: Instruction & { kind: 'call' }, body: FunctionBody): PlainStep {
    const name = i.callee.kind === 'function' ? i.callee.name : undefined;
    const callee = name === undefined ? undefined : this.program.function(name, body.file);
    if (callee !== undefined) return this.callOfBody(i, callee);
    const known = libraryCallOf(i);
    return known === undefined ? this.callOfUnknown(i) : this.callOfLibrary(i, known);
  }

  private callOfBody(i: CallInstruction, callee: FunctionBody): PlainStep {
    const result = this.resultOf(i);
    this.bind(i.arguments, callee, result);
    const call = new CallFacts();
    call.ends = callee.noreturn;
    call.callee = callee;
    call.given = i.arguments.map((a) => this.mentions.uses(a));
    const step = new PlainStep(i, call);
    if (result !== undefined) step.defines = [result];
    return step;
  }

  private resultOf({ result }: CallInstruction): Name | undefined {
    return result === undefined ? undefined : this.names.ofVariable(result.id);
  }

  private callOfUnknown(i: CallInstruction): PlainStep {
    const { mentions } = this;
    const result = this.resultOf(i);
    const through = this.names.leadsTo(i.callee);
    if (through !== undefined) this.loose.push({ list: i.arguments, result, through });
    const call = new CallFacts();
    call.unknown = true;
    call.through = through;
    call.given = i.arguments.map((a) => mentions.uses(a));
    const step = new PlainStep(i, call);
    step.essential = i.arguments.some((a) => leadsToRecord(a));
    const takes: Name[] = [];
    const ways: Name[] = [];
    for (const a of i.arguments) {
      mentions.contents(a, takes);
      mentions.ways(a, ways);
    }
    step.takes = takes;
    // Whom it calls is asked whatever it is kept for.
    step.uses = mentions.uses(i.callee);
    step.ways = mentions.uses(i.callee, ways);
    if (result !== undefined) {
      this.telling.push(result);
      step.defines = [result];
    }
    return step;
  }

  private callOfLibrary(i: CallInstruction, known: LibraryCall): PlainStep {
    const { row, arguments: list } = known;
    const { kind } = row;
    const result = this.resultOf(i);
    const isRequest = kind === 'ioctl' && isPlainRequest(list[1]);
    const isDone = !isRequest && !isIdle(known);
    if (result !== undefined && isDone && TELLING.has(kind)) this.telling.push(result);
    // It tells of what is closed.
    if (kind === 'close' && list[0] !== undefined && result !== undefined) this.tell(list[0], result);
    if (kind === 'ioctl') for (const field of ANSWERS) this.variables.push(this.names.ofField(field));
    if (kind.startsWith('atomic-')) this.atomic(list, result, kind);
    if (kind === 'memcpy') this.copy(list);
    // A pointer comes back: the same, a new one, or one to a part.
    if (result !== undefined && RETURNS_ARGUMENT.has(kind)) {
      const given = list.find((a) => this.names.leadsTo(a) !== undefined);
      if (given !== undefined) this.names.assigned(result, given);
    }
    const once = kind === 'call-once' && list[1] !== undefined ? this.names.leadsTo(list[1]) : undefined;
    const thread = kind === 'thread-create' || kind === 'clone' ? this.thread(known) : undefined;
    const call = new CallFacts();
    call.forForks = kind === 'mutex-lock' || kind === 'mutex-unlock';
    call.forDescriptors = ESCAPES.has(kind);
    call.request = isRequest;
    call.handshake = isHandshake(known);
    call.makes = MAKERS.has(kind);
    call.forks = makesProcess(known);
    call.startsThread = thread !== undefined;
    call.ends = row.noreturn;
    call.through = thread?.through ?? once;
    if (thread !== undefined) call.given = [thread.given];
    const step = new PlainStep(i, call);
    step.essential = isDone && kind !== 'close';
    step.defines = this.definedBy(known, result);
    if (kind !== 'close') step.uses = this.lookedAtBy(known, isRequest, thread?.begins ?? NONE);
    // What is written to learns nothing of its own number.
    if (call.forDescriptors) step.takes = this.contentsOf(kind === 'write' ? list.slice(1) : list);
    // Asked only of what is kept for the sake of what it takes.
    if (step.takes.length > 0) step.ways = this.waysOf(known, thread?.begins ?? NONE);
    return step;
  }

  private copy([to, from]: readonly Expr[]): void {
    if (to === undefined || from === undefined) return;
    const target = this.names.leadsTo(to);
    const source = this.names.leadsTo(from);
    if (target === undefined || source === undefined) return;
    this.names.unite(target, source);
    this.flows.push({ from: source, to: target });
  }

  /** Its result, and what it writes behind its arguments. */
  private definedBy({ row, arguments: list }: LibraryCall, result: Name | undefined): readonly Name[] {
    const isWriter = WRITES_FIRST.has(row.kind);
    if (result === undefined && !isWriter && row.writes.length === 0) return NONE;
    const found = result === undefined ? [] : [result];
    for (const n of row.writes) if (list[n] !== undefined) this.mentions.writtenBehind(list[n], found);
    const target = isWriter ? list[row.name === 'bcopy' ? 1 : 0] : undefined;
    return target === undefined ? found : this.mentions.writtenBehind(target, found);
  }

  private lookedAtBy(call: LibraryCall, isRequest: boolean, begins: readonly Name[]): readonly Name[] {
    const { row, arguments: list } = call;
    const lookedAt = isRequest ? LOOKED_AT_BY_REQUESTS : LOOKED_AT[row.kind];
    const looksBehind = !LOOKS_NOT_BEHIND.has(row.kind);
    const found: Name[] = [];
    let isLooking = begins.length > 0;
    for (let n = 0; n < list.length; n++) {
      if (lookedAt !== undefined && !lookedAt.includes(n)) continue;
      isLooking = true;
      this.mentions.uses(list[n]!, found);
      if (looksBehind) this.mentions.pointedTo(list[n]!, found);
    }
    found.push(...begins);
    if (isLooking && isClone3(call)) found.push(this.names.ofField('flags'));
    return found;
  }

  private contentsOf(list: readonly Expr[]): readonly Name[] {
    const found: Name[] = [];
    for (const a of list) this.mentions.contents(a, found);
    return found;
  }

  /** Where what it takes lies, and where it goes. What is copied lies behind the pointers. */
  private waysOf({ row, arguments: list }: LibraryCall, begins: readonly Name[]): readonly Name[] {
    const found: Name[] = [];
    for (const a of list) {
      if (WRITES_FIRST.has(row.kind)) this.mentions.uses(a, found);
      else this.mentions.ways(a, found);
    }
    found.push(...begins);
    return found;
  }

  private atomic(list: readonly Expr[], result: Name | undefined, kind: LibraryKind): void {
    const place = list[0] === undefined ? undefined : this.names.leadsTo(list[0]);
    if (place === undefined) return;
    if (kind !== 'atomic-load' && list[1] !== undefined) this.flow(list[1], place);
    if (kind === 'atomic-store' || result === undefined) return;
    this.flows.push({ from: place, to: result });
    this.names.unite(this.names.behind(result), this.names.behind(place));
  }

  /** Arguments go to parameters, and what is returned to the result. */
  private bind(list: readonly Expr[], callee: FunctionBody, result: Name | undefined): void {
    for (let n = 0; n < list.length; n++) {
      const parameter = callee.parameters[parameterFor(callee, n)];
      if (parameter !== undefined) this.flow(list[n]!, this.names.ofVariable(parameter.id));
    }
    if (result === undefined) return;
    const returned = this.names.ofResult(callee);
    this.flows.push({ from: returned, to: result });
    this.names.unite(this.names.behind(result), this.names.behind(returned));
  }

  /** The function that a thread or a clone begins with, and what it is given. */
  private thread({ row, arguments: list }: LibraryCall): ThreadStart {
    const [start, given] = row.kind === 'clone' ? [0, 3] : row.name.startsWith('thrd') ? [1, 2] : [2, 3];
    const through = list[start] === undefined ? undefined : this.names.leadsTo(list[start]);
    const argument = list[given];
    const begins = list[start] === undefined ? [] : this.mentions.uses(list[start]);
    if (through !== undefined) this.started.push(through);
    if (through === undefined || argument === undefined) return { through, begins, given: [] };
    this.loose.push({ list: [argument], result: undefined, through });
    const pointee = this.names.leadsTo(argument);
    if (pointee !== undefined) this.sharedNumbers.noteGiven(pointee);
    return { through, begins, given: this.mentions.uses(argument) };
  }

  /** Binds calls through pointers to the functions that these lead to, which may hand on pointers of their own. */
  bindLoose(): void {
    const bound = new Map<LooseCall, Set<string>>(this.loose.map((call) => [call, new Set()]));
    for (let again = true; again; ) {
      again = false;
      for (const [{ list, result, through }, known] of bound) {
        for (const body of this.names.functionsAt(through)) {
          if (known.has(body.id)) continue;
          known.add(body.id);
          this.bind(list, body, result);
          again = true;
        }
      }
    }
  }

  /** A pointer to a record in memory that outlives the function: what lies there can be found from there. */
  private makesReachable(target: Place, value: Expr): boolean {
    const { base } = target;
    if (base.kind === 'variable' && base.variable.storage !== 'global' && base.variable.storage !== 'static') {
      const fields = target.path.some((e) => e.kind === 'field');
      if (!fields) return false;
    }
    const type = typeOf(value) ?? target.type;
    if (type.kind !== 'pointer') return false;
    const { to } = type;
    return to.kind === 'record' || to.kind === 'unknown' || to.kind === 'pointer';
  }

  /** The value, or what a comparison says of it, goes to `to`. */
  private flow(e: Expr, to: Name): void {
    this.names.assigned(to, e);
    this.tell(e, to);
  }

  private tell(e: Expr, to: Name): void {
    switch (e.kind) {
      case 'load':
        this.flows.push({ from: this.names.ofPlace(e.place), to });
        return;
      case 'unary':
      case 'cast':
        this.tell(e.operand, to);
        return;
      case 'binary':
        if (e.op === '*' || e.op === '/' || e.op === '%' || isBytePointer(e.left)) return;
        this.tell(e.left, to);
        this.tell(e.right, to);
        return;
      default:
        return;
    }
  }
}

/** The end of a scope at which these are called, each with the variable that it is for. */
function cleanedUp(cleanups: readonly FunctionBody[], given: readonly Name[]): CallFacts {
  const call = new CallFacts();
  call.cleanups = cleanups;
  call.given = [given];
  return call;
}

/** A constant, a comparison, or a flag out of a word. */
function saysYesOrNo(e: Expr): boolean {
  if (e.kind === 'cast') return saysYesOrNo(e.operand);
  if (e.kind === 'unary') return e.op === '!';
  if (e.kind !== 'binary') return e.kind === 'constant';
  return /^(?:[=!<>]=|[<>])$/.test(e.op) || (e.op === '&' && e.right.kind === 'constant');
}

function copiedPlace(e: Expr): Place | undefined {
  return e.kind === 'cast' ? copiedPlace(e.operand) : e.kind === 'load' ? e.place : undefined;
}

function storesErrno({ base }: Place): boolean {
  return base.kind === 'variable' && base.variable.id === ERRNO.id;
}

function somePlace(isMeant: (place: Place) => boolean, visit: (visitor: Visitor) => void): boolean {
  let found = false;
  visit({
    expr: () => {},
    place: (p) => {
      found ||= isMeant(p);
    },
  });
  return found;
}

/** Its event, or a part of its union. */
function isInMessage({ path }: Place): boolean {
  for (const e of path) if (e.kind === 'field' && (e.name === 'event' || e.name === 'arg')) return true;
  return false;
}

/** The number of the parameter that gets an argument. */
export function parameterFor({ parameters, variadic }: FunctionBody, argument: number): number {
  return variadic ? Math.min(argument, parameters.length - 1) : argument;
}

/** `p += n` for a pointer to bytes: it stays in its region. */
function isSameRegion(target: Place, value: Expr): boolean {
  const { base, path } = target;
  if (base.kind !== 'variable' || path.length > 0 || value.kind !== 'binary' || !isBytePointer(value.left))
    return false;
  const left = value.left.kind === 'load' ? value.left.place : undefined;
  return left?.base.kind === 'variable' && left.base.variable === base.variable && left.path.length === 0;
}

/** Whoever gets the pointer can find descriptors behind it. */
function leadsToRecord(e: Expr): boolean {
  const type = typeOf(e);
  return type?.kind === 'pointer' && (type.to.kind === 'record' || type.to.kind === 'unknown');
}

function valueIn(t: Terminator): Expr | undefined {
  switch (t.kind) {
    case 'branch':
      return t.condition;
    case 'switch':
    case 'return':
      return t.value;
    default:
      return undefined;
  }
}
