import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { canonicalise } from '../../src/engine/canonical.ts';
import { runEngine } from '../../src/engine/engine.ts';
import { linkPrograms } from '../../src/engine/program.ts';
import { isSpan } from '../../src/ir/copy.ts';
import { KeptFunctions } from '../../src/ir/kept-functions.ts';
import { lowerFile } from '../../src/ir/lower.ts';
import { runRules } from '../../src/rules/run.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';
import type { Span } from '../../src/text/span.ts';

const SOURCE = 'test-fixtures/programs/demo/unhandled-fork-event.c';

/** In the order in which they come. */
function spansIn(value: unknown): Span[] {
  if (typeof value !== 'object' || value === null) return [];
  return isSpan(value) ? [value] : Object.values(value).flatMap(spansIn);
}

describe('programs of which only the places differ', () => {
  const text = readFileSync(SOURCE, 'utf8');
  const endOfLine = (of: string) => text.indexOf('\n', text.indexOf(of));
  const behind = (of: string, added: string) => {
    const at = endOfLine(of);
    return text.slice(0, at) + added + text.slice(at);
  };

  async function programOf(changed: string) {
    const parser = await createParser();
    const [program] = linkPrograms([lowerFile(parseFile(parser, SOURCE, changed, {}), parser)]);
    return program!;
  }

  async function digestOf(changed: string): Promise<string> {
    return canonicalise(await programOf(changed)).digest();
  }

  it('are the same with other comments and other space', async () => {
    const digest = await digestOf(text);
    assert.equal(await digestOf(behind('read(', ' /* one\n more line */')), digest);
    assert.equal(await digestOf(text.replaceAll(';\n', ';\n\n')), digest);
    assert.equal(await digestOf(`// at the start\n${text}`), digest);
  });

  it('are others with another word', async () => {
    const digest = await digestOf(text);
    assert.notEqual(await digestOf(text.replace('UFFD_API', 'UFFD_APJ')), digest);
    assert.notEqual(await digestOf(behind('read(', ' (void)0;int extra = 1;')), digest);
  });

  it('are the same where functions are taken over from the version before', async () => {
    const parser = await createParser();
    const kept = new KeptFunctions();
    const versions = [text, behind('read(', ' /* one */'), behind('read(', ' (void)0;'), text];
    for (const version of versions) {
      const [program] = linkPrograms([lowerFile(parseFile(parser, SOURCE, version, {}), parser, () => true, kept)]);
      assert.equal(canonicalise(program!).digest(), await digestOf(version));
    }
  });

  it('lead back to the places of each part, in other files too', async () => {
    const parser = await createParser();
    const header = 'struct ops { int (*f)(void); };\nextern struct ops ops;\nstatic inline int one(void) { return 1; }';
    const file = `#include "ops.h"
      static int two(void) { static int (*own)(void) = one; return own(); }
      struct ops ops = { .f = two };
      int main(void) { return ops.f() + two(); }`;
    const unit = lowerFile(parseFile(parser, 'a.c', file, { readHeader: () => header }), parser);
    for (const program of [...linkPrograms([unit]), await programOf(text)]) {
      const canonical = canonicalise(program);
      for (const kind of ['bodies', 'globals'] as const) {
        for (const [i, part] of program[kind].entries()) {
          const spans = spansIn(part);
          const back = spansIn(canonical.restore(canonical.program[kind][i]));
          assert.equal(back.length, spans.length);
          // Where a variable of the file stands is not said in functions.
          assert.deepEqual(
            back.filter((s) => s.file !== ''),
            spans.filter((_, at) => back[at]!.file !== ''),
          );
        }
      }
    }
  });

  it('have what was found in one of them, at its own places', async () => {
    const first = await programOf(text);
    const result = await runEngine(canonicalise(first).program);
    const moved = behind('read(', ' /* one\n more line */');
    const second = canonicalise(await programOf(moved));
    const found = (of: string, from: typeof result) =>
      runRules(from, (s) => of.slice(s.start, s.end)).map((f) => of.slice(f.location.start, f.location.end));
    const whole = found(text, await runEngine(first));
    assert.ok(whole.length > 0);
    assert.deepEqual(found(text, canonicalise(first).restore(result)), whole);
    assert.deepEqual(found(moved, second.restore(result)), whole);
  });
});
