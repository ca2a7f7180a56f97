/** Initialisers: zeroing, then one store for each element, designators followed. */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { type Builder, constantExpr, loadOf } from './builder.ts';
import { expression, unwrap } from './expressions.ts';
import type { CType, Expr, PathElement, Place } from './ir.ts';
import { child } from './types.ts';

export function isAggregate(type: CType): boolean {
  return type.kind === 'record' || type.kind === 'array' || type.kind === 'unknown';
}

/** Elements of an array that its initialiser sizes: designators move the position, the highest one counts. */
export function initialiserLength(
  node: SyntaxNode,
  constantOf: (index: SyntaxNode) => number | undefined,
): number | undefined {
  let next = 0;
  let length = 0;
  for (const element of node.children) {
    if (!element.named || element.type === 'comment') continue;
    const designator =
      element.type === 'initializer_pair' ? element.children.find((c) => c.field === 'designator') : undefined;
    if (designator !== undefined) {
      const last = designator.children.filter((c) => c.named).at(-1);
      const index = last === undefined ? undefined : constantOf(last);
      if (index === undefined) return undefined;
      next = index;
    }
    next++;
    length = Math.max(length, next);
  }
  return length;
}

export interface Sink {
  zero(target: Place, span: Span): void;
  store(target: Place, value: Expr, span: Span): void;
}

/** Lowers `target = initialiser`. */
export function initialise(b: Builder, target: Place, node: SyntaxNode, span: Span, sink: Sink = emitting(b)): void {
  if (node.type !== 'initializer_list') {
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
    store: (target, value, span) => b.emit({ kind: 'assign', target, value, span }),
  };
}

/** Array elements written out for a range designator `[a ... b]`. */
const MAX_RANGE = 64;

function list(b: Builder, target: Place, node: SyntaxNode, sink: Sink): void {
  let position = 0;
  const fields = target.type.kind === 'record' ? b.unit.types.fieldsOf(target.type.tag) : undefined;
  for (const element of node.children) {
    if (!element.named || element.type === 'comment') continue;
    if (element.type === 'initializer_pair') {
      const value = child(element, 'value');
      if (value === undefined) continue;
      const designators = element.children.filter((c) => c.field === 'designator');
      for (const place of designated(b, target, designators)) {
        initialise(b, place.place, value, b.span(element), sink);
        if (place.index !== undefined) position = place.index;
        else if (fields !== undefined)
          position = Math.max(
            0,
            fields.findIndex((f) => f.name === place.field),
          );
      }
      position++;
      continue;
    }
    const span = b.span(element);
    const path: PathElement | undefined =
      fields !== undefined
        ? fields[position] === undefined
          ? undefined
          : { kind: 'field', name: fields[position]!.name }
        : target.type.kind === 'array' || element.type !== 'initializer_list'
          ? { kind: 'index', index: constantExpr(position, span) }
          : { kind: 'index', index: constantExpr(position, span) };
    const type: CType =
      fields !== undefined
        ? (fields[position]?.type ?? { kind: 'unknown', name: '' })
        : target.type.kind === 'array'
          ? target.type.of
          : { kind: 'unknown', name: '' };
    position++;
    if (path === undefined) continue;
    if (target.type.kind !== 'array' && fields === undefined) {
      // Positional values of a record that is not known: evaluated, stored nowhere.
      if (element.type !== 'initializer_list') expression(b, element);
      continue;
    }
    initialise(b, { ...target, path: [...target.path, path], type, span }, element, span, sink);
  }
}

interface Designated {
  readonly place: Place;
  readonly index: number | undefined;
  readonly field: string | undefined;
}

function designated(b: Builder, target: Place, designators: readonly SyntaxNode[]): Designated[] {
  let places: Designated[] = [{ place: target, index: undefined, field: undefined }];
  for (const d of designators) {
    const span = b.span(d);
    if (d.type === 'field_designator') {
      const name = b.text(d).replace(/^\.\s*/, '');
      places = places.map(({ place, index, field }) => ({
        place: {
          ...place,
          path: [...place.path, { kind: 'field', name }],
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
