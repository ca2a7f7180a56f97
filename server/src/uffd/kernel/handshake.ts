/**
 * userfaultfd(2), /dev/userfaultfd and UFFDIO_API: how a context begins (machines.ts has the table).
 *
 * A context:
 *   (none)
 *     ├─► FRESH      userfaultfd(2), USERFAULTFD_IOC_NEW
 *     └─► CONCEIVED  fork copies an armed area of a context with EVENT_FORK
 *   FRESH
 *     ├─► ENABLED    UFFDIO_API succeeds
 *     ├─► RELEASED   the last reference goes
 *     └─► ORPHANED   its process ends or becomes another program
 *   CONCEIVED
 *     ├─► ANNOUNCED  the message of the context before was taken; its own is queued
 *     └─► RELEASED   the forking task is killed
 *   ANNOUNCED
 *     ├─► ENABLED    read() takes the message and makes the descriptor
 *     └─► RELEASED   the forking task is killed, or the parent context is released
 *   ENABLED
 *     ├─► ORPHANED   its process ends or becomes another program, or its fork fails
 *     └─► RELEASED   the last reference goes
 *   ORPHANED
 *     └─► RELEASED   the last reference goes
 */
import { FEATURES } from '../features.ts';
import { USER_MODE_ONLY } from '../modes.ts';
import { atLeast } from '../versions.ts';
import { type Call, E, type Result, result } from './calls.ts';
import { freeNumber, installFile, O_CLOEXEC, O_NONBLOCK } from './descriptors.ts';
import type { Context } from './state.ts';
import { processOf, taskOf, type World } from './world.ts';

const UFFD_API = 0xaa;
const API_IOCTLS = -0x8000_0000_0000_0000n | (1n << 0x3fn) | 3n;
const EVENT_FORK = 0x2;
const WP_UNPOPULATED = 1 << 13;
const WP_ASYNC = 1 << 15;

/** userfaultfd(2). */
export function userfaultfd(w: World, task: number, flags: number): Result {
  if (!userfaultfd_syscall_allowed(w, task, flags)) return result(E.EPERM);
  return new_userfaultfd(w, task, flags, freeNumber(w, task));
}

/** The device's own descriptor is open meanwhile and takes the lowest number; the file's permission is all it asks for. */
export function userfaultfdFromDevice(w: World, task: number, flags: number): Result {
  if (!atLeast(w.facts.version, '6.1')) return result(E.ENOENT);
  const device = freeNumber(w, task);
  if (device === undefined) return result(E.EMFILE);
  return new_userfaultfd(w, task, flags, freeNumber(w, task, device + 1));
}

function userfaultfd_syscall_allowed(w: World, task: number, flags: number): boolean {
  if (taskOf(w, task).privileged || w.facts.unprivileged || !w.facts.unprivilegedNeedsUserMode) return true;
  return (flags & USER_MODE_ONLY) !== 0;
}

function new_userfaultfd(w: World, task: number, flags: number, fd: number | undefined): Result {
  const known = O_CLOEXEC | O_NONBLOCK | (atLeast(w.facts.version, '5.11') ? USER_MODE_ONLY : 0);
  if (flags & ~known) return result(E.EINVAL);
  if (fd === undefined) return result(E.EMFILE);
  w.state.contexts.push({
    memory: processOf(w, task).memory,
    nonblock: (flags & O_NONBLOCK) !== 0,
    closeOnExec: (flags & O_CLOEXEC) !== 0,
    userModeOnly: (flags & USER_MODE_ONLY) !== 0,
    features: undefined,
    released: false,
    mmapChanging: 0,
    pendingFaults: [],
    readFaults: [],
    events: [],
  });
  installFile(w, task, fd, w.state.contexts.length - 1, 'created');
  return result(fd);
}

/** userfaultfd_api(). */
export function userfaultfd_api(
  w: World,
  task: number,
  context: Context,
  call: Extract<Call, { name: 'api' }>,
): Result {
  const asGiven = [call.api, call.features, 0x5555555555555555n] as const;
  if (!w.facts.handshakeIsAtomic && context.features !== undefined) return result(E.EINVAL, ...asGiven);
  const supported = supportedFeatures(w.facts.version);
  const unknown = (BigInt(call.features) & ~BigInt(supported)) !== 0n;
  const forbidden = w.facts.forkNeedsCapability && (call.features & EVENT_FORK) !== 0 && !taskOf(w, task).privileged;
  // Since 5.15 the capability is asked for before the unknown bits are looked at.
  const error =
    call.api !== UFFD_API
      ? E.EINVAL
      : w.facts.handshakeIsAtomic
        ? forbidden
          ? E.EPERM
          : unknown || context.features !== undefined
            ? E.EINVAL
            : undefined
        : unknown
          ? E.EINVAL
          : forbidden
            ? E.EPERM
            : undefined;
  if (error !== undefined) return result(error, 0, 0, 0);
  context.features = call.features | (call.features & WP_ASYNC ? WP_UNPOPULATED : 0);
  return result(0, UFFD_API, supported, API_IOCTLS);
}

export function supportedFeatures(version: string): number {
  return FEATURES.filter((f) => atLeast(version, f.since)).reduce((all, f) => all | Number(f.bit), 0);
}
