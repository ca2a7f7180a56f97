import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { plainLoops } from '../../../scripts/plain-loops.mjs';

const SOURCE = `
export function run(): unknown[] {
  const out: unknown[] = [];
  const list: readonly number[] = [1, 2, 3, 4];
  for (const x of list) out.push(x);
  for (const x of list) {
    if (x === 2) continue;
    if (x === 4) break;
    out.push(() => x);
  }
  const growing = [1];
  for (const x of growing) if (x < 5) growing.push(x + 1);
  out.push(growing);
  const pairs: [string, number, ...boolean[]][] = [['a', 1, true, false], ['b', 2]];
  for (const [name, n, ...flags] of pairs) for (const flag of flags) out.push(name, n, flag);
  for (const { length } of ['x', 'yy']) out.push(length);
  outer: for (const a of list) for (const b of list) {
    if (b > a) continue outer;
    if (a > 3) break outer;
    out.push([a, b]);
  }
  for (const [key, value] of new Map(pairs.map(([k, v]) => [k, v] as const))) out.push(key, value);
  for (const [key] of new Map([['z', 1]])) { out.push(key); }
  for (const letter of 'ab') out.push(letter);
  for (const member of new Set([7, 7, 8])) out.push(member);
  const [first, , third] = list;
  const [head, ...rest] = list, [only = 9] = [] as number[];
  for (const x of list.flatMap((n) => { const got: number[] = []; for (const m of list) got.push(m * n); return got; })) out.push(x);
  for (let x of list) { x++; out.push(x); }
  for (const x of maybe(true) ?? []) out.push(x);
  return [...out.map((o) => (typeof o === 'function' ? o() : o)), first, third, head, rest, only, [...generated()]];
}
function maybe(is: boolean): string[] | undefined { return is ? ['m'] : undefined; }
function* generated(): Generator<number> { for (const x of [5, 6]) yield x; for (const y of generatedAgain()) yield y; }
function* generatedAgain(): Generator<number> { yield 1; }
`;

describe('loops in what is bundled', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uffd-lint-loops-'));
  after(() => rmSync(folder, { recursive: true }));

  it('do what they did, on the lines where they stood, and ask no iterator of an array', async () => {
    const path = join(folder, 'source.ts');
    const config = join(folder, 'tsconfig.json');
    writeFileSync(path, SOURCE);
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions: { target: 'ES2022', lib: ['ES2023'], strict: true, types: [] } }),
    );
    const text = plainLoops([path], config).get(path.replaceAll('\\', '/'));
    assert.ok(text !== undefined);
    assert.equal(text.split('\n').length, SOURCE.split('\n').length);
    assert.deepEqual(await resultOf(text, 'after'), await resultOf(SOURCE, 'before'));
    const left = [...text.matchAll(/\bof ([\w ]+|'\w+'|new \w+|\w+)/g)].map(([, of]) => of!.trim());
    assert.deepEqual(left, ['new Map', 'new Map', "'ab'", 'new Set', 'generatedAgain']);
  });

  it('are in the bundle of the command', () => {
    const bundle = readFileSync('dist/cli.cjs', 'utf8');
    assert.ok(/for \(let i\$\d+ = 0, a\$\d+ = /.test(bundle), 'the bundle is older: npm run build');
  });

  async function resultOf(text: string, name: string): Promise<unknown> {
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, transformSync(text, { loader: 'ts', format: 'esm' }).code);
    return ((await import(pathToFileURL(file).href)) as { run(): unknown }).run();
  }
});
