/** read() and poll() of a userfaultfd. */
import { EVENTS } from '../events.ts';
import { REGISTER_MINOR, REGISTER_WP } from '../modes.ts';
import { type Call, E, type Result, result } from './calls.ts';
import { freeNumber, installFile, O_NONBLOCK } from './descriptors.ts';
import { runOthers } from './schedule.ts';
import { type Context, type EventMessage, PAGE } from './state.ts';
import { userfaultfd_event_complete } from './waits.ts';
import { fileOf, hasFeature, type MaySleep, SLEEPS, taskOf, type World } from './world.ts';

const MESSAGE_SIZE = 32;
const FLAG_WRITE = 1;
const FLAG_WP = 2;
const FLAG_MINOR = 4;
const FEATURE_THREAD_ID = 0x100n;
const FEATURE_EXACT_ADDRESS = 0x800n;
const POLLIN = 1;
const POLLERR = 8;
const POLLNVAL = 32;

type Read = Extract<Call, { name: 'read' }>;
/** The members of a struct uffd_msg that its event uses. */
type Message = readonly (number | bigint)[];

const eventNumber = (name: string) => EVENTS.find((e) => e.name === `UFFD_EVENT_${name}`)!.value;
const PAGEFAULT = eventNumber('PAGEFAULT');
const FORK = eventNumber('FORK');
const REMAP = eventNumber('REMAP');
const REMOVE = eventNumber('REMOVE');
const UNMAP = eventNumber('UNMAP');

/** userfaultfd_read_iter(): as many whole messages as fit; waits for the first only. */
export function userfaultfd_read_iter(w: World, task: number, call: Read): MaySleep<Result> {
  const found = fileOf(w, task, call.fd);
  if (found === undefined) return result(E.EBADF);
  if (call.how === 'nowait' && (found.file.fromRead || !w.facts.readvSumsSegments)) return result(E.EOPNOTSUPP);
  const waits = !found.file.nonblock && call.how !== 'nowait';
  return readFrom(w, task, found.id, call, waits);
}

/** A reader that was woken: its number may be closed by now, its file is not; whether it waits was settled when it began. */
export function continueRead(w: World, task: number, file: number, call: Read): MaySleep<Result> {
  return readFrom(w, task, file, call, true);
}

function readFrom(w: World, task: number, file: number, call: Read, waits: boolean): MaySleep<Result> {
  const { context } = w.state.files[file]!;
  const ctx = w.state.contexts[context]!;
  if (ctx.features === undefined) return result(E.EINVAL);
  const messages: Message[] = [];
  const give = (error: number) =>
    messages.length > 0 ? result(messages.length * MESSAGE_SIZE, ...messages.flat()) : result(error);
  for (let room = roomFor(w, call); ; room -= MESSAGE_SIZE) {
    if (room < MESSAGE_SIZE) return give(E.EINVAL);
    // Whoever the last message woke may be quick enough to queue the next one.
    if (messages.length > 0) runOthers(w, 'whether others run meanwhile');
    const taken = userfaultfd_ctx_read(w, task, ctx);
    if (taken === undefined) {
      if (messages.length > 0 || !waits) return give(E.EAGAIN);
      const t = taskOf(w, task);
      t.wait = { kind: 'read', file, call };
      t.status = 'waiting';
      return SLEEPS;
    }
    if (typeof taken === 'number') return give(taken);
    // The message is gone, and with FORK the number of the new descriptor.
    if (call.how === 'bad-pointer') return give(E.EFAULT);
    messages.push(taken);
  }
}

function roomFor(w: World, call: Read): number {
  if (call.how === 'readv' && !w.facts.readvSumsSegments) return Math.min(call.bytes, MESSAGE_SIZE / 2);
  return call.bytes;
}

/** The oldest fault, or else the oldest event; an errno, or undefined where there is none. */
function userfaultfd_ctx_read(w: World, reader: number, ctx: Context): Message | number | undefined {
  const faulter = ctx.pendingFaults.shift();
  if (faulter !== undefined) {
    ctx.readFaults.push(faulter);
    return faultMessage(w, ctx, faulter);
  }
  const sender = ctx.events[0];
  if (sender === undefined) return undefined;
  const wait = taskOf(w, sender).wait;
  if (wait?.kind !== 'event') return undefined;
  if (wait.event.event !== 'fork') {
    userfaultfd_event_complete(w, sender);
    return eventMessage(wait.event);
  }
  return resolve_userfault_fork(w, reader, ctx, sender, wait.event.child);
}

/** Makes the child's descriptor in the reader's table; where that fails the message goes to the back of the queue. */
function resolve_userfault_fork(
  w: World,
  reader: number,
  ctx: Context,
  sender: number,
  child: number,
): Message | number {
  const fd = freeNumber(w, reader);
  if (fd === undefined) {
    ctx.events.push(ctx.events.shift()!);
    return E.EMFILE;
  }
  installFile(w, reader, fd, child, 'read');
  userfaultfd_event_complete(w, sender);
  const { nonblock, closeOnExec } = w.state.contexts[child]!;
  return [FORK, fd, (nonblock ? O_NONBLOCK : 0) | (w.facts.opensReadOnly ? 0 : 2), closeOnExec ? 1 : 0];
}

/** userfault_msg(). */
function faultMessage(w: World, ctx: Context, faulter: number): Message {
  const wait = taskOf(w, faulter).wait;
  if (wait?.kind !== 'fault') throw new Error('a task in a fault queue waits for a fault');
  const { access, reason } = wait;
  const flags =
    (access.write ? FLAG_WRITE : 0) |
    (reason === REGISTER_WP ? FLAG_WP : 0) |
    (reason === REGISTER_MINOR ? FLAG_MINOR : 0);
  const address = hasFeature(ctx, FEATURE_EXACT_ADDRESS) ? access.address : access.address - (access.address % PAGE);
  // The driver tells a thread by its number in the script.
  return [PAGEFAULT, flags, address, hasFeature(ctx, FEATURE_THREAD_ID) ? faulter : -2];
}

function eventMessage(event: Exclude<EventMessage, { event: 'fork' }>): Message {
  if (event.event === 'remap') return [REMAP, event.from, event.to, event.length];
  return [event.event === 'remove' ? REMOVE : UNMAP, event.start, event.end];
}

/** userfaultfd_poll(). */
function pollBits(w: World, context: number, nonblock: boolean): number {
  const ctx = w.state.contexts[context]!;
  if (ctx.features === undefined || !nonblock) return POLLERR;
  return ctx.pendingFaults.length > 0 || ctx.events.length > 0 ? POLLIN : 0;
}

export function poll(w: World, task: number, call: Extract<Call, { name: 'poll' | 'select' | 'epoll' }>): Result {
  const found = fileOf(w, task, call.fd);
  const bits = found === undefined ? POLLNVAL : pollBits(w, found.file.context, found.file.nonblock);
  switch (call.name) {
    case 'poll':
      return result(bits === 0 ? 0 : 1, bits);
    case 'select': {
      if (found === undefined) return result(E.EBADF, 0, 0);
      // POLLERR counts as both.
      const readable = bits === 0 ? 0 : 1;
      const writable = bits === POLLERR ? 1 : 0;
      return result(readable + writable, readable, writable);
    }
    case 'epoll': {
      if (freeNumber(w, task) === undefined) return result(E.EMFILE);
      // The epoll descriptor itself takes the number where it is the lowest free one: not a userfaultfd then.
      if (found === undefined) return result(freeNumber(w, task) === call.fd ? E.EINVAL : E.EBADF, 0);
      return result(bits === 0 ? 0 : 1, bits);
    }
  }
}
