import assert from 'node:assert/strict';
import { joinStates, State } from '../../src/engine/state.ts';
import { MAX_TOLD_APART, type Uffd } from '../../src/engine/userfaultfd.ts';

const span = { file: 'a.c', start: 1, end: 2 };

function uffd(number: number, armed: boolean): Uffd {
  return {
    id: `uffd:${number}`,
    origin: 'created',
    site: { ...span, start: number },
    handshake: 'enabled',
    handshakeSpan: span,
    handshakeFunction: 'main',
    refusalTested: false,
    features: { must: 0n, may: 0n, unknown: true },
    nonblocking: true,
    survivesExec: false,
    armed: armed ? [{ region: '?', start: '?', span, catches: 'missing' }] : [],
    escaped: false,
    process: '',
    duty: undefined,
    waitedAt: undefined,
    replaced: undefined,
  };
}

/** A state with as many userfaultfds, of which one is armed. */
function withArmed(count: number, armed: number): State {
  const state = new State();
  for (let n = 0; n < count; n++) state.putObject(uffd(n, n === armed));
  return state;
}

const armedIn = (state: State) => [...state.objects.values()].filter((o) => o.armed.length > 0).map((o) => o.id);

describe('states with userfaultfds', () => {
  it('are told apart by which of a few are armed', () => {
    assert.notEqual(withArmed(MAX_TOLD_APART, 0).key(), withArmed(MAX_TOLD_APART, 1).key());
  });

  it('are one where there are many, and a range is armed where it is on both paths', () => {
    const many = MAX_TOLD_APART + 1;
    const [first, second] = [withArmed(many, 0), withArmed(many, 1)];
    assert.equal(first.key(), second.key());
    assert.deepEqual(armedIn(joinStates(first, second).state), []);
    assert.deepEqual(armedIn(joinStates(first, withArmed(many, 0)).state), ['uffd:0']);
  });
});
