/** Runs all rules over one program and makes findings of what they detect. */
import { createHash } from 'node:crypto';
import type { EngineResult } from '../engine/events.ts';
import type { Span } from '../text/span.ts';
import type { Finding } from './finding.ts';
import { RULES } from './registry.ts';

/** Part of every fingerprint: changes only when fingerprints must all change. */
const SCHEMA = 'uffd-lint/1';

export function runRules(program: EngineResult, textOf: (span: Span) => string): Finding[] {
  const findings: Finding[] = [];
  for (const rule of RULES) {
    const seen = new Set<string>();
    for (const d of rule.detect(program)) {
      const key = `${d.span.file}:${d.span.start}:${d.span.end}`;
      if (seen.has(key)) continue;
      seen.add(key);
      findings.push({
        ruleId: rule.id,
        severity: d.severity ?? rule.severity,
        message: d.message,
        location: d.span,
        function: d.function,
        trace: d.trace,
        fixes: [],
        fingerprint: fingerprint([rule.id, d.span.file, d.function, d.object, normalise(textOf(d.span))]),
      });
    }
  }
  return findings;
}

/** Sorted by file, place and rule; findings that look alike are numbered in their fingerprints. */
export function finish(findings: readonly Finding[]): Finding[] {
  const unique = new Map<string, Finding>();
  for (const f of findings) {
    const key = `${f.location.file}|${String(f.location.start).padStart(10, '0')}|${String(f.location.end).padStart(10, '0')}|${f.ruleId}`;
    if (!unique.has(key)) unique.set(key, f);
  }
  const sorted = [...unique].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, f]) => f);
  const count = new Map<string, number>();
  return sorted.map((f) => {
    const n = count.get(f.fingerprint) ?? 0;
    count.set(f.fingerprint, n + 1);
    return n === 0 ? f : { ...f, fingerprint: fingerprint([f.fingerprint, String(n)]) };
  });
}

function normalise(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function fingerprint(parts: readonly string[]): string {
  return createHash('sha256')
    .update([SCHEMA, ...parts].join('\0'))
    .digest('hex');
}
