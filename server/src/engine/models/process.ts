/** fork and its family, threads, locks, waiting, and the ends of processes and threads. */
import type { Expr } from '../../ir/ir.ts';
import { copiesAddressSpace } from '../../uffd/clone.ts';
import { FORK_FEATURE } from '../../uffd/events.ts';
import { isAlone, storeTo } from '../assign.ts';
import { type CallInstruction, type ModelCall, setResult } from '../call.ts';
import { FORK_FIELD } from '../cells.ts';
import { withEntry, withMember, withoutEntry, withoutMembers } from '../collections.ts';
import { type Context, eventBase, siteAt, spanId } from '../context.ts';
import { loadLocation, pointees } from '../evaluate.ts';
import type { ForkEvent } from '../events.ts';
import { isLocal } from '../memory.ts';
import { areSiblings } from '../object-names.ts';
import { checkLost, descriptorsIn, letEscape, noteChildUse, processEnds } from '../observe.ts';
import { locationKey, type State, traceSteps } from '../state.ts';
import {
  asConstant,
  constant,
  interval,
  numberSet,
  numeric,
  oneOf,
  type Reference,
  reference,
  TOP_NUMBER,
  UNKNOWN,
  type Value,
  withNumber,
} from '../value.ts';
import { withOthers } from './descriptor.ts';

/** What is copied of what is armed, and the child's view of what it costs it, if anything. */
interface Copied {
  readonly armed: boolean;
  readonly drops: ForkEvent | undefined;
}

/** Notes the copy of the address space. */
function noteFork(call: ModelCall, state: State): Copied {
  const { ctx, instruction } = call;
  let drops: ForkEvent | undefined;
  let armed = false;
  if (state.hypothesis !== undefined) return { armed: true, drops };
  for (const known of [...state.objects.values()]) {
    if (known.process !== state.situation.process || known.duty !== undefined) continue;
    const object = withOthers(ctx, state, known);
    const ranges = object.armed.filter(
      (r) => !state.situation.notCopied.has(r.region) && !state.situation.notCopied.has('?'),
    );
    if (ranges.length === 0) continue;
    armed = true;
    const event: ForkEvent = {
      kind: 'fork-armed',
      call: call.name,
      root: ctx.root,
      process: state.situation.process,
      features: object.features,
      armedSpan: ranges[0]!.span,
      regions: ranges.map((r) => r.region),
      writesOnly: ranges.filter((r) => r.catches === 'writes').map((r) => r.region),
      siteLabel: spanId(instruction.span),
      threads: new Map(state.threads),
      processes: new Set(state.situation.processes),
      locks: new Map(state.situation.locks),
      wasRefused: state.situation.wasRefused,
      unknownReaders: object.escaped || state.situation.unknownThreads,
      siblings: siblingsOf(state, object.id),
      ...eventBase(ctx, state, object.id, instruction.span),
      trace: [
        ...traceSteps(state.trace),
        {
          kind: 'fork',
          location: instruction.span,
          message: `${call.name}() copies the address space while the range is armed`,
        },
      ],
    };
    ctx.facts.emit(event);
    const costs = ranges.some((r) => r.catches !== 'minor');
    if (costs && (object.features.may & FORK_FEATURE) === 0n && !object.features.unknown) drops ??= event;
  }
  return { armed, drops };
}

/** fork(), _Fork(), forkpty(), syscall(SYS_fork), clone() without CLONE_VM and without a function. */
export function forkModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const { armed, drops } = noteFork(call, state);
  const failed = state.clone();
  setResult(ctx, failed, instruction, constant(-1));
  const child = enterChild(state.clone(), spanId(instruction.span), drops);
  setResult(ctx, child, instruction, constant(0));
  state.change({ processes: withMember(state.situation.processes, spanId(instruction.span)) });
  state.step('fork', instruction.span, `${call.name}() returns in the parent`);
  setResult(ctx, state, instruction, reference({ kind: 'process', site: spanId(instruction.span), armed }));
  return [state, child, failed];
}

function enterChild(child: State, site: string, drops: ForkEvent | undefined): State {
  child.change({ process: site, locks: new Map() });
  child.childOf = drops;
  child.threads = new Map();
  child.step('fork', drops?.span ?? { file: '', start: 0, end: 0 }, 'the child runs here');
  if (drops === undefined) child.trace = child.trace?.previous;
  return child;
}

/** daemon(): a fork whose parent exits; the caller goes on as the child. */
export function daemonModel(call: ModelCall, state: State): State[] {
  const { drops } = noteFork(call, state);
  const child = enterChild(state.clone(), spanId(call.instruction.span), drops);
  setResult(call.ctx, child, call.instruction, constant(0));
  setResult(call.ctx, state, call.instruction, constant(-1));
  return [child, state];
}

/** vfork(): no copy, no event; the child is followed as part of the same memory until it execs or exits. */
export function vforkModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const child = state.clone();
  child.change({ process: spanId(instruction.span) });
  setResult(ctx, child, instruction, constant(0));
  state.change({ processes: withMember(state.situation.processes, child.situation.process) });
  setResult(ctx, state, instruction, sharingProcess(instruction));
  return [state, child];
}

/** The result of a call that makes a process with the same memory, or fails. */
function sharingProcess({ span }: CallInstruction): Value {
  return withNumber(reference({ kind: 'process', site: spanId(span), armed: false }), numberSet([-1]));
}

/** clone(function, stack, flags, argument). */
export function cloneModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const flags = call.values[2] === undefined ? undefined : asConstant(call.values[2]);
  const start = call.values[0];
  if (flags === undefined) {
    letEscape(ctx, state, call.values, instruction.span);
    state.change({ unknownThreads: true });
    setResult(ctx, state, instruction, numeric(interval(-1, Infinity)));
    return [state];
  }
  if (copiesAddressSpace(BigInt(flags))) {
    noteFork(call, state);
    // The child's function is not followed: it has a copy of everything, the uffd included.
    state.change({ processes: withMember(state.situation.processes, spanId(instruction.span)) });
    setResult(ctx, state, instruction, numeric(interval(-1, Infinity)));
    return [state];
  }
  startThread(call, state, start, call.values[3] ?? UNKNOWN);
  setResult(ctx, state, instruction, sharingProcess(instruction));
  return [state];
}

function functionsOf(value: Value | undefined): string[] {
  return (value?.references ?? []).flatMap((r) => (r.kind === 'function' ? [r.name] : []));
}

function startThread(call: ModelCall, state: State, start: Value | undefined, argument: Value): void {
  const { ctx, instruction } = call;
  const site = spanId(instruction.span) + ctx.site;
  const { bases, descriptors } = state.reach([argument]);
  // What nobody else has yet is the thread's to close or to keep; else giving it away is keeping it.
  const isPrivate = [...bases].every((base) => state.mine.has(base));
  for (const id of descriptors) {
    if (isPrivate && isHeldBy(state, id, bases)) state.updateDuty(id, { given: [...bases] });
    else state.update(id, { duty: undefined });
  }
  state.mine = withoutMembers(state.mine, bases);
  const functions = functionsOf(start);
  let known = functions.length > 0 && !(start?.any ?? true);
  if (state.threads.get(site) === 'running') {
    const objects = [...state.objects.keys()].filter((id) => likeOf(state, id).length === 0);
    ctx.facts.emit({ kind: 'thread-again', threadSite: site, objects, ...eventBase(ctx, state, '', instruction.span) });
  }
  state.threads = withEntry(state.threads, site, 'running');
  for (const name of functions) {
    known = ctx.facts.startThread(name, ctx.body.file, site, argument, state, ctx.root) && known;
  }
  for (const id of descriptors) state.update(id, { duty: undefined });
  if (!known) {
    state.change({ unknownThreads: true });
    letEscape(ctx, state, [argument], instruction.span);
  }
}

/** Nothing names the child but its message, variables of functions, and what lies in these bases. */
function isHeldBy({ memory, objects }: State, id: string, bases: ReadonlySet<string>): boolean {
  const object = objects.get(id);
  if (object?.duty?.recognised === undefined || object.escaped || id.includes('~')) return false;
  return memory
    .entries()
    .every(
      ({ base, cells }) =>
        bases.has(base) ||
        isLocal(base) ||
        ![...cells.values].some(
          ([path, { references }]) =>
            !path.endsWith(FORK_FIELD) && references.some((r) => r.kind === 'descriptor' && r.object === id),
        ),
    );
}

/** pthread_create(&thread, attributes, function, argument). */
export function threadCreateModel(call: ModelCall, state: State): State[] {
  const { ctx, instruction } = call;
  const thrd = call.name.startsWith('thrd');
  const failed = state.clone();
  setResult(ctx, failed, instruction, numeric(interval(1, 200)));
  const site = spanId(instruction.span) + ctx.site;
  const start = call.values[thrd ? 1 : 2];
  const [first, ...others] = functionsOf(start);
  const started = first === undefined || others.length > 0 ? 'a thread' : `a thread with ${first}()`;
  state.step('call', instruction.span, `${call.name}() starts ${started}`);
  const handle = instruction.arguments[0];
  if (handle !== undefined) {
    const value = reference({ kind: 'thread', site });
    for (const location of pointees(ctx, state, handle)) {
      state.memory.store(location, value);
      ctx.facts.noteStore(ctx.root, location, value, isAlone(ctx, state));
    }
  }
  startThread(call, state, start, call.values[thrd ? 2 : 3] ?? UNKNOWN);
  setResult(ctx, state, instruction, constant(0));
  return [state, failed];
}

/** pthread_join(thread, &result): everything that thread does comes before this. */
export function threadJoinModel(call: ModelCall, state: State): State[] {
  const sites = (call.values[0]?.references ?? []).flatMap((r) => (r.kind === 'thread' ? [r.site] : []));
  const joined = sites.length > 0 ? sites : [...state.threads.keys()];
  const sure = sites.length > 0 || state.threads.size === 1;
  for (const site of joined) {
    state.noteJoined(site);
    if (sure)
      state.change({
        waited: withEntry(state.situation.waited, `thread:${site}`, siteAt(call.ctx, call.instruction.span)),
      });
  }
  setResult(call.ctx, state, call.instruction, constant(0));
  return [state];
}

/** pthread_detach, pthread_cancel, pthread_kill. */
export function threadOtherModel(call: ModelCall, state: State): State[] {
  setResult(call.ctx, state, call.instruction, constant(0));
  return [state];
}

function lockKeys(call: ModelCall): string[] {
  return (call.values[0]?.references ?? []).flatMap((r: Reference) =>
    r.kind === 'location' ? [locationKey(r.location)] : [],
  );
}

export function lockModel(call: ModelCall, state: State): State[] {
  const keys = lockKeys(call);
  if (keys.length === 1) {
    // Held locks are asked for where a process is made; one that is shared keeps nobody who shares it waiting.
    if (call.ctx.forks && call.name !== 'pthread_rwlock_rdlock')
      state.change({ locks: withEntry(state.situation.locks, keys[0]!, call.instruction.span) });
    state.change({
      waited: withEntry(state.situation.waited, `lock:${keys[0]!}`, siteAt(call.ctx, call.instruction.span)),
    });
  }
  setResult(call.ctx, state, call.instruction, constant(0));
  return [state];
}

export function unlockModel(call: ModelCall, state: State): State[] {
  const keys = lockKeys(call);
  if (keys.length === 1) state.change({ locks: withoutEntry(state.situation.locks, keys[0]!) });
  else state.change({ locks: new Map() });
  setResult(call.ctx, state, call.instruction, constant(0));
  return [state];
}

const WNOHANG = 1;

/**
 * It waits for a process whose memory a userfaultfd serves, for one that the program does not show, or for any child. A
 * fork() that failed gave the number for all children, too: that is meant where it is written.
 */
function waitsForArmed({ name, instruction, values }: ModelCall, { situation }: State): boolean {
  if (name === 'wait' || name === 'wait3') return true;
  const argument = instruction.arguments[name === 'waitid' ? 1 : 0];
  const value = values[name === 'waitid' ? 1 : 0];
  if (argument === undefined || value === undefined) return false;
  const processes = value.references.flatMap((r) => (r.kind === 'process' ? [r] : []));
  // Of its own fork() this thread never read the message: before that fork() does not return.
  if (processes.length > 0) return processes.some((p) => p.armed && !situation.processes.has(p.site));
  return isLiteral(argument) || asConstant(value) !== -1;
}

function isLiteral(e: Expr): boolean {
  return e.kind === 'constant' || ((e.kind === 'cast' || e.kind === 'unary') && isLiteral(e.operand));
}

/** Some userfaultfd is for this process, which waits for its own children: those that another one forked are none. */
function hasOwn({ objects, situation: { process } }: State): boolean {
  for (const o of objects.values()) if (o.origin !== 'child' && o.process === process) return true;
  return false;
}

/** wait(), waitpid(): blocks until a child ends, unless WNOHANG is given. */
export function waitModel(call: ModelCall, state: State): State[] {
  const index =
    call.name === 'waitpid' || call.name === 'wait4'
      ? 2
      : call.name === 'wait3'
        ? 1
        : call.name === 'waitid'
          ? 3
          : undefined;
  const flags = index === undefined ? 0 : call.values[index] === undefined ? undefined : asConstant(call.values[index]);
  const blocks = flags !== undefined && (flags & WNOHANG) === 0;
  if (blocks && state.hypothesis === undefined && waitsForArmed(call, state)) {
    for (const object of [...state.objects.values()]) {
      if (
        object.origin === 'child' &&
        !object.escaped &&
        object.waitedAt === undefined &&
        object.duty?.recognised !== undefined &&
        hasOwn(state)
      ) {
        state.update(object.id, { waitedAt: call.instruction.span });
      }
    }
  }
  const status = call.values[call.name === 'wait' || call.name === 'wait3' ? 0 : 1];
  for (const r of status?.references ?? []) {
    if (r.kind === 'location' && state.memory.isStrong(r.location)) state.memory.store(r.location, numeric(TOP_NUMBER));
  }
  setResult(call.ctx, state, call.instruction, numeric(interval(-1, Infinity)));
  return [state];
}

export function exitModel(call: ModelCall, state: State): State[] {
  const { ctx } = call;
  processEnds(ctx, state);
  return [];
}

/** exec: does not return when it succeeds. */
export function execModel(call: ModelCall, state: State): State[] {
  noteExec(call, state, state.situation.process);
  setResult(call.ctx, state, call.instruction, constant(-1));
  return [state];
}

/** posix_spawn(), system() and the like: another program in a process of its own, without a copy of this one. */
export function spawnModel(call: ModelCall, state: State): State[] {
  const site = spanId(call.instruction.span);
  noteExec(call, state, site);
  state.change({ processes: withMember(state.situation.processes, site) });
  const pid = call.name.startsWith('posix_spawn') ? call.instruction.arguments[0] : undefined;
  if (pid !== undefined) {
    const process = reference({ kind: 'process', site, armed: false });
    storeTo(call.ctx, state, pointees(call.ctx, state, pid), process, call.instruction.span);
  }
  setResult(call.ctx, state, call.instruction, UNKNOWN);
  return [state];
}

/** The program that is executed may read what it inherits. */
function noteExec(call: ModelCall, state: State, process: string): void {
  if (process === '') return;
  for (const object of state.objects.values()) {
    if (!object.survivesExec) continue;
    call.ctx.facts.emit({ kind: 'exec', process, ...eventBase(call.ctx, state, object.id, call.instruction.span) });
  }
}

/** pthread_exit(): a thread's locals go, the process stays. */
export function threadExitModel(call: ModelCall, state: State): State[] {
  const { ctx } = call;
  const candidates = new Set<string>();
  for (const base of state.memory.baseNames()) {
    if (!base.startsWith('var:') || ctx.inherited.has(base) || ctx.program.global(base) !== undefined) continue;
    for (const id of descriptorsIn(state, base)) candidates.add(id);
    state.memory.deleteBase(base);
  }
  checkLost(ctx, state, candidates, { how: 'returned', span: call.instruction.span });
  return [];
}

/** error(status, …): exits when the status is not zero. */
export function errorExitModel(call: ModelCall, state: State): State[] {
  const status = call.values[0] === undefined ? undefined : asConstant(call.values[0]);
  if (status !== undefined && status !== 0) return exitModel(call, state);
  setResult(call.ctx, state, call.instruction, UNKNOWN);
  return [state];
}

export function anyThreads(ctx: Context, state: State): boolean {
  return ctx.thread || state.threads.size > 0;
}

export { loadLocation, noteChildUse, oneOf };

function siblingsOf(state: State, id: string): string[] {
  return state.situation.renamed ? [] : likeOf(state, id);
}

/** Others that were made at the same place. */
function likeOf({ objects }: State, id: string): string[] {
  return [...objects.keys()].filter((other) => other !== id && areSiblings(other, id));
}
