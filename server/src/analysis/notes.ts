/** What a person should know of code that was not analysed whole. */
import type { FunctionBody, StrayText, TranslationUnit } from '../ir/ir.ts';
import type { NotAnalysed } from '../rules/finding.ts';
import type { Span } from '../text/span.ts';
import { mentions } from './source-file.ts';

const STRAY = 'the parser sees neither a declaration nor a function here';

/** Parts that the parser did not understand, where they speak of userfaultfd. */
export function notesOn(units: readonly TranslationUnit[], textOf: (span: Span) => string): NotAnalysed[] {
  const notes: NotAnalysed[] = [];
  for (const f of quarantinedOf(units)) {
    if (!mentions(textOf(f.span))) continue;
    notes.push({
      file: f.file,
      reason: `${f.quarantine.join('; ')}: nothing is claimed of what this function does not do`,
      kind: 'quarantine',
      function: f.name,
      location: f.nameSpan,
    });
  }
  const strays = new Map<string, StrayText>();
  for (const unit of units) for (const s of unit.strays) strays.set(placeOf(s.span), s);
  for (const s of strays.values()) {
    if (!mentions(textOf(s.span))) continue;
    const { file } = s.span;
    if (s.function === undefined && notes.some((n) => n.file === file && n.reason === STRAY)) continue;
    notes.push({
      file,
      reason: s.function === undefined ? STRAY : 'the function has no end that the parser can see',
      kind: 'quarantine',
      function: s.function?.name,
      location: s.function?.span ?? s.span,
    });
  }
  return notes;
}

/** By place: programs of one run may each have a function of one name, and files share their headers' functions. */
export function bodiesOf(units: readonly TranslationUnit[]): FunctionBody[] {
  return [...new Map(units.flatMap((u) => u.functions.map((f) => [placeOf(f.nameSpan), f]))).values()];
}

/** A header's function is one of these when it is in any of the files that include it. */
export function quarantinedOf(units: readonly TranslationUnit[]): FunctionBody[] {
  const found = new Map<string, FunctionBody>();
  for (const unit of units) {
    for (const f of unit.functions) {
      const place = placeOf(f.nameSpan);
      if (f.quarantine.length > 0 && !found.has(place)) found.set(place, f);
    }
  }
  return [...found.values()];
}

export function placeOf(span: Span): string {
  return `${span.file}:${span.start}`;
}

/** Sorted by place; what several programs or variants say is said once. */
export function once(notes: readonly NotAnalysed[]): NotAnalysed[] {
  const at = (n: NotAnalysed) => n.location?.start ?? -1;
  const seen = new Map<string, NotAnalysed>();
  for (const n of notes) {
    const key = `${n.kind}|${n.file}|${at(n)}`;
    if (!seen.has(key)) seen.set(key, n);
  }
  return [...seen.values()].sort((a, b) => (a.file === b.file ? at(a) - at(b) : a.file < b.file ? -1 : 1));
}
