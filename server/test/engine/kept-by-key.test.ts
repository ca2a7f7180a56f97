import assert from 'node:assert/strict';
import { KeptByKey } from '../../src/engine/kept-by-key.ts';

const MOST = 3;

describe('what is kept by a key', () => {
  const find = (kept: KeptByKey<string>, what: string) => kept.find('key', (k) => k === what);

  it('is found again for as many as may be, whatever their order', () => {
    const kept = new KeptByKey<string>(MOST);
    const all = ['a', 'b', 'c'];
    for (const what of all) kept.keep('key', what);
    for (let call = 0; call < 3; call++) {
      kept.begin(2);
      for (const what of all) assert.equal(find(kept, what), what);
    }
  });

  it('makes room by what was of no use for the longest time', () => {
    const kept = new KeptByKey<string>(MOST);
    for (const what of ['a', 'b', 'c']) kept.keep('key', what);
    kept.begin(2);
    for (const what of ['a', 'c']) find(kept, what);
    kept.keep('key', 'd');
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].filter((what) => find(kept, what) !== undefined),
      ['a', 'c', 'd'],
    );
  });

  it('is forgotten when some calls had no use for it', () => {
    const kept = new KeptByKey<string>(MOST);
    kept.keep('key', 'a');
    for (let call = 0; call < 3; call++) {
      kept.begin(2);
      find(kept, 'b');
    }
    kept.begin(2);
    assert.equal(find(kept, 'a'), undefined);
  });

  it('outlives calls in which nothing is looked for', () => {
    const kept = new KeptByKey<string>(MOST);
    kept.keep('key', 'a');
    for (let call = 0; call < 5; call++) kept.begin(2);
    assert.equal(find(kept, 'a'), 'a');
  });

  it('is kept longer once it was found again', () => {
    const kept = new KeptByKey<string>(MOST);
    for (const what of ['a', 'b']) kept.keep('key', what);
    find(kept, 'a');
    for (let call = 0; call < 3; call++) {
      kept.begin(5, 2);
      find(kept, 'c');
    }
    kept.begin(5, 2);
    assert.equal(find(kept, 'b'), undefined);
    assert.equal(find(kept, 'a'), 'a');
  });
});
