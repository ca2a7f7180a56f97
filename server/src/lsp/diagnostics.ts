/** A finding as the protocol says it. */
import { basename } from 'node:path';
import { type Diagnostic, DiagnosticSeverity } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { Finding, Severity } from '../rules/finding.ts';
import type { Span } from '../text/span.ts';
import { type Encoding, rangeToWire } from './encoding.ts';
import { rulePage } from './installation.ts';

/** The text that a path had in an analysis. */
export type DocumentOf = (path: string) => TextDocument;

const SEVERITIES: Record<Severity, DiagnosticSeverity> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
};

export function toDiagnostic(finding: Finding, documentOf: DocumentOf, encoding: Encoding): Diagnostic {
  const { location } = finding;
  return {
    range: rangeToWire(documentOf(location.file), location.start, location.end, encoding),
    severity: SEVERITIES[finding.severity],
    source: 'uffd',
    code: `uffd/${finding.ruleId}`,
    codeDescription: { href: rulePage(finding.ruleId) },
    message:
      finding.message +
      (finding.condition === undefined ? '' : ` (only where ${finding.condition})`) +
      elsewhere(finding, documentOf),
    relatedInformation: finding.trace.map((step) => {
      const other = documentOf(step.location.file);
      return {
        location: { uri: other.uri, range: rangeToWire(other, step.location.start, step.location.end, encoding) },
        message: step.message,
      };
    }),
    data: { fingerprint: finding.fingerprint },
  };
}

/** Not every client shows related information: the message names the place where the story begins. */
function elsewhere(finding: Finding, documentOf: DocumentOf): string {
  const step = finding.trace.find((s) => s.kind === 'handshake') ?? finding.trace.find((s) => s.kind === 'read');
  const { file, start } = finding.location;
  if (step === undefined || (step.location.file === file && step.location.start === start)) return '';
  const line = lineOf(step.location, documentOf);
  const place = step.location.file === file ? `line ${line}` : `${basename(step.location.file)}, line ${line}`;
  return ` (${place}: ${step.message})`;
}

export function lineOf(span: Span, documentOf: DocumentOf): number {
  return documentOf(span.file).positionAt(span.start).line + 1;
}
