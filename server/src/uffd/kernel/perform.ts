/** From a call to the function that models it. */

import { REQUESTS } from '../requests.ts';
import { atLeast } from '../versions.ts';
import { type Call, E, type Result, result } from './calls.ts';
import { close, dup, fcntl, setDescriptorLimit } from './descriptors.ts';
import { accessMemory } from './fault.ts';
import { fill, isChanging, userfaultfd_writeprotect } from './fill.ts';
import { clone, failingClone } from './fork.ts';
import { userfaultfd, userfaultfd_api, userfaultfdFromDevice } from './handshake.ts';
import { madvise } from './madvise.ts';
import { mmap, mremap, munmap } from './mapping.ts';
import { userfaultfd_move } from './move.ts';
import { endProcess, exec } from './process.ts';
import { poll, userfaultfd_read_iter } from './read.ts';
import { userfaultfd_register, userfaultfd_unregister, userfaultfd_wake } from './register.ts';
import { runOthers } from './schedule.ts';
import { fileOf, type MaySleep, SLEEPS, taskOf, type World } from './world.ts';

/** The task's calls, one after the other, until one sleeps or ends the task. */
export function performCalls(w: World, task: number): void {
  const t = taskOf(w, task);
  for (let call = t.calls.shift(); call !== undefined; call = t.calls.shift()) {
    // Between two calls the tasks that the first one woke may already run.
    if (t.results.length > 0) runOthers(w, 'whether others run meanwhile');
    const done = perform(w, task, call);
    if (done === SLEEPS || t.status === 'gone') return;
    t.results.push(done);
  }
  w.happened.push({ what: 'done', task, results: t.results });
  t.results = [];
}

/** A call that slept has its result. */
export function proceed(w: World, task: number, done: Result): void {
  taskOf(w, task).results.push(done);
  performCalls(w, task);
}

function perform(w: World, task: number, call: Call): MaySleep<Result> {
  switch (call.name) {
    case 'userfaultfd':
      return userfaultfd(w, task, call.flags);
    case 'device':
      return userfaultfdFromDevice(w, task, call.flags);
    case 'read':
      return userfaultfd_read_iter(w, task, call);
    case 'write':
      if (fileOf(w, task, call.fd) === undefined) return result(E.EBADF);
      return result(w.facts.opensReadOnly ? E.EBADF : E.EINVAL);
    case 'lseek':
    case 'pread':
    case 'map-descriptor':
      if (fileOf(w, task, call.fd) === undefined) return result(E.EBADF);
      return result({ lseek: 0, pread: E.ESPIPE, 'map-descriptor': E.ENODEV }[call.name]);
    case 'drop-privilege':
      taskOf(w, task).privileged = false;
      return result(0);
    case 'failing-clone':
      return failingClone(w, task, call.late);
    case 'bad-argument':
      return badArgument(w, task, call);
    case 'poll':
    case 'select':
    case 'epoll':
      return poll(w, task, call);
    case 'close':
      return close(w, task, call.fd);
    case 'dup':
      return dup(w, task, call.fd);
    case 'getfl':
    case 'getfd':
    case 'setfl':
    case 'setfd':
      return fcntl(w, task, call);
    case 'nofile':
      return setDescriptorLimit(w, task, call.limit);
    case 'mmap':
      return mmap(w, task, call);
    case 'munmap':
      return munmap(w, task, call.start, call.length);
    case 'mremap':
      return mremap(w, task, call);
    case 'madvise':
      return madvise(w, task, call);
    case 'access':
      return accessMemory(w, task, call);
    case 'clone':
      return clone(w, task, call);
    case 'exit':
      endProcess(w, taskOf(w, task).process);
      return result(0);
    case 'exec':
      exec(w, task);
      return result(0);
    default:
      return userfaultfd_ioctl(w, task, call);
  }
}

type Ioctl = Extract<
  Call,
  {
    name:
      | 'api'
      | 'register'
      | 'unregister'
      | 'wake'
      | 'copy'
      | 'zeropage'
      | 'continue'
      | 'poison'
      | 'move'
      | 'writeprotect'
      | 'unknown-ioctl';
  }
>;

/** userfaultfd_ioctl(): before the handshake only UFFDIO_API; what is unknown is EINVAL, too. */
function userfaultfd_ioctl(w: World, task: number, call: Ioctl): Result {
  const found = fileOf(w, task, call.fd);
  const refuse = (error: number) => refused(call, error);
  if (found === undefined) return refuse(E.EBADF);
  const id = found.file.context;
  const context = w.state.contexts[id]!;
  if (call.name === 'api') return userfaultfd_api(w, task, context, call);
  if (context.features === undefined || !isKnown(w, call.name)) return refuse(E.EINVAL);
  switch (call.name) {
    case 'register':
      return userfaultfd_register(w, id, call);
    case 'unregister':
      return userfaultfd_unregister(w, id, call.start, call.length);
    case 'wake':
      return userfaultfd_wake(w, context, call.start, call.length);
    case 'writeprotect':
      return userfaultfd_writeprotect(w, context, call);
    case 'move':
      return userfaultfd_move(w, task, id, call);
    case 'unknown-ioctl':
      return refuse(E.EINVAL);
    default:
      return fill(w, context, call);
  }
}

/** What a bad pointer gives: copy_from_user() comes after the test for events on their way, which writes to it, too. */
function badArgument(w: World, task: number, call: Extract<Call, { name: 'bad-argument' }>): Result {
  const found = fileOf(w, task, call.fd);
  if (found === undefined) return result(E.EBADF);
  const context = w.state.contexts[found.file.context]!;
  if (call.request === 'api')
    return result(!w.facts.handshakeIsAtomic && context.features !== undefined ? E.EINVAL : E.EFAULT);
  if (context.features === undefined || !isKnown(w, call.request)) return result(E.EINVAL);
  const fills = !['register', 'unregister', 'wake'].includes(call.request);
  if (!fills || !isChanging(w, context)) return result(E.EFAULT);
  return result(call.request === 'writeprotect' || !w.facts.outMemberOnChanging ? E.EAGAIN : E.EFAULT);
}

function isKnown(w: World, name: Ioctl['name']): boolean {
  const request = REQUESTS.find((r) => r.name === `UFFDIO_${name.toUpperCase()}`);
  return request !== undefined && atLeast(w.facts.version, request.since);
}

const SENTINEL = 0x5555555555555555n;

/** The out members as the caller left them. */
function refused(call: Ioctl, error: number): Result {
  switch (call.name) {
    case 'api':
      return result(error, call.api, call.features, SENTINEL);
    case 'unregister':
    case 'wake':
    case 'writeprotect':
    case 'unknown-ioctl':
      return result(error);
    default:
      return result(error, SENTINEL);
  }
}
