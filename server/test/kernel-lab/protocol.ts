/** Scripts as the driver reads them, and its reports: driver.c has the other side. */
import { type Call, type CallName, type Operation, REQUEST_NAMES, type Work } from '../../src/uffd/kernel/calls.ts';

/** In the order of `enum call`, which counts from 1. */
const CALLS: readonly (CallName | 'kill' | 'signal')[] = [
  'userfaultfd',
  'device',
  'api',
  'register',
  'unregister',
  'wake',
  'copy',
  'zeropage',
  'continue',
  'poison',
  'move',
  'writeprotect',
  'unknown-ioctl',
  'read',
  'write',
  'poll',
  'select',
  'epoll',
  'close',
  'dup',
  'getfl',
  'setfl',
  'getfd',
  'setfd',
  'mmap',
  'munmap',
  'mremap',
  'madvise',
  'access',
  'clone',
  'exit',
  'exec',
  'nofile',
  'bad-argument',
  'lseek',
  'pread',
  'map-descriptor',
  'drop-privilege',
  'failing-clone',
  'kill',
  'signal',
];
const ARGUMENTS = 8;
const BACKINGS = { anonymous: 0, shared: 1, file: 2, sealed: 3 } as const;
const HOW = { read: 0, 'bad-pointer': 1, readv: 2, nowait: 3 } as const;

function argumentsOf(call: Call): readonly number[] {
  switch (call.name) {
    case 'userfaultfd':
    case 'device':
      return [call.flags];
    case 'api':
      return [call.fd, call.api, call.features];
    case 'register':
    case 'zeropage':
    case 'continue':
    case 'poison':
    case 'writeprotect':
      return [call.fd, call.start, call.length, call.mode];
    case 'unregister':
    case 'wake':
      return [call.fd, call.start, call.length];
    case 'copy':
      return [call.fd, call.start, call.length, call.mode, call.value, call.badSource ? 1 : 0];
    case 'move':
      return [call.fd, call.start, call.length, call.mode, call.source];
    case 'read':
      return [call.fd, call.bytes, HOW[call.how]];
    case 'setfl':
    case 'setfd':
      return [call.fd, call.flags];
    case 'mmap':
      return [call.start, call.length, BACKINGS[call.backing], call.protection];
    case 'munmap':
      return [call.start, call.length];
    case 'mremap':
      return [call.start, call.length, call.newLength, call.flags, call.to];
    case 'madvise':
      return [call.start, call.length, call.advice];
    case 'access':
      return [call.address, (call.user ? 0 : 2) + (call.write ? 1 : 0), call.value];
    case 'clone':
      return [call.flags, call.child];
    case 'bad-argument':
      return [call.fd, REQUEST_NAMES.indexOf(call.request)];
    case 'failing-clone':
      return [call.late ? 1 : 0];
    case 'exit':
    case 'exec':
    case 'drop-privilege':
      return [];
    case 'nofile':
      return [call.limit];
    default:
      return [call.fd];
  }
}

function record(name: CallName | 'kill' | 'signal', given: readonly number[]): string {
  const padded = Array.from({ length: ARGUMENTS }, (_, i) => given[i] ?? 0);
  return [CALLS.indexOf(name) + 1, ...padded].join(' ');
}

function encodeWork({ task, calls }: Work): string {
  return [task, calls.length, ...calls.map((c) => record(c.name, argumentsOf(c)))].join(' ');
}

export function encodeOperation(operation: Operation): string {
  if (operation.task !== undefined) {
    const works = [operation, ...(operation.beside === undefined ? [] : [operation.beside])];
    return [works.length, ...works.map(encodeWork)].join(' ');
  }
  const { intervention } = operation;
  const restart = intervention.name === 'signal' && intervention.restart ? 1 : 0;
  return `1 -1 1 ${record(intervention.name, [intervention.task, restart])}`;
}

export function encodeScript(id: number, script: readonly Operation[]): string {
  return [id, script.length, ...script.map(encodeOperation)].join(' ');
}

/** The report of each step, its parts in the order of describeOutcome(). */
export function decodeReport(line: string): { id: number; steps: string[] } {
  const space = line.indexOf(' ');
  const steps = line.slice(space + 1).split('|');
  return {
    id: Number(line.slice(0, space)),
    steps: steps.map((s) => s.trim().split(' ').filter(Boolean).sort().join(' ')),
  };
}
