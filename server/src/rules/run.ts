/** Runs all rules over one program and makes findings of what they detect. */
import { createHash } from 'node:crypto';
import type { EngineResult } from '../engine/events.ts';
import type { TraceStep } from '../engine/trace.ts';
import type { Span } from '../text/span.ts';
import type { Finding, Severity } from './finding.ts';
import { missingFeature } from './missing-feature.ts';
import { RULES } from './registry.ts';

/** Part of every fingerprint: changes only when fingerprints must all change. */
const SCHEMA = 'uffd-lint/1';

export function runRules(program: EngineResult, textOf: (span: Span) => string): Finding[] {
  const findings: Finding[] = [];
  for (const rule of RULES) {
    const seen = new Set<string>();
    for (const d of rule.detect(program)) {
      const key = placeKey(d.span);
      if (seen.has(key)) continue;
      seen.add(key);
      findings.push({
        ruleId: rule.id,
        severity: d.severity ?? rule.severity,
        message: d.message,
        location: d.span,
        function: d.function,
        trace: d.trace.map((step) => quoted(step, textOf)),
        fixes: [],
        about: d.object,
        fingerprint: fingerprint([rule.id, d.span.file, d.function, d.object, normalise(textOf(d.span))]),
      });
    }
  }
  return findings;
}

/** Where the program acts on an event or field whose feature it requested, and which that is. */
export function requestedPlaces(program: EngineResult): string[] {
  return program.events.flatMap((e) => (e.kind === 'requested-feature' ? [requestKey(e.span, e.feature)] : []));
}

/** Code that several programs share may serve a feature that only one of them requests. */
export function withoutAnswered(findings: readonly Finding[], requested: ReadonlySet<string>): Finding[] {
  const isAnswered = ({ location, about }: Finding) =>
    [about, undefined].some((feature) => requested.has(requestKey(location, feature)));
  return findings.filter((f) => f.ruleId !== missingFeature.id || !isAnswered(f));
}

function requestKey(span: Span, feature: string | undefined): string {
  return `${placeKey(span)} ${feature ?? ''}`;
}

function placeKey(span: Span): string {
  return `${span.file}:${span.start}:${span.end}`;
}

/** Sorted by file, place and rule; findings that look alike are numbered in their fingerprints. */
export function finish(findings: readonly Finding[]): Finding[] {
  const unique = new Map<string, Finding>();
  for (const f of findings) {
    const key = `${f.location.file}|${String(f.location.start).padStart(10, '0')}|${String(f.location.end).padStart(10, '0')}|${f.ruleId}`;
    const known = unique.get(key);
    if (known === undefined || isGraver(f, known)) unique.set(key, f);
  }
  const sorted = [...unique].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, f]) => f);
  const count = new Map<string, number>();
  return sorted.map((f) => {
    const n = count.get(f.fingerprint) ?? 0;
    count.set(f.fingerprint, n + 1);
    return n === 0 ? f : { ...f, fingerprint: fingerprint([f.fingerprint, String(n)]) };
  });
}

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, error: 2 };

/** Two programs share the place; what holds under a condition alone does not stand for what always does. */
function isGraver(f: Finding, than: Finding): boolean {
  if (f.condition !== undefined && than.condition === undefined) return false;
  return RANK[f.severity] > RANK[than.severity];
}

/** What is quoted of a test; more of it stands at its place. */
const MAX_QUOTED = 50;

/** A path that names a test says which. */
function quoted(step: TraceStep, textOf: (span: Span) => string): TraceStep {
  const text = normalise(textOf(step.location));
  if (step.kind !== 'branch' || text === '') return step;
  const part = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return { ...step, message: step.message.replace('the test', `the test \`${part}\``) };
}

function normalise(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function fingerprint(parts: readonly string[]): string {
  return createHash('sha256')
    .update([SCHEMA, ...parts].join('\0'))
    .digest('hex');
}
