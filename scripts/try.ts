import { readFileSync } from 'node:fs';
import { createAnalyser } from '../server/src/analysis/analyse.ts';

const a = await createAnalyser();
const paths = process.argv.slice(2);
for (const p of paths) {
  const text = readFileSync(p, 'utf8');
  const t = performance.now();
  const r = await a.analyse([{ path: p, text }], {
    readHeader: (x) => {
      try {
        return readFileSync(x, 'utf8');
      } catch {
        return undefined;
      }
    },
  });
  const line = (f: string, o: number) => readFileSync(f, 'utf8').slice(0, o).split('\n').length;
  console.log(
    `== ${p} ${(performance.now() - t).toFixed(0)}ms ${JSON.stringify(r.statistics.phases)} analysed ${r.statistics.functionsAnalysed}`,
  );
  for (const f of r.findings) {
    console.log(
      `${f.location.file}:${line(f.location.file, f.location.start)}: ${f.severity} ${f.ruleId} in ${f.function}: ${f.message.slice(0, 90)}`,
    );
    if (process.env.TRACE)
      for (const s of f.trace)
        console.log(`      ${line(s.location.file, s.location.start)}: [${s.kind}] ${s.message}`);
  }
  for (const n of r.notAnalysed) console.log(`  not analysed: ${n.function ?? ''} ${n.reason}`);
}
