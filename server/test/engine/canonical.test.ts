import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { canonicalise } from '../../src/engine/canonical.ts';
import { runEngine } from '../../src/engine/engine.ts';
import { linkPrograms } from '../../src/engine/program.ts';
import { lowerFile } from '../../src/ir/lower.ts';
import { runRules } from '../../src/rules/run.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';

const SOURCE = 'test-fixtures/programs/demo/unhandled-fork-event.c';

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
