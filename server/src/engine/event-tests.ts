/** What tells messages apart: tests of the event, and tables of handlers that are indexed by it or searched for it. */
import type { Expr, FunctionBody, GlobalVariable, Place } from '../ir/ir.ts';
import { visitInstruction } from '../ir/visit.ts';
import type { Span } from '../text/span.ts';
import { EVENTS_BY_VALUE, type UffdEvent } from '../uffd/events.ts';
import type { Context } from './context.ts';
import type { HandlerEntry } from './events.ts';
import { noteFeatureUse, recognise, swallow } from './observe.ts';
import { rowOf } from './slice/library.ts';
import { isFunctionPointer } from './slice/names.ts';
import type { State } from './state.ts';
import { asConstant, type Location, type MessageTag, type Value } from './value.ts';

/** `msg.event == X`, `!= X`, or a bit test of it. `locate` says where a place can lie. */
export function noteEventTest(
  ctx: Context,
  state: State,
  expr: Expr & { kind: 'binary' },
  left: Value,
  right: Value,
  locate: (place: Place) => readonly Location[],
): void {
  const tag = left.tag ?? right.tag;
  if (tag?.part !== 'event') return;
  const other = tag === left.tag ? expr.right : expr.left;
  if (tag.child === undefined) {
    if (expr.op !== '==' && expr.op !== '!=') return;
    const table = tableOf(ctx, other, locate);
    if (table !== undefined) noteHandlers(ctx, state, tag, table.global, rowsOf);
    return;
  }
  switch (expr.op) {
    case '==':
    case '!=': {
      const a = asConstant(left);
      const b = asConstant(right);
      if (a === undefined || b === undefined) return;
      const table = tableOf(ctx, other, locate);
      if (table !== undefined) noteHandlers(ctx, state, tag, table.global, rowsOf);
      // A search in a table is a dispatch, not yet a test: what the handler does decides.
      if (a === b && table === undefined) recognise(state, tag.child, expr.span);
      else if (table === undefined) swallow(state, tag.child, expr.span);
      else swallow(state, tag.child, table.span, { entry: a === b ? entryAt(table.global, table.path) : undefined });
      return;
    }
    case '&':
      swallow(state, tag.child, expr.span);
      return;
    default:
      return;
  }
}

interface TableElement {
  readonly global: GlobalVariable;
  readonly path: string;
  /** Span of the table's initialiser. */
  readonly span: Span;
}

/** The element of an initialised file-scope table that an expression reads, by its name or through a pointer. */
function tableOf(ctx: Context, expr: Expr, locate: (place: Place) => readonly Location[]): TableElement | undefined {
  if (expr.kind === 'cast') return tableOf(ctx, expr.operand, locate);
  if (expr.kind !== 'load') return undefined;
  const locations = locate(expr.place);
  const bases = new Set(locations.map(({ base }) => base));
  if (bases.size !== 1 || !locations.every(({ path }) => path.includes('['))) return undefined;
  const { base, path } = locations[0]!;
  const global = ctx.program.global(base);
  const span = global?.initialiserSpan;
  return global === undefined || span === undefined ? undefined : { global, path, span };
}

/** What the initialiser has at the element that the path leads into. */
function entryAt({ initialiser }: GlobalVariable, path: string): HandlerEntry | undefined {
  const row = path.slice(0, path.lastIndexOf(']') + 1);
  const stores = initialiser.filter(({ target }) => pathOf(target).startsWith(row));
  const handlers = stores.flatMap(({ value }) => (value.kind === 'function' ? [value.name] : []));
  const handler = handlers.length === 1 ? handlers[0] : undefined;
  return stores[0] === undefined ? undefined : { span: stores[0].span, handler };
}

function pathOf({ path }: Place): string {
  return path
    .map((e) => (e.kind === 'field' ? `.${e.name}` : `[${e.index.kind === 'constant' ? e.index.value : '*'}]`))
    .join('');
}

/**
 * A table indexed by the event of a FORK message decides what becomes of it: its initialiser, or where that says nothing
 * of it, whoever calls what the program stored there.
 */
export function noteTableUse(
  ctx: Context,
  state: State,
  place: Place,
  locations: readonly Location[],
  found: Value,
  evaluateIndex: (e: Expr) => Value,
): void {
  for (const element of place.path) {
    if (element.kind !== 'index') continue;
    const tag = evaluateIndex(element.index).tag;
    if (tag?.part !== 'event') continue;
    for (const { base, path } of locations) {
      const global = ctx.program.global(base);
      if (global !== undefined) noteHandlers(ctx, state, tag, global, elementsOf);
      if (tag.child === undefined) continue;
      const isFilled = global?.initialiser.some(({ target }) => isElement(target, path)) === true;
      if (!isFilled && (!isFunctionPointer(place) || found.any)) continue;
      const initialiser = isFilled ? global.initialiserSpan : undefined;
      const entry = isFilled ? entryAt(global, path) : undefined;
      swallow(state, tag.child, initialiser ?? place.span, { entry });
    }
  }
}

/** The place is an element, or lies in one, of the array of which the path names an element. */
function isElement(target: Place, of: string): boolean {
  return pathOf(target).startsWith(of.slice(0, of.lastIndexOf('[') + 1));
}

/** A handler that a table has for an event. */
interface EventHandler {
  readonly event: UffdEvent;
  readonly name: string;
  readonly span: Span;
}

/** Of a table that is indexed by the event, or by a distance of it from the first one. */
const elementsOf = onceFor(({ initialiser }, offset) =>
  initialiser.flatMap(({ target, value, span }): EventHandler[] => {
    const [first] = target.path;
    const index = first?.kind === 'index' && first.index.kind === 'constant' ? first.index.value : undefined;
    const event = index === undefined ? undefined : EVENTS_BY_VALUE.get(Number(index) - offset);
    return event === undefined || value.kind !== 'function' ? [] : [{ event, name: value.name, span }];
  }),
);

/** Of a table that is searched for the event: rows of the event and the handler. */
const rowsOf = onceFor(({ initialiser }, offset) => {
  const rows = new Map<string, { span: Span; events: UffdEvent[]; names: string[] }>();
  for (const { target, value, span } of initialiser) {
    const path = pathOf(target);
    const key = path.slice(0, path.indexOf(']') + 1);
    const row = rows.get(key) ?? { span, events: [], names: [] };
    rows.set(key, row);
    const event = value.kind === 'constant' ? EVENTS_BY_VALUE.get(Number(value.value) - offset) : undefined;
    if (event !== undefined) row.events.push(event);
    if (value.kind === 'function') row.names.push(value.name);
  }
  return [...rows.values()].flatMap(({ span, events, names }): EventHandler[] =>
    events.length === 1 && names.length === 1 ? [{ event: events[0]!, name: names[0]!, span }] : [],
  );
});

/** What a table has for events, each of which has the number that is greater by the offset. */
type HandlersOf = (global: GlobalVariable, offset: number) => readonly EventHandler[];

function onceFor(find: HandlersOf): HandlersOf {
  const known = new WeakMap<GlobalVariable, Map<number, readonly EventHandler[]>>();
  return (global, offset) => {
    let byOffset = known.get(global);
    if (byOffset === undefined) {
      byOffset = new Map();
      known.set(global, byOffset);
    }
    let found = byOffset.get(offset);
    if (found === undefined) {
      found = find(global, offset);
      byOffset.set(offset, found);
    }
    return found;
  };
}

/** A table with a handler for an event is a switch with a case for it: the event's feature has to be requested. */
function noteHandlers(
  ctx: Context,
  state: State,
  tag: MessageTag,
  global: GlobalVariable,
  handlersOf: HandlersOf,
): void {
  if (state.hypothesis !== undefined) return;
  for (const { event, name, span } of handlersOf(global, tag.offset)) {
    if (event.featureBit === undefined || event.featureName === undefined) continue;
    const body = ctx.program.function(name, ctx.body.file);
    if (body === undefined || !actsOn(body, event)) continue;
    noteFeatureUse(ctx, state, tag, { bit: event.featureBit, name: event.featureName }, span);
  }
}

const acting = new WeakMap<FunctionBody, Set<UffdEvent['member']>>();

/** The function looks at the event's part of the union, and not only to print it. */
function actsOn(body: FunctionBody, { member }: UffdEvent): boolean {
  let found = acting.get(body);
  if (found === undefined) {
    found = membersUsed(body);
    acting.set(body, found);
  }
  return found.has(member);
}

function membersUsed(body: FunctionBody): Set<UffdEvent['member']> {
  const found = new Set<UffdEvent['member']>();
  const note = ({ path }: Place) => {
    const at = path.findIndex((e) => e.kind === 'field' && e.name === 'arg');
    const next = at < 0 ? undefined : path[at + 1];
    for (const { member } of EVENTS_BY_VALUE.values())
      if (next?.kind === 'field' && next.name === member) found.add(member);
  };
  const visitor = { place: note, expr: () => {} };
  for (const { instructions } of body.blocks)
    for (const i of instructions) {
      const isPrinting =
        i.kind === 'call' && i.callee.kind === 'function' && rowOf(i.callee.name, i.arguments)?.kind === 'print';
      if (!isPrinting) visitInstruction(i, visitor);
    }
  return found;
}
