/**
 * What the engine sees of a function, for people: the states that came to each block, with the descriptors, the
 * variables and the threads that they know. It only looks; nothing depends on it.
 */
import type { FunctionBody } from '../ir/ir.ts';
import type { Span } from '../text/span.ts';
import { FEATURES } from '../uffd/features.ts';
import { type Context, variableBase } from './context.ts';
import type { State } from './state.ts';
import type { Uffd } from './userfaultfd.ts';
import type { AbstractNumber, Reference, Value } from './value.ts';

/** Cells of other functions, globals and the heap that are shown of one state. */
const MAX_ELSEWHERE = 24;

interface Seen {
  /** The functions from the root to this one. */
  readonly stack: string;
  readonly block: number;
  state: State;
}

/** Notes the last, and so the largest, state that came to each block in each calling context. */
export class StateRecorder {
  private readonly wanted: (body: FunctionBody) => boolean;
  private readonly seen = new Map<string, Seen>();

  constructor(wanted: (body: FunctionBody) => boolean) {
    this.wanted = wanted;
  }

  note(ctx: Context, block: number, state: State): void {
    if (!this.wanted(ctx.body)) return;
    const key = `${ctx.root}|${ctx.site}|${block}|${state.key()}`;
    const known = this.seen.get(key);
    if (known !== undefined) {
      known.state = state;
      return;
    }
    const names = [...ctx.calls.map((c) => c.caller.name), ctx.body.name];
    this.seen.set(key, { stack: names.join(' > ') + (ctx.thread ? ' (thread)' : ''), block, state });
  }

  /** The states of one block as lines of text; none where the block was not reached. */
  linesOf(body: FunctionBody, block: number, placeOf: (span: Span) => string): string[] {
    const lines: string[] = [];
    for (const seen of this.seen.values()) {
      if (seen.block !== block) continue;
      lines.push(`in ${seen.stack}`, ...new Printer(seen.state, body, placeOf).lines().map((l) => `  ${l}`));
    }
    return lines.length === 0 ? ['not reached'] : lines;
  }
}

class Printer {
  private readonly state: State;
  private readonly placeOf: (span: Span) => string;
  /** Short names of descriptors, in the order in which the state made them. */
  private readonly names: ReadonlyMap<string, string>;
  private readonly own: ReadonlyMap<string, string>;

  constructor(state: State, body: FunctionBody, placeOf: (span: Span) => string) {
    this.state = state;
    this.placeOf = placeOf;
    this.names = new Map([...state.objects.keys()].map((id, i) => [id, `u${i + 1}`]));
    this.own = new Map([...body.parameters, ...body.locals].map((v) => [variableBase(v), v.name]));
  }

  lines(): string[] {
    const { state } = this;
    const own: string[] = [];
    const elsewhere: string[] = [];
    for (const base of state.memory.baseNames().sort()) {
      for (const [path, value] of state.memory.cellsOf(base).values) {
        const text = `${this.base(base)}${path} = ${this.value(value)}`;
        if (this.own.has(base)) own.push(text);
        else if (value.references.length > 0 || value.tag !== undefined) elsewhere.push(text);
      }
    }
    const more = elsewhere.length - MAX_ELSEWHERE;
    return [
      ...[...state.objects.values()].map((o) => this.descriptor(o)),
      ...own,
      ...elsewhere.slice(0, MAX_ELSEWHERE),
      ...(more > 0 ? [`… and ${more} more cells elsewhere`] : []),
      ...[...state.threads].map(([site, how]) => `${this.thread(site)} ${how}`),
      ...[...state.situation.locks.keys()].map((lock) => `holds ${lock}`),
      ...(state.situation.process === '' ? [] : [`in the child of ${state.situation.process}`]),
      ...(state.hypothesis === undefined
        ? []
        : [`asks what code under ${state.hypothesis.feature ?? 'other events'} does`]),
    ];
  }

  private descriptor(o: Uffd): string {
    const origin = o.origin === 'outside' ? 'from outside' : `${o.origin === 'child' ? 'child read' : 'created'} at`;
    const { must, may, unknown } = o.features;
    const features = [
      ...featureNames(must),
      ...featureNames(may & ~must).map((f) => `${f}?`),
      ...(unknown ? ['others?'] : []),
    ];
    const duty = o.duty;
    const words = [
      `${this.names.get(o.id)}: ${origin}${o.origin === 'outside' ? '' : ` ${this.placeOf(o.site)}`}`,
      `handshake ${o.handshake}`,
      ...(features.length > 0 ? [features.join(' | ')] : []),
      ...o.armed.map((r) => `armed at ${this.placeOf(r.span)}`),
      ...(o.nonblocking === undefined ? [] : [o.nonblocking ? 'non-blocking' : 'blocking']),
      ...(o.escaped ? ['escaped'] : []),
      ...(duty === undefined
        ? []
        : [
            duty.recognised !== undefined
              ? `owed since ${this.placeOf(duty.recognised)}`
              : duty.swallowed !== undefined
                ? `taken for something else at ${this.placeOf(duty.swallowed)}`
                : 'owed, and nobody looked at it',
          ]),
    ];
    return words.join(', ');
  }

  private thread(site: string): string {
    const [, file, start] = /^(.*?):(\d+)/.exec(site) ?? [];
    return `thread of ${file === undefined ? site : this.placeOf({ file, start: Number(start), end: Number(start) })}`;
  }

  private base(base: string): string {
    return this.own.get(base) ?? base.replace(/^var:/, '');
  }

  private value(v: Value): string {
    const parts = v.references.map((r) => this.reference(r));
    if (v.any) parts.push('?');
    else if (v.number !== undefined) parts.push(number(v.number));
    const tag = v.tag === undefined ? '' : ` (${v.tag.part} of ${this.names.get(v.tag.source) ?? v.tag.source})`;
    return `${parts.join(' or ') || 'nothing'}${tag}`;
  }

  private reference(r: Reference): string {
    switch (r.kind) {
      case 'descriptor':
        return this.names.get(r.object) ?? r.object;
      case 'location':
        return `&${this.base(r.location.base)}${r.location.path}`;
      case 'function':
        return r.name;
      case 'thread':
        return this.thread(r.site);
      case 'process':
        return r.armed ? 'a child process' : 'a process without armed memory';
    }
  }
}

function featureNames(bits: bigint): string[] {
  return FEATURES.filter((f) => (bits & f.bit) !== 0n).map((f) => f.name.replace('UFFD_FEATURE_', ''));
}

function number(n: AbstractNumber): string {
  if (n.set !== undefined) return n.set.length === 1 ? String(n.set[0]) : `{${n.set.join(', ')}}`;
  if (n.low !== -Infinity || n.high !== Infinity) return `[${n.low}, ${n.high}]`;
  if (n.may === 0n) return '?';
  const bits = `0x${n.must.toString(16)}…0x${n.may.toString(16)}`;
  return n.unknownBits ? `bits ${bits} and others` : `bits ${bits}`;
}
