/** One thread that reads several userfaultfds one after the other, with reads that wait. */
import type { EngineResult, ForkEvent, ReadInTurnEvent } from '../engine/events.ts';
import { areSiblings } from '../engine/object-names.ts';
import { sameSpan } from '../text/span.ts';
import { sending, threadSites } from './fork-readers.ts';
import { type Detection, eventsOf } from './rule.ts';

/**
 * fork() sends one message for each userfaultfd, in the order of the addresses of their ranges, and the next one only
 * after the one before was read (dup_userfaultfd_complete() in fs/userfaultfd.c): who waits for the higher one first,
 * and is the only reader of both, waits for ever.
 */
export function deadlocksInTurn(program: EngineResult): Detection[] {
  if (program.outOfBudget.length > 0 || program.quarantined.length > 0) return [];
  return eventsOf(program, 'read-in-turn').flatMap((turn): Detection[] => {
    if (turn.quarantined || isShared(program, turn)) return [];
    const fork = forkOfBoth(program, turn);
    if (fork === undefined) return [];
    return [
      {
        severity: 'warning',
        span: turn.firstRead.span,
        function: turn.firstRead.function,
        object: 'fork',
        message: `This read() waits for one userfaultfd, and the same thread reads another one only afterwards. ${fork.call}() sends UFFD_EVENT_FORK to one userfaultfd after the other, the lower address first, and waits until each was read: where this one's range is the higher, both wait for ever. Open both with O_NONBLOCK and wait with poll(), or give each a thread.`,
        trace: [
          ...turn.trace,
          { kind: 'read', location: turn.firstRead.span, message: 'the thread waits here for one of them' },
          { kind: 'read', location: turn.span, message: 'and reads the other one only here' },
          { kind: 'fork', location: fork.span, message: `${fork.call}() sends a message to both` },
        ],
      },
    ];
  });
}

/** Somebody else may read, or the thread knows from poll() which one has a message. */
function isShared(program: EngineResult, { root, object, first }: ReadInTurnEvent): boolean {
  const isOne = (id: string) => areSiblings(id, object) || areSiblings(id, first) || id.startsWith('outside:');
  if (eventsOf(program, 'poll').some((e) => e.root === root)) return true;
  if (eventsOf(program, 'escape').some((e) => isOne(e.object))) return true;
  return eventsOf(program, 'read').some((e) => isOne(e.object) && (e.root !== root || !e.blocking));
}

/** A call that both get a message of, while the thread runs. */
function forkOfBoth(program: EngineResult, { root, object, first }: ReadInTurnEvent): ForkEvent | undefined {
  const site = threadSites(program).get(root);
  const forks = sending(program).filter(
    (f) =>
      f.root !== root &&
      !f.unknownReaders &&
      f.processes.size === 0 &&
      site !== undefined &&
      f.threads.get(site) === 'running',
  );
  return forks.find(
    (f) => areSiblings(f.object, object) && forks.some((g) => sameSpan(g.span, f.span) && areSiblings(g.object, first)),
  );
}
