/** Library models by the kind that the effects table gives a function. */
import type { LibraryKind } from '../../libc/effects.ts';
import { systemCall } from '../../libc/syscalls.ts';
import { copiesAddressSpace } from '../../uffd/clone.ts';
import { CONTROL_DATA } from '../assign.ts';
import { type ModelCall, setResult } from '../call.ts';
import { spanId } from '../context.ts';
import { letEscape } from '../observe.ts';
import type { State } from '../state.ts';
import { asConstant, constant, interval, numeric, referring, UNKNOWN, unsurePointer, type Value } from '../value.ts';
import { atomicExchangeModel, atomicLoadModel, atomicStoreModel } from './atomic.ts';
import { closeModel, closeRangeModel, createUffd, duplicate, fcntlModel } from './descriptor.ts';
import { epollCreateModel, epollCtlModel, epollWaitModel } from './epoll.ts';
import { ioctlModel } from './ioctl.ts';
import {
  atForkModel,
  freeModel,
  madviseModel,
  mallocModel,
  memalignModel,
  memcpyModel,
  memsetModel,
  mmapModel,
  munmapModel,
  reallocModel,
  searchModel,
} from './memory.ts';
import {
  cloneModel,
  daemonModel,
  errorExitModel,
  execModel,
  exitModel,
  forkModel,
  lockModel,
  spawnModel,
  threadCreateModel,
  threadExitModel,
  threadJoinModel,
  threadOtherModel,
  unlockModel,
  vforkModel,
  waitModel,
} from './process.ts';
import { pollModel, readModel, readvModel, selectModel } from './read.ts';
import { waitForThreadModel } from './synchronise.ts';

export type Model = (call: ModelCall, state: State) => State[];

function unknownNumber(call: ModelCall, state: State): State[] {
  setResult(call.ctx, state, call.instruction, UNKNOWN);
  return [state];
}

/** Whatever is passed may be kept: sockets, stdio, epoll data. */
function keepsAll(call: ModelCall, state: State): State[] {
  letEscape(call.ctx, state, call.values, call.instruction.span);
  setResult(call.ctx, state, call.instruction, UNKNOWN);
  return [state];
}

/** FD_SET(): a bit in a set in which no descriptor can be followed. Where a child's is put, whoever has the set may serve it. */
function fdSetModel(call: ModelCall, state: State): State[] {
  for (const r of call.values[0]?.references ?? []) {
    if (r.kind !== 'descriptor' || state.objects.get(r.object)?.duty === undefined) continue;
    letEscape(call.ctx, state, [referring(UNKNOWN, [r])], call.instruction.span);
  }
  return unknownNumber(call, state);
}

/** syscall(number, …): the system call of that number, with its arguments one place on. */
function syscallModel(call: ModelCall, state: State): State[] {
  const number = call.values[0];
  const argument = call.instruction.arguments[0];
  const name = argument?.kind === 'constant' ? argument.name : undefined;
  const value = number === undefined ? undefined : asConstant(number);
  const target = systemCall(name, value);
  if (target === undefined) return keepsAll(call, state);
  const shifted: ModelCall = {
    ...call,
    name: target.name,
    instruction: { ...call.instruction, arguments: call.instruction.arguments.slice(1) },
    values: call.values.slice(1),
  };
  if (target.kind === 'clone') return rawClone(shifted, state);
  const model = MODELS[target.kind];
  return model === undefined ? unknownNumber(shifted, state) : model(shifted, state);
}

/** The raw system call has the flags first, clone3() in the record that it is given, and no function: it returns twice. */
function rawClone(call: ModelCall, state: State): State[] {
  const given = call.values[0];
  const word = call.name === 'clone3' ? memberOf(state, given, '.flags') : given;
  const flags = word === undefined ? undefined : asConstant(word);
  if (flags === undefined) {
    letEscape(call.ctx, state, call.values, call.instruction.span);
    state.change({ unknownThreads: true });
    setResult(call.ctx, state, call.instruction, numeric(interval(-1, Infinity)));
    return [state];
  }
  return copiesAddressSpace(BigInt(flags)) ? forkModel(call, state) : vforkModel(call, state);
}

/** What lies in a member of the one record that a pointer leads to. */
function memberOf({ memory }: State, pointer: Value | undefined, member: string): Value | undefined {
  const [to, ...others] = pointer?.references ?? [];
  if (to?.kind !== 'location' || others.length > 0) return undefined;
  return memory.load({ base: to.location.base, path: to.location.path + member });
}

function success(call: ModelCall, state: State): State[] {
  setResult(call.ctx, state, call.instruction, constant(0));
  return [state];
}

export const MODELS: Partial<Record<LibraryKind, Model>> = {
  userfaultfd: (call, state) => createUffd(call, state, call.values[0]),
  ioctl: ioctlModel,
  read: readModel,
  readv: readvModel,
  'atomic-store': atomicStoreModel,
  'atomic-load': atomicLoadModel,
  'atomic-exchange': atomicExchangeModel,
  close: closeModel,
  'close-range': closeRangeModel,
  dup: duplicate,
  dup2: duplicate,
  fcntl: fcntlModel,
  poll: pollModel,
  select: selectModel,
  'epoll-create': epollCreateModel,
  'epoll-ctl': epollCtlModel,
  'epoll-wait': epollWaitModel,
  'fd-set': fdSetModel,
  fork: forkModel,
  forkpty: forkModel,
  daemon: daemonModel,
  vfork: vforkModel,
  clone: cloneModel,
  syscall: syscallModel,
  'spawn-without-copy': spawnModel,
  'thread-create': threadCreateModel,
  'thread-join': threadJoinModel,
  'thread-detach': threadOtherModel,
  'thread-cancel': threadOtherModel,
  'thread-exit': threadExitModel,
  'wait-for-thread': waitForThreadModel,
  'mutex-lock': lockModel,
  'mutex-unlock': unlockModel,
  'wait-child': waitModel,
  search: searchModel,
  mmap: mmapModel,
  munmap: munmapModel,
  madvise: madviseModel,
  malloc: mallocModel,
  realloc: reallocModel,
  memalign: memalignModel,
  free: freeModel,
  memset: memsetModel,
  memcpy: memcpyModel,
  print: unknownNumber,
  exit: exitModel,
  exec: execModel,
  fdopen: keepsAll,
  sendmsg: keepsAll,
  'control-data': controlDataModel,
  write: writeModel,
  open: unknownNumber,
  pipe: unknownNumber,
  sleep: success,
  pure: unknownNumber,
  'error-exit': errorExitModel,
  'at-fork': atForkModel,
};

/** CMSG_DATA(): where descriptors to be sent are put, and those that came are found. */
function controlDataModel(call: ModelCall, state: State): State[] {
  const location = { base: `${CONTROL_DATA}${spanId(call.instruction.span)}`, path: '[0]' };
  setResult(call.ctx, state, call.instruction, unsurePointer(location));
  return [state];
}

/** write(): the number of a descriptor written somewhere is in other hands. */
function writeModel(call: ModelCall, state: State): State[] {
  letEscape(call.ctx, state, call.values.slice(1), call.instruction.span);
  setResult(call.ctx, state, call.instruction, numeric(interval(-1, Infinity)));
  return [state];
}
