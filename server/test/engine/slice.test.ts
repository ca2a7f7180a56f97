import assert from 'node:assert/strict';
import { join } from 'node:path';
import fc from 'fast-check';
import { runEngine } from '../../src/engine/engine.ts';
import { linkPrograms } from '../../src/engine/program.ts';
import { type FoldQuestions, foldBranches } from '../../src/engine/slice/fold.ts';
import { Slice } from '../../src/engine/slice/slice.ts';
import { State } from '../../src/engine/state.ts';
import { dump } from '../../src/ir/dump.ts';
import { lowerFile } from '../../src/ir/lower.ts';
import { runRules } from '../../src/rules/run.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { CParser } from '../../src/syntax/tree.ts';
import { LineIndex } from '../../src/text/line-index.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';

describe('slices', () => {
  let parser: CParser;
  before(async () => {
    parser = await createParser();
  });

  const programsOf = (path: string, text: string) =>
    linkPrograms([
      lowerFile(
        parseFile(parser, path, text, { defines: {}, undefinedNames: [], includePaths: [], readHeader: readText }),
        parser,
        () => true,
      ),
    ]);

  /** What the slice of a function leaves, as the dump shows it. */
  function sliceOf(text: string, name: string): string {
    const program = programsOf('slice.c', text)[0]!;
    const body = program.function(name, 'slice.c')!;
    return dump(new Slice(program).bodyFor(new State(), body));
  }

  it('leave out what no descriptor depends on', () => {
    const graph = sliceOf(
      `int open_uffd(int count, char *text) {
         int uffd = syscall(SYS_userfaultfd, 0), sum = 0;
         for (int i = 0; i < count; i++) sum += text[i];
         if (sum > 3) printf("%d", sum);
         if (uffd < 0) exit(1);
         return uffd;
       }
       int main(int argc, char **argv) { return open_uffd(argc, argv[0]); }`,
      'open_uffd',
    );
    assert.doesNotMatch(graph, /sum|printf|text\[/);
    assert.match(graph, /syscall/);
    assert.match(graph, /uffd < 0/);
  });

  it('keep what decides whether something is done', () => {
    const graph = sliceOf(
      `void serve(int uffd, int wanted) {
         int noise = wanted * 2;
         if (wanted) close(uffd);
         if (noise) perror("noise");
       }
       int main(void) { int uffd = syscall(SYS_userfaultfd, 0); serve(uffd, 1); return 0; }`,
      'serve',
    );
    assert.match(graph, /if wanted/);
    assert.doesNotMatch(graph, /noise/);
  });

  it('follow values through pointers and tables', () => {
    const graph = sliceOf(
      `struct ops { void (*open)(int *); };
       static void by_call(int *out) { *out = syscall(SYS_userfaultfd, 0); }
       static struct ops ops = { by_call };
       static int chosen;
       void setup(int *where, int *other) { chosen = 3; *other = 7; ops.open(where); }
       int main(void) { int fd, n; setup(&fd, &n); return ioctl(fd, 0xc018aa3f, 0); }`,
      'setup',
    );
    assert.match(graph, /ops\.open\(where\)/);
    assert.doesNotMatch(graph, /chosen|\*other/);
  });

  for (const folder of ['programs/constructs', 'programs/demo', 'programs/field', 'programs/styles', 'rules'])
    it(`lose no finding on any fixture of ${folder}`, async () => {
      let compared = 0;
      for (const path of cFiles(join(FIXTURES, folder))) {
        const text = readText(path);
        if (text === undefined || !path.endsWith('.c')) continue;
        const lines = new LineIndex(text);
        for (const program of programsOf(path, text)) {
          const found: string[][] = [];
          for (const slice of [true, false]) {
            const findings = runRules(await runEngine(program, { slice }), () => '');
            found.push(findings.map((f) => `${path}:${lines.position(f.location.start).line}: ${f.ruleId}`).sort());
          }
          const lost = found[1]!.filter((f) => !found[0]!.includes(f));
          assert.deepEqual(lost, []);
          compared++;
        }
      }
      assert.ok(compared >= 5, `only ${compared} programs`);
    });

  it('fold a branch only where all its ways come to the same block next', () => {
    const block = fc.record({
      successors: fc.array(fc.nat(11), { maxLength: 2 }),
      busy: fc.boolean(),
      stays: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(block, { minLength: 12, maxLength: 12 }), fc.boolean(), (blocks, returnMatters) => {
        const successors = blocks.map((b) => [...new Set(b.successors)]);
        const ask: FoldQuestions = {
          busy: blocks.map((b) => b.busy),
          returnMatters,
          decides: () => false,
          stays: (i) => blocks[i]!.stays,
        };
        const { folded } = foldBranches({ successors, dead: blocks.map(() => false) }, ask);
        const ends = (i: number) => successors[i]!.length === 0;
        const happens = (i: number) => blocks[i]!.busy || ends(i) || (successors[i]!.length > 1 && blocks[i]!.stays);
        // A branch of which all ways only go round for ever is no place to come to.
        const comesToAnything = (i: number) => [...reachableFrom(successors, [i])].some(happens);
        const stays = (i: number) =>
          blocks[i]!.busy || ends(i) || (successors[i]!.length > 1 && folded[i] === undefined && comesToAnything(i));
        for (const [i, target] of folded.entries()) {
          if (target === undefined) continue;
          for (const first of firstOf(successors, successors[i]!, stays)) {
            const same = first === target || (!returnMatters && isIdleEnd(first) && isIdleEnd(target));
            assert.ok(same, `block ${i} is folded to ${target}, but a way comes to ${first}`);
          }
        }
        function isIdleEnd(b: number): boolean {
          return successors[b]!.length === 0 && !blocks[b]!.busy;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function reachableFrom(successors: readonly (readonly number[])[], from: readonly number[]): Set<number> {
  const found = new Set(from);
  for (const block of found) for (const next of successors[block]!) found.add(next);
  return found;
}

/** The blocks at which ways from some blocks on come to stand first. */
function firstOf(
  successors: readonly (readonly number[])[],
  from: readonly number[],
  stands: (block: number) => boolean,
): Set<number> {
  const found = new Set<number>();
  const seen = new Set<number>();
  const queue = [...from];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    if (stands(at)) found.add(at);
    else queue.push(...successors[at]!);
  }
  return found;
}
