/** One line a finding, as compilers print them. */
import type { Finding } from '../rules/finding.ts';
import type { Positions } from './positions.ts';

const WORDS = { error: 'error', warning: 'warning', info: 'note' } as const;

export function toGcc(findings: readonly Finding[], positions: Positions): string {
  return findings
    .map((f) => {
      const { line, column } = positions.range(f.location).start;
      return `${f.location.file}:${line}:${column}: ${WORDS[f.severity]}: ${f.message} [uffd/${f.ruleId}]\n`;
    })
    .join('');
}
