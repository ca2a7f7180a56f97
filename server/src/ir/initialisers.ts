/** Initialisers: zeroing, then one store for each element, designators followed. */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { Builder, constantExpr, loadOf, type UnitScope } from './builder.ts';
import { expression, typeOfNode, unwrap } from './expressions.ts';
import type { CType, Expr, PathElement, Place } from './ir.ts';
import { expand, within } from './macros.ts';
import { DESIGNATOR, ELEMENT } from './templates.ts';
import { child } from './types.ts';

export function isAggregate(type: CType): boolean {
  return type.kind === 'record' || type.kind === 'array' || type.kind === 'unknown';
}

/** Elements of an array that its initialiser sizes: designators move the position, the highest one counts. */
export function initialiserLength(unit: UnitScope, type: CType, node: SyntaxNode): number | undefined {
  const b = new Builder(unit, 'length', unit.view);
  b.openScope();
  const span = b.span(node);
  const variable = {
    id: 'length',
    name: '',
    storage: 'temporary',
    type,
    volatile: false,
    cleanup: undefined,
    span,
  } as const;
  let length: number | undefined = 0;
  const note = ({ path }: Place) => {
    const first = path[0];
    if (first?.kind !== 'index') return;
    const index = first.index.kind === 'constant' ? Number(first.index.value) : undefined;
    length = length === undefined || index === undefined ? undefined : Math.max(length, index + 1);
  };
  list(b, { base: { kind: 'variable', variable }, path: [], type, span }, node, { zero: note, store: note });
  return length;
}

export interface Sink {
  zero(target: Place, span: Span): void;
  store(target: Place, value: Expr, span: Span): void;
}

/** Lowers `target = initialiser`. */
export function initialise(b: Builder, target: Place, node: SyntaxNode, span: Span, sink: Sink = emitting(b)): void {
  if (node.type !== 'initializer_list') {
    const made = isAggregate(target.type) ? macroList(b, node) : undefined;
    if (made !== undefined) {
      within(b, made.macro, made.view, () => initialise(b, target, made.list, span, sink));
      return;
    }
    const value = unwrap(node);
    if (value.type === 'compound_literal_expression' && target.type.kind !== 'pointer') {
      initialise(b, target, child(value, 'value')!, span, sink);
      return;
    }
    if (target.type.kind === 'array') {
      // A string: the bytes do not matter.
      sink.zero(target, span);
      return;
    }
    sink.store(target, expression(b, node), span);
    return;
  }
  sink.zero(target, span);
  list(b, target, node, sink);
}

function emitting(b: Builder): Sink {
  return {
    zero: (target, span) => b.emit({ kind: 'zero', target, span }),
    store: (target, value, span) => {
      b.noteLabel(target, value);
      b.emit({ kind: 'assign', target, value, span });
    },
  };
}

/** Array elements written out for a range designator `[a ... b]`. */
const MAX_RANGE = 64;

function list(b: Builder, target: Place, node: SyntaxNode, sink: Sink, first = 0): number {
  let position = first;
  const fields = target.type.kind === 'record' ? b.unit.types.fieldsOf(target.type.tag) : undefined;
  const elements = node.children.filter((c) => c.named && c.type !== 'comment');
  for (let at = 0; at < elements.length; ) {
    const element = elements[at]!;
    const next = macroElement(b, target, element, sink, position);
    if (next !== undefined) {
      at++;
      position = next;
      continue;
    }
    if (element.type === 'initializer_pair') {
      at++;
      const value = child(element, 'value');
      if (value !== undefined) position = pair(b, target, designatedBy(b, target, element), value, element, sink);
      continue;
    }
    const part = member(b, target, position, b.span(element));
    position++;
    if (part !== undefined) at = positional(b, part, elements, at, sink);
    else {
      // Positional values of a record that is not known: evaluated, stored nowhere.
      if (element.type !== 'initializer_list' && fields === undefined) expression(b, element);
      at++;
    }
  }
  return position;
}

/** Stores a value in the places that its designators name; gives the position behind them. */
function pair(
  b: Builder,
  target: Place,
  places: readonly Designated[],
  value: SyntaxNode,
  element: SyntaxNode,
  sink: Sink,
): number {
  for (const { place } of places) initialise(b, place, value, b.span(element), sink);
  const last = places.at(-1);
  if (last?.index !== undefined) return last.index + 1;
  const fields = target.type.kind === 'record' ? b.unit.types.fieldsOf(target.type.tag) : undefined;
  return Math.max(0, fields?.findIndex((f) => f.name === last?.field) ?? 0) + 1;
}

/** The list that a macro stands for: `LIST_HEAD_INIT(head)`. */
function macroList(b: Builder, node: SyntaxNode) {
  const use = macroUse(b, node);
  const e = use && expand(b, use.macro, node, use.args, ELEMENT);
  const made = e === undefined ? undefined : elementsOf(e.statements);
  if (use === undefined || e === undefined || made === undefined || made.hasError) return undefined;
  const [list, ...others] = made.children.filter((c) => c.named && c.type !== 'comment');
  if (list?.type !== 'initializer_list' || others.length > 0) return undefined;
  return { macro: use.macro, view: e.view, list };
}

/** The macro that a node is the name of, or a call of, with the arguments. */
function macroUse(b: Builder, node: SyntaxNode) {
  const callee = node.type === 'call_expression' ? child(node, 'function')! : node;
  if (callee.type !== 'identifier') return undefined;
  const macro = b.macrosAt(callee).get(b.text(callee));
  if (macro === undefined || (macro.parameters === undefined) !== (callee === node)) return undefined;
  return { macro, args: child(node, 'arguments')?.children.filter((c) => c.named && c.type !== 'comment') };
}

/**
 * An element that a macro makes, designator and all (`EV(FORK, f)`), or whose designator alone is a macro's
 * (`EV(FORK) = f`). Gives the position behind it; undefined where no designator comes out of a macro.
 */
function macroElement(b: Builder, target: Place, element: SyntaxNode, sink: Sink, position: number) {
  const assigned = element.type === 'assignment_expression';
  const use = assigned ? child(element, 'left')! : element;
  const called = macroUse(b, use);
  if (called === undefined) return undefined;
  const { macro, args } = called;
  const e = expand(b, macro, use, args, assigned ? DESIGNATOR : ELEMENT);
  const made = e === undefined ? undefined : elementsOf(e.statements);
  if (e === undefined || made === undefined || made.hasError) return undefined;
  const elements = made.children.filter((c) => c.named && c.type !== 'comment');
  if (!assigned) {
    if (elements.length === 1 && elements[0]!.type !== 'initializer_pair') return undefined;
    return within(b, macro, e.view, () => list(b, target, made, sink, position));
  }
  const value = child(element, 'right');
  if (elements.length !== 1 || value === undefined) return undefined;
  const places = within(b, macro, e.view, () => designatedBy(b, target, elements[0]!));
  return pair(b, target, places, value, element, sink);
}

/** The list of the one variable that an expansion as an element declares. */
function elementsOf(statements: readonly SyntaxNode[]): SyntaxNode | undefined {
  const declarator = statements[0]?.children.find((c) => c.type === 'init_declarator');
  return declarator === undefined ? undefined : child(declarator, 'value');
}

/** The place of the element or field at a position; undefined where there is none. */
function member(b: Builder, target: Place, position: number, span: Span): Place | undefined {
  if (target.type.kind === 'array') {
    const path: PathElement = { kind: 'index', index: constantExpr(position, span) };
    return { base: target.base, path: [...target.path, path], type: target.type.of, span };
  }
  const fields = target.type.kind === 'record' ? b.unit.types.fieldsOf(target.type.tag) : undefined;
  const field = fields?.[position];
  if (field === undefined) return undefined;
  const path = [...target.path, ...b.unit.types.pathTo(target.type, field.name)];
  return { base: target.base, path, type: field.type, span };
}

/** Initialises a place from the elements at `at`; without braces of its own an aggregate takes as many as it needs. */
function positional(b: Builder, target: Place, elements: readonly SyntaxNode[], at: number, sink: Sink): number {
  const element = elements[at]!;
  if (!elided(b, target.type, element)) {
    initialise(b, target, element, b.span(element), sink);
    return at + 1;
  }
  let next = at;
  for (let i = 0; i < memberCount(b, target.type); i++) {
    const following = elements[next];
    if (following === undefined || following.type === 'initializer_pair') break;
    const part = member(b, target, i, b.span(following));
    if (part === undefined) break;
    next = positional(b, part, elements, next, sink);
  }
  return Math.max(next, at + 1);
}

function memberCount(b: Builder, type: CType): number {
  if (type.kind === 'array') return type.length ?? 0;
  if (type.kind !== 'record') return 0;
  return type.union ? 1 : (b.unit.types.fieldsOf(type.tag)?.length ?? 0);
}

/** True when a scalar stands where an aggregate begins. */
function elided(b: Builder, type: CType, element: SyntaxNode): boolean {
  if (memberCount(b, type) === 0) return false;
  const node = unwrap(element);
  switch (node.type) {
    case 'number_literal':
    case 'char_literal':
    case 'binary_expression':
    case 'unary_expression':
    case 'sizeof_expression':
    case 'null':
    case 'true':
    case 'false':
      return true;
    case 'string_literal':
    case 'concatenated_string':
      return type.kind === 'record' || (type.kind === 'array' && type.of.kind !== 'integer');
    case 'identifier':
      if (b.lookupAny(b.text(node)) === undefined) {
        // A constant, or a macro whose value may be a record.
        const known = b.macrosAt(node).get(b.text(node));
        return known === undefined ? b.unit.enumerators.has(b.text(node)) : /^[-(\s]*\d/.test(known.body);
      }
      return isScalar(typeOfNode(b, node));
    case 'cast_expression':
    case 'field_expression':
    case 'subscript_expression':
    case 'pointer_expression':
      return isScalar(typeOfNode(b, node));
    default:
      return false;
  }
}

function isScalar(type: CType | undefined): boolean {
  return type?.kind === 'integer' || type?.kind === 'pointer' || type?.kind === 'floating';
}

interface Designated {
  readonly place: Place;
  readonly index: number | undefined;
  readonly field: string | undefined;
}

function designatedBy(b: Builder, target: Place, element: SyntaxNode): Designated[] {
  const designators = element.children.filter((c) => c.field === 'designator');
  let places: Designated[] = [{ place: target, index: undefined, field: undefined }];
  for (const d of designators) {
    const span = b.span(d);
    if (d.type === 'field_designator') {
      const name = b.text(d).replace(/^\.\s*/, '');
      places = places.map(({ place, index, field }) => ({
        place: {
          ...place,
          path: [...place.path, ...b.unit.types.pathTo(place.type, name)],
          type: b.unit.types.fieldType(place.type, name),
          span,
        },
        index,
        field: field ?? name,
      }));
    } else {
      const values = d.children.filter((c) => c.named).map((c) => expression(b, c));
      const low = values[0];
      const high = values[1] ?? low;
      const from = low?.kind === 'constant' ? Number(low.value) : undefined;
      const to = high?.kind === 'constant' ? Number(high.value) : undefined;
      const indices: (number | undefined)[] =
        from === undefined || to === undefined
          ? [undefined]
          : Array.from({ length: Math.min(to - from + 1, MAX_RANGE) }, (_, i) => from + i);
      places = places.flatMap(({ place }) =>
        indices.map((i) => ({
          place: {
            ...place,
            path: [
              ...place.path,
              {
                kind: 'index' as const,
                index: i === undefined ? (low ?? { kind: 'unknown' as const, span }) : constantExpr(i, span),
              },
            ],
            type: place.type.kind === 'array' ? place.type.of : { kind: 'unknown' as const, name: '' },
            span,
          },
          index: i,
          field: undefined,
        })),
      );
    }
  }
  return places;
}

export { loadOf };
