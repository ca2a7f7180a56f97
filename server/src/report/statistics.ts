/** `--stats`: counts and times for a person. */
export interface Statistics {
  readonly files: number;
  readonly filesAnalysed: number;
  readonly functions: number;
  readonly functionsRelevant: number;
  readonly functionsWithParseErrors: number;
  readonly functionsAnalysed: number;
  readonly functionsQuarantined: number;
  readonly functionsOutOfBudget: number;
  readonly variants: number;
  readonly components: number;
  readonly cache?: {
    readonly hits: number;
    readonly misses: number;
    readonly rootsRun: number;
    readonly rootsRepeated: number;
  };
  readonly phases: Readonly<Record<string, number>>;
}

export function toStatistics(s: Statistics, totalMs: number): string {
  const percent = s.functions === 0 ? 0 : (100 * s.functionsWithParseErrors) / s.functions;
  const phases = Object.entries(s.phases).map(([name, ms]) => `${name} ${ms.toFixed(1)} ms, `);
  return [
    `files ${s.files}, analysed ${s.filesAnalysed}`,
    `functions ${s.functions}, with parse errors ${s.functionsWithParseErrors} (${percent.toFixed(2)} %), relevant ${s.functionsRelevant}, analysed ${s.functionsAnalysed}, quarantined ${s.functionsQuarantined}, out of budget ${s.functionsOutOfBudget}, variants ${s.variants}`,
    `components ${s.components}${s.cache === undefined ? '' : cached(s.cache)}`,
    `${phases.join('')}in all ${totalMs.toFixed(1)} ms`,
    '',
  ].join('\n');
}

function cached({ hits, misses, rootsRun, rootsRepeated }: NonNullable<Statistics['cache']>): string {
  return `, from the cache ${hits}, analysed ${misses} (roots run ${rootsRun}, repeated ${rootsRepeated})`;
}
