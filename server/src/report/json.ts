/** The JSON contract: schemaVersion 1. Adding a member keeps the version. */
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import type { Positions } from './positions.ts';

export interface Report {
  readonly version: string;
  readonly findings: readonly Finding[];
  readonly notAnalysed: readonly NotAnalysed[];
  readonly summary: {
    readonly files: number;
    readonly analysed: number;
    readonly functions: number;
    readonly durationMs: number;
  };
}

export function toJson(report: Report, positions: Positions): string {
  const document = {
    schemaVersion: 1,
    tool: { name: 'uffd-lint', version: report.version },
    findings: report.findings.map((f) => ({
      ruleId: `uffd/${f.ruleId}`,
      severity: f.severity,
      message: f.message,
      file: f.location.file,
      range: positions.range(f.location),
      ...(f.function === undefined ? {} : { function: f.function }),
      ...(f.condition === undefined ? {} : { condition: f.condition }),
      trace: f.trace.map((s) => ({
        file: s.location.file,
        range: positions.range(s.location),
        kind: s.kind,
        message: s.message,
      })),
      fixes: f.fixes.map((x) => ({
        title: x.title,
        safe: x.safe,
        edits: x.edits.map((e) => ({ file: e.location.file, range: positions.range(e.location), newText: e.newText })),
      })),
      fingerprint: f.fingerprint,
    })),
    notAnalysed: report.notAnalysed.map((n) => ({
      file: n.file,
      reason: n.reason,
      ...(n.kind === undefined ? {} : { kind: n.kind }),
      ...(n.function === undefined ? {} : { function: n.function }),
      ...(n.location === undefined ? {} : { range: positions.range(n.location) }),
    })),
    summary: report.summary,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
