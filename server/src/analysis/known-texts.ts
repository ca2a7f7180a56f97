/**
 * Edits inside of comments: they move what is found, and change nothing of it. Such a text is analysed as the one that
 * it was made from, where everything is known, and the places in the result are moved.
 */
import type { Finding, NotAnalysed } from '../rules/finding.ts';
import { type Comment, commentsOf } from '../syntax/comments.ts';
import type { Span } from '../text/span.ts';
import { mentions } from './source-file.ts';

/** What was analysed, as it was. */
interface Known {
  readonly text: string;
  comments: readonly Comment[] | undefined;
  used: number;
}

interface Found {
  readonly findings: readonly Finding[];
  readonly notAnalysed: readonly NotAnalysed[];
}

/** A comment that has another length now, or says something else. */
interface Edited extends Comment {
  readonly growth: number;
}

export class KnownTexts {
  private readonly known = new Map<string, Known>();
  private call = 0;

  /** Begins a call, and forgets what the last `calls` of them did not use. */
  begin(calls: number): void {
    this.call++;
    for (const [path, { used }] of this.known) if (used < this.call - calls) this.known.delete(path);
  }

  /** The texts of one call. `isDamaged`: how the parser reads the text may depend on what its comments say. */
  view(isDamaged: (path: string) => boolean): TextView {
    return new TextView((path, text) => {
      const known = this.known.get(path);
      if (known !== undefined) {
        known.used = this.call;
        if (known.text === text) return { text, edited: [] };
        known.comments ??= commentsOf(known.text);
        const edited = isDamaged(path) ? undefined : editedComments(known.text, known.comments, text);
        if (edited !== undefined) return { text: known.text, edited };
      }
      this.known.set(path, { text, comments: undefined, used: this.call });
      return { text, edited: [] };
    });
  }

  /** The next call takes the text as it is. */
  forget(path: string): void {
    this.known.delete(path);
  }
}

export class TextView {
  private readonly find: (path: string, text: string) => { readonly text: string; readonly edited: readonly Edited[] };
  private readonly answers = new Map<string, { readonly text: string; readonly edited: readonly Edited[] }>();

  constructor(find: TextView['find']) {
    this.find = find;
  }

  /** The text that is analysed in the place of this one. */
  of(path: string, text: string): string {
    let answer = this.answers.get(path);
    if (answer === undefined) {
      answer = this.find(path, text);
      this.answers.set(path, answer);
    }
    return answer.text;
  }

  /** Files of which another text is analysed. */
  get stoodInFor(): string[] {
    return [...this.answers].flatMap(([path, { edited }]) => (edited.length > 0 ? path : []));
  }

  /** What was found, at its places in the texts that were given; undefined where a comment is part of it. */
  moved<R extends Found>(result: R): R | undefined {
    if (this.stoodInFor.length === 0) return result;
    const findings = result.findings.flatMap((f) => this.movedFinding(f) ?? []);
    const notAnalysed = result.notAnalysed.flatMap((n) => this.movedNote(n) ?? []);
    const isWhole = findings.length === result.findings.length && notAnalysed.length === result.notAnalysed.length;
    return isWhole ? { ...result, findings, notAnalysed } : undefined;
  }

  /** A place in what was analysed as a place in what was given; undefined where an edited comment lies in it. */
  private place(span: Span): Span | undefined {
    const { edited = [] } = this.answers.get(span.file) ?? {};
    if (edited.length === 0) return span;
    let by = 0;
    for (const { start, end, growth } of edited) {
      if (start >= span.end) break;
      if (end > span.start) return undefined;
      by += growth;
    }
    return { ...span, start: span.start + by, end: span.end + by };
  }

  private movedFinding(finding: Finding): Finding | undefined {
    const location = this.place(finding.location);
    const trace = finding.trace.flatMap((step) => {
      const place = this.place(step.location);
      return place === undefined ? [] : { ...step, location: place };
    });
    if (location === undefined || trace.length < finding.trace.length || finding.fixes.length > 0) return undefined;
    return { ...finding, location, trace };
  }

  private movedNote(note: NotAnalysed): NotAnalysed | undefined {
    if (note.location === undefined) return note;
    const location = this.place(note.location);
    return location === undefined ? undefined : { ...note, location };
  }
}

/** Undefined where the texts differ in more than what their comments say. */
function editedComments(before: string, comments: readonly Comment[], after: string): Edited[] | undefined {
  const edited: Edited[] = [];
  let from = 0;
  let at = 0;
  for (const { start, end } of comments) {
    if (!after.startsWith(before.slice(from, start), at)) return undefined;
    at += start - from;
    from = end;
    const comment = before.slice(start, end);
    if (after.startsWith(comment, at) && endOf(after, at) === at + comment.length) {
      at += comment.length;
      continue;
    }
    const next = endOf(after, at);
    const other = next === undefined ? '' : after.slice(at, next);
    if (!saysAsMuch(comment, other)) return undefined;
    edited.push({ start, end, growth: other.length - comment.length });
    at += other.length;
  }
  return after.slice(at) === before.slice(from) ? edited : undefined;
}

/** Where the comment that begins here ends; undefined where none does, or it has no end. */
function endOf(text: string, at: number): number | undefined {
  if (text.startsWith('/*', at)) {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? undefined : end + 2;
  }
  if (!text.startsWith('//', at)) return undefined;
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** Comments of one kind, of which both or none speak of userfaultfd. */
function saysAsMuch(comment: string, other: string): boolean {
  if (comment.slice(0, 2) !== other.slice(0, 2) || mentions(comment) !== mentions(other)) return false;
  // A comment to the end of the line can go on in the next one.
  return comment.startsWith('/*') || !(/\\\r?$/.test(other) || comment.includes('\n'));
}
