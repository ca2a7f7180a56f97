import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { build } from 'esbuild';
import { plainCode, plainCodePlugin } from '../../../scripts/plain-code.mjs';

const LOOPS = `
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
  for (const [key, { length }] of new Map([['q', [1, 2]]])) out.push(key, length);
  for (const [word, , letter = '-'] of 'abcd'.matchAll(/(b)?([a-z])/g)) out.push(word, letter);
  for (const [, letter] of 'abcd'.matchAll(/([a-z])/g)) out.push(letter);
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

const RECORDS = `
export function run(): unknown[] {
  const [a, b] = [1, 2];
  let c = 0;
  const next = () => ++c;
  const large = { a, b, c: next(), d: 'x', /* kept */ e: next(), f: 6, g: 7, };
  const nested = { a, list: [a, b], inner: { b, of: { d: [] } } };
  const inOrder = { first: next(), second: [next()], third: next() };
  const small = { a, b };
  const spread = { ...large, more: [1] };
  const named = { 'a-b': [1], [String(a)]: 2, run() { return []; } };
  let p = 0, q: number[] = [];
  ({ a: p, list: q = [4] } = nested);
  const make = (n: number) => ({ n, all: [n] });
  const typed = { a, list: [3] as const } as const;
  const pattern = { a, is: /x/g } satisfies object;
  const quick = { n: a, all: p };
  return [large, nested, inOrder, small, spread, Object.keys(named), p, q, make(1), make(2), typed, pattern, quick, Object.keys(large), OUTSIDE];
}
const OUTSIDE = { a: 1, list: [1] };
`;

describe('what is bundled', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uffd-lint-plain-'));
  after(() => rmSync(folder, { recursive: true }));

  it('loops as its sources do, on the lines where they stand, and asks no iterator of an array', async () => {
    const text = await compare('loops', LOOPS);
    const left = [...text.matchAll(/\bof ([\w ]+|'\w+'|new \w+|\w+)/g)].map(([, of]) => of!.trim());
    assert.deepEqual(left, ['new Map', 'new Map', 'new Map', "'abcd'", "'abcd'", "'ab'", 'new Set', 'generatedAgain']);
  });

  it('makes the records that its sources make with classes, where V8 would copy some of them piece by piece', async () => {
    const text = await compare('records', RECORDS);
    assert.deepEqual(
      text.split('\n').flatMap((line) => (/new Record\$/.test(line) ? [/\w+(?= =)|return/.exec(line)![0]] : [])),
      ['large', 'nested', 'inOrder', 'make', 'typed', 'pattern', 'quick', 'OUTSIDE'],
    );
    assert.ok(/make = \(n: number\) => \(new Record\$\d+\( n, \[n\] \)\);/.test(text), text);
  });

  it('is so in the bundle of the command', () => {
    const bundle = readFileSync('dist/cli.cjs', 'utf8');
    assert.ok(/for \(let i\$\d+ = 0, a\$\d+ = /.test(bundle), 'the bundle is older: npm run build');
    assert.ok(/new Record\$\d+\(/.test(bundle), 'the bundle is older: npm run build');
  });

  it('has nothing but ASCII outside of comments: the command reads it so', () => {
    const lines = readFileSync('dist/cli.cjs', 'latin1').split('\n');
    assert.deepEqual(
      lines.filter((line) => /[\u0080-\u00ff]/.test(line) && !/^\s*(?:\/\/|\/?\*)/.test(line)),
      [],
    );
  });

  /** Runs the source, as it is and as it is bundled; gives the text that is bundled. */
  async function compare(name: string, source: string): Promise<string> {
    const path = join(folder, `${name}.ts`);
    const config = join(folder, 'tsconfig.json');
    writeFileSync(path, source);
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions: { target: 'ES2022', lib: ['ES2023'], strict: true, types: [] } }),
    );
    const code = plainCode([path], config);
    const text = code.texts.get(path.replaceAll('\\', '/'));
    assert.ok(text !== undefined);
    assert.equal(text.split('\n').length, source.split('\n').length);
    const results = [];
    for (const [n, plugins] of [[], [plainCodePlugin(code)]].entries()) {
      const outfile = join(folder, `${name}${n}.mjs`);
      await build({ entryPoints: [path], bundle: true, format: 'esm', outfile, plugins, logLevel: 'silent' });
      const { run } = (await import(pathToFileURL(outfile).href)) as { run(): unknown };
      results.push(
        inspect(run(), { depth: 9, breakLength: Number.POSITIVE_INFINITY, compact: true }).replace(
          /Record\$\d+ (?=\{)/g,
          '',
        ),
      );
    }
    assert.equal(results[1], results[0]);
    return text;
  }
});
