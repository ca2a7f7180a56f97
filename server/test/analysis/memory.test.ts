import assert from 'node:assert/strict';
import { createAnalyser } from '../../src/analysis/analyse.ts';
import { type Inputs, Recorder } from '../../src/analysis/inputs.ts';
import { Memo } from '../../src/analysis/memo.ts';
import { Trees } from '../../src/analysis/trees.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { KeptTree } from '../../src/syntax/tree.ts';

const world = (texts: Readonly<Record<string, string>>, more: Partial<Inputs> = {}): Inputs => ({
  readText: (path) => texts[path],
  configurationOf: () => undefined,
  targetsOf: () => [],
  includeFoldersOf: () => [],
  leadsToMention: () => false,
  isNeeded: () => true,
  at: () => ({ inside: 'nothing', holdsNeeded: false }),
  uses: () => false,
  acts: () => false,
  defines: () => false,
  opens: () => true,
  ...more,
});

describe('what is remembered', () => {
  it('holds while every question has the answer that it had', () => {
    const configuration = { defines: {}, undefined: [], includePaths: [], forcedIncludes: [] };
    const place = { file: 'a.c', start: 3, end: 4 };
    const questions: Record<string, [(inputs: Inputs) => unknown, Inputs]> = {
      text: [(i) => i.readText('a.c'), world({ 'a.c': 'y' })],
      'a file that is gone': [(i) => i.readText('a.c'), world({})],
      'a file that was missing': [(i) => i.readText('b.h'), world({ 'a.c': 'x', 'b.h': '' })],
      configuration: [(i) => i.configurationOf('a.c'), world({ 'a.c': 'x' }, { configurationOf: () => configuration })],
      targets: [(i) => i.targetsOf('a.c'), world({ 'a.c': 'x' }, { targetsOf: () => ['t'] })],
      leads: [(i) => i.leadsToMention(place), world({ 'a.c': 'x' }, { leadsToMention: (s) => s.start === 3 })],
      needed: [(i) => i.isNeeded(place), world({ 'a.c': 'x' }, { isNeeded: (s) => s.start !== 3 })],
      surroundings: [
        (i) => i.at('a.c', 1, 2),
        world({ 'a.c': 'x' }, { at: (_, start) => ({ inside: 'nothing', holdsNeeded: start === 1 }) }),
      ],
      uses: [(i) => i.uses('f'), world({ 'a.c': 'x' }, { uses: (name) => name === 'f' })],
      acts: [(i) => i.acts('f'), world({ 'a.c': 'x' }, { acts: (name) => name === 'f' })],
      defines: [(i) => i.defines('f'), world({ 'a.c': 'x' }, { defines: (name) => name === 'f' })],
      opens: [(i) => i.opens('a.h'), world({ 'a.c': 'x' }, { opens: () => false })],
    };
    const now = world({ 'a.c': 'x' });
    for (const [what, [question, later]] of Object.entries(questions)) {
      const recorder = new Recorder(now);
      question(recorder);
      const outer = new Recorder(now);
      outer.absorb(recorder.trace);
      const memo = new Memo<string>();
      memo.keep('key', outer.trace, what);
      assert.equal(memo.find('key', now)?.value, what);
      assert.equal(memo.find('other', now), undefined, what);
      assert.equal(memo.find('key', later), undefined, what);
    }
  });

  it('is found again after an edit and its undoing, and forgotten when it is of no use', () => {
    const memo = new Memo<string>();
    const keep = (text: string) => memo.keep('a.c', [{ question: ['text', 'a.c'], answer: text }], text);
    const find = (text: string) => memo.find('a.c', world({ 'a.c': text }))?.value;
    keep('one');
    keep('two');
    assert.deepEqual([find('one'), find('two')], ['one', 'two']);
    memo.begin(2);
    assert.equal(find('one'), 'one');
    memo.begin(2);
    memo.begin(2);
    assert.deepEqual([find('one'), find('two')], ['one', undefined]);
    for (let i = 0; i < 10; i++) keep(`version ${i}`);
    assert.deepEqual([find('one'), find('version 9')], [undefined, 'version 9']);
  });

  it('holds no tree of the parser that nobody asks for', async () => {
    const parser = await createParser();
    let held = 0;
    const counted = (tree: KeptTree): KeptTree => ({
      text: tree.text,
      root: tree.root,
      next: (text) => counted(tree.next(text)),
      release: () => {
        held--;
        tree.release();
      },
    });
    const keep = (text: string) => {
      held++;
      return counted(parser.keep(text));
    };
    const trees = new Trees({ ...parser, keep }, true);
    const root = trees.of('').parse('int a;', 'a.c');
    assert.equal(trees.of('').parse('int a;', 'b.c'), root, 'one text, one tree');
    trees.of('').parse('int b;', 'a.c');
    trees.of('x').parse('int c;', 'a.c');
    assert.equal(held, 2, 'versions of a.c in two variants');
    for (let i = 0; i < 4; i++) trees.begin(2);
    assert.equal(held, 0);
  });

  it('is all that is needed where nothing changed, and of one program where another did', async () => {
    const program = (more: string) =>
      '#include <linux/userfaultfd.h>\nint main(void) { struct uffd_msg m; int uffd = syscall(SYS_userfaultfd, 0);\n' +
      `if (uffd < 0) return 1;\n${more}return read(uffd, &m, sizeof m) < 0; }\n`;
    const analyser = await createAnalyser({ remember: true });
    const analyse = (a: string) =>
      analyser.analyse([
        { path: 'a.c', text: program(a) },
        { path: 'b.c', text: program('') },
      ]);
    const first = await analyse('');
    assert.deepEqual(
      first.findings.map((f) => f.location.file),
      ['a.c', 'b.c'],
    );
    assert.ok(first.statistics.phases.engine! > 0);
    const again = await analyse('');
    assert.deepEqual([again.findings, again.notAnalysed], [first.findings, first.notAnalysed]);
    assert.deepEqual([again.statistics.phases.parse, again.statistics.phases.engine], [0, 0]);
    const edited = await analyse('\n');
    assert.ok(edited.statistics.phases.parse! > 0);
    assert.notDeepEqual(edited.findings[0], first.findings[0]);
    assert.equal(edited.findings[1]?.trace, first.findings[1]?.trace);
  });
});
