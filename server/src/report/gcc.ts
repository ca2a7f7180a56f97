/** One line a finding, as compilers print them. */
import type { Finding } from '../rules/finding.ts';
import { plain } from './plain.ts';
import type { Positions } from './positions.ts';

const WORDS = { error: 'error', warning: 'warning', info: 'note' } as const;

export function toGcc(findings: readonly Finding[], positions: Positions): string {
  return findings
    .map((f) => {
      const { line, column } = positions.range(f.location).start;
      const condition = f.condition === undefined ? '' : ` (only where ${f.condition})`;
      const message = plain(f.message + condition).replace(/\s+/g, ' ');
      return `${plain(f.location.file).replace(/[\r\n]/g, '?')}:${line}:${column}: ${WORDS[f.severity]}: ${message} [uffd/${f.ruleId}]\n`;
    })
    .join('');
}
