/** The model of the kernel by itself: laws that hold for every script, and what changes between releases. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { API_TABLE } from '../../src/uffd/api-table.ts';
import { EVENTS } from '../../src/uffd/events.ts';
import { type Call, E, type Operation, UNTOUCHED } from '../../src/uffd/kernel/calls.ts';
import { describeOutcome, Kernel, type Outcome } from '../../src/uffd/kernel/kernel.ts';
import { drawMachine, MACHINES, NOWHERE } from '../../src/uffd/kernel/machines.ts';
import { POSSIBLE_OUTCOMES } from '../../src/uffd/kernel/outcomes.ts';
import { RACES } from '../../src/uffd/kernel/races.ts';
import { copyState, PAGE, type State, stateKey } from '../../src/uffd/kernel/state.ts';
import { OutsideModel } from '../../src/uffd/kernel/world.ts';
import { CHANGES, factsOf } from '../../src/uffd/versions.ts';
import { scripts } from '../kernel-lab/generate.ts';

const O_NONBLOCK = 0o4000;
const EVENT_FORK = 0x2;
const EVENT_REMOVE = 0x8;
const CLONE_FILES = 0x400;
const kernel = new Kernel();

/** Runs calls that have one outcome each; the last result. */
class Session {
  state: State;
  private readonly kernel: Kernel;

  constructor(of: Kernel = kernel) {
    this.kernel = of;
    this.state = of.boot();
  }

  step(task: number, ...calls: Call[]): string {
    const outcomes = this.kernel.outcomes(this.state, { task, calls });
    assert.equal(outcomes.length, 1, 'one outcome');
    this.state = outcomes[0]!.state;
    return describeOutcome(outcomes[0]!);
  }

  /** A descriptor 3 with these features, and two armed pages at 0. */
  armed(features: number): this {
    this.step(0, { name: 'userfaultfd', flags: O_NONBLOCK });
    this.step(0, { name: 'api', fd: 3, api: 0xaa, features });
    this.step(0, { name: 'mmap', start: 0, length: 2 * PAGE, backing: 'anonymous', protection: 3 });
    this.step(0, { name: 'register', fd: 3, start: 0, length: 2 * PAGE, mode: 1 });
    return this;
  }
}

const copy = (fd: number): Call => ({ name: 'copy', fd, start: 0, length: PAGE, mode: 0, value: 7, badSource: false });
const read = (fd: number): Call => ({ name: 'read', fd, bytes: 32, how: 'read' });
const fork = (child: number): Call => ({ name: 'clone', flags: 0, child });

/** Walks a script, taking an outcome by the number of the step. */
function walk(script: readonly Operation[], visit: (before: State, operation: Operation, after: State) => void): void {
  let state = kernel.boot();
  for (const [i, operation] of script.entries()) {
    const outcomes = modelled(state, operation);
    if (outcomes.length === 0) return;
    const after = outcomes[i % outcomes.length]!.state;
    visit(state, operation, after);
    state = after;
  }
}

/** None where a script, made for another outcome, leaves the model. */
function modelled(state: State, operation: Operation): Outcome[] {
  try {
    return kernel.outcomes(state, operation);
  } catch (error) {
    if (error instanceof OutsideModel) return [];
    throw error;
  }
}

describe('the model of the kernel', () => {
  it('leaves the state alone that it is given, and gives the same outcomes again', () => {
    fc.assert(
      fc.property(scripts(kernel), (script) =>
        walk(script, (before, operation) => {
          const kept = copyState(before);
          const once = kernel.outcomes(before, operation).map((o) => stateKey(o.state));
          assert.equal(stateKey(before), stateKey(kept));
          assert.deepEqual(
            kernel.outcomes(before, operation).map((o) => stateKey(o.state)),
            once,
          );
        }),
      ),
      { numRuns: 100, seed: 3 },
    );
  });

  it('keeps its invariants', () => {
    fc.assert(
      fc.property(scripts(kernel), (script) =>
        walk(script, (_before, _operation, after) => {
          for (const [id, c] of after.contexts.entries()) {
            assert.ok(c.mmapChanging >= 0, 'mmap_changing never falls below zero');
            const onTheirWay = after.tasks.some((t) => t.wait?.kind === 'event' && t.wait.context === id);
            if (onTheirWay) assert.ok(c.mmapChanging > 0, 'an event on its way raises mmap_changing');
            for (const task of [...c.pendingFaults, ...c.readFaults])
              assert.equal(after.tasks[task]!.wait?.kind, 'fault', 'who is in a fault queue waits for a fault');
          }
          for (const m of after.memories) {
            for (const [i, a] of m.areas.entries()) {
              assert.ok(
                a.start < a.end && a.end <= (m.areas[i + 1]?.start ?? Number.POSITIVE_INFINITY),
                'areas in order',
              );
              assert.equal(a.context === undefined, a.modes === 0, 'armed means: a context and a mode');
              assert.ok(
                a.context === undefined || !after.contexts[a.context]!.released,
                'no area of a released context',
              );
            }
          }
          assert.ok(
            after.tasks.every((t) => t.status !== 'runnable'),
            'a step ends when nothing can run',
          );
        }),
      ),
      { numRuns: 300, seed: 4 },
    );
  });

  it('moves through its state machines along their edges, and along all of them', () => {
    const seen = new Map(MACHINES.map((m) => [m, new Set<string>()]));
    const follow = (script: readonly Operation[]) =>
      walk(script, (before, _operation, after) => {
        for (const machine of MACHINES) {
          const [was, is] = [machine.statesIn(before), machine.statesIn(after)];
          for (const key of new Set([...was.keys(), ...is.keys()])) {
            const [from, to] = [was.get(key) ?? NOWHERE, is.get(key) ?? NOWHERE];
            if (from !== to) seen.get(machine)!.add(`${from} → ${to}`);
          }
        }
      });
    fc.assert(fc.property(scripts(kernel), follow), { numRuns: 1500, seed: 5 });
    for (const script of RARE) follow(script);
    for (const machine of MACHINES) {
      const edges = machine.edges.map((e) => `${e.from} → ${e.to}`);
      const unseen = edges.filter((e) => !seen.get(machine)!.has(e));
      assert.deepEqual(unseen, [], `${machine.name}: edges that nothing took`);
      const strange = [...seen.get(machine)!].filter((e) => !isPath(machine.edges, e));
      assert.deepEqual(strange, [], `${machine.name}: ways that the table does not have`);
    }
  }).timeout(60_000);

  it('makes one message for a fork and a context, and the descriptor when it is read', () => {
    const s = new Session().armed(EVENT_FORK);
    assert.equal(s.step(0, fork(3)), 'b0=E');
    assert.equal(s.step(1, copy(3)), `b0=E c1=${E.EAGAIN},${E.EAGAIN}`);
    assert.equal(s.step(1, read(3)), 'c0=3 c1=32,19,4,2048,0 n3');
    assert.equal(s.step(1, copy(4)), 'c1=0,4096');
    assert.equal(s.step(3, { name: 'access', address: 0, write: false, value: 0, user: true }), 'c3=7');
  });

  it('lets a fill right after the read fail or succeed', () => {
    const s = new Session().armed(EVENT_FORK);
    s.step(0, fork(3));
    const outcomes = kernel.outcomes(s.state, { task: 1, calls: [read(3), copy(3)] });
    const results = new Set(outcomes.map((o) => describeOutcome(o).split(';')[1]!.split(' ')[0]));
    assert.deepEqual(results, new Set([`${E.EAGAIN},${E.EAGAIN}`, '0,4096']));
  });

  it('differs by release where the table says so', () => {
    const pending = (version: string) => {
      const s = new Session(new Kernel({ version })).armed(EVENT_REMOVE);
      s.step(0, { name: 'madvise', start: 0, length: PAGE, advice: 4 });
      return s.step(1, copy(3)).split(' ')[1];
    };
    assert.equal(pending('6.18'), 'c1=-11,-11');
    assert.equal(pending('6.14'), `c1=-11,${UNTOUCHED}`);
    assert.equal(pending('4.17'), 'c1=0,4096');
    const handshake = (version: string, features: number, privileged: boolean) => {
      const k = new Kernel({ version });
      let state = k.boot({ privileged });
      state = k.outcomes(state, { task: 0, calls: [{ name: 'userfaultfd', flags: 1 }] })[0]!.state;
      return describeOutcome(k.outcomes(state, { task: 0, calls: [{ name: 'api', fd: 3, api: 0xaa, features }] })[0]!);
    };
    assert.equal(handshake('6.18', EVENT_FORK, false), 'c0=-1,0,0,0');
    assert.match(handshake('6.5', 1 << 14, true), /^c0=-22,/, 'POISON is of 6.6');
    assert.match(handshake('6.6', 1 << 14, true), /^c0=0,170,32767,/);
  });

  it('takes the backports of a change into account', () => {
    assert.ok(!factsOf('5.3').forkNeedsCapability);
    for (const version of ['4.14.300', '4.19', '5.4', '5.5', '6.18.44'])
      assert.ok(factsOf(version).forkNeedsCapability);
    assert.equal(new Set(CHANGES.map((c) => c.fact)).size, CHANGES.length);
    assert.equal(CHANGES.length, Object.keys(factsOf('6.18')).length - 1, 'a row for every fact');
  });

  it('has a table of outcomes without doubles', () => {
    const keys = POSSIBLE_OUTCOMES.map((o) => `${o.call} ${o.label}`);
    assert.equal(new Set(keys).size, keys.length);
  });
});

describe('docs/semantics.md', () => {
  const text = readFileSync('docs/semantics.md', 'utf8');
  const has = (row: string) => assert.ok(text.includes(row), `not in docs/semantics.md:\n${row}`);

  it('has the diagrams of the state machines, as the code has beside them', () => {
    const beside = ['handshake.ts', 'waits.ts']
      .map((f) => readFileSync(`server/src/uffd/kernel/${f}`, 'utf8'))
      .join('');
    for (const machine of MACHINES) {
      const drawn = drawMachine(machine);
      has(drawn.join('\n'));
      const comment = drawn.map((line) => ` *   ${line}`).join('\n');
      assert.ok(beside.includes(comment), `not beside the code:\n${comment}`);
    }
  });

  it('has the tables of the model', () => {
    for (const [name, race] of Object.entries(RACES)) has(`| ${name} | ${race.where} | ${race.says} |`);
    for (const c of CHANGES) has(`| ${[c.since, ...c.backports.map((b) => `${b}.y`)].join(', ')} | ${c.says} |`);
    for (const o of POSSIBLE_OUTCOMES) has(`| ${o.call} | ${o.label} | ${o.when} |`);
    for (const e of EVENTS) has(`| ${e.name} | 0x${e.value.toString(16)} | ${e.featureName ?? ''} | ${e.waits} |`);
    for (const a of API_TABLE) {
      const inert = a.kind === 'feature' ? (a.inert ? 'yes' : 'no') : '';
      const cells = [a.name, `0x${a.value.toString(16)}`, a.since, a.privilege ?? '', inert, a.evidence, a.says];
      has(`| ${cells.join(' | ')} |`);
    }
  });

  it('names for every rule the facts that it rests on, and no fact that is not there', () => {
    const facts = new Set([...text.matchAll(/\*\*(F\d+)\*\*/g)].map((m) => m[1]!));
    for (const page of readdirSync('docs/rules')) {
      const row = new RegExp(`^\\| \\[${page.replace(/\.md$/, '')}\\]\\(rules/${page}\\) \\| (.*) \\|$`, 'm').exec(
        text,
      );
      assert.ok(row !== null, `no row for ${page}`);
      const cited = row[1]!.match(/F\d+/g) ?? [];
      assert.ok(cited.length > 0, page);
      for (const fact of cited) assert.ok(facts.has(fact), `${page} cites ${fact}`);
    }
  });
});

const armedPage = (fd: number, page: number): Call[] => [
  { name: 'userfaultfd', flags: O_NONBLOCK },
  { name: 'api', fd, api: 0xaa, features: EVENT_FORK },
  { name: 'mmap', start: page * PAGE, length: PAGE, backing: 'anonymous', protection: 3 },
  { name: 'register', fd, start: page * PAGE, length: PAGE, mode: 1 },
];

/** What random scripts seldom do: two armed contexts and a fork; a process that ends before the handshake. */
const RARE: readonly Operation[][] = [
  [
    { task: 0, calls: [{ name: 'clone', flags: CLONE_FILES, child: 3 }] },
    { task: 3, calls: armedPage(3, 0) },
    { task: 3, calls: armedPage(4, 2) },
    { task: 3, calls: [fork(4)] },
    { task: undefined, intervention: { name: 'kill', task: 3 } },
  ],
  [
    { task: 0, calls: [{ name: 'clone', flags: CLONE_FILES, child: 3 }] },
    { task: 3, calls: [{ name: 'userfaultfd', flags: 0 }] },
    { task: 3, calls: [{ name: 'exit' }] },
  ],
  [
    { task: 0, calls: armedPage(3, 0) },
    { task: 0, calls: armedPage(4, 2) },
    { task: 0, calls: [fork(3)] },
    { task: 1, calls: [read(3)] },
    { task: 1, calls: [read(4)] },
  ],
];

/** Several edges in one step, and instances of one task that follow each other, make longer ways. */
function isPath(edges: readonly { from: string; to: string }[], way: string): boolean {
  const [from, to] = way.split(' → ') as [string, string];
  const reached = new Set([from]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const e of edges) if (reached.has(e.from) && !reached.has(e.to)) grown = reached.add(e.to) !== undefined;
  }
  return reached.has(to);
}
