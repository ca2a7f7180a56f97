/** The parameters of a function, from its declarator or, in old style, from the declarations behind it. */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import type { Builder } from './builder.ts';
import { type CType, REST, type Variable } from './ir.ts';
import { child } from './types.ts';

export interface Parameters {
  readonly list: readonly Variable[];
  /** The last one stands for all further arguments. */
  readonly variadic: boolean;
}

/** Declares them in the scope that is open. `name`: where the function's name stands. */
export function declareParameters(
  b: Builder,
  parameters: SyntaxNode | undefined,
  definition: SyntaxNode,
  name: Span,
): Parameters {
  const list: Variable[] = [];
  let variadic = false;
  for (const p of parameters?.children ?? []) {
    if (p.type === 'variadic_parameter') variadic = true;
    if (p.type !== 'parameter_declaration' && p.type !== 'identifier') continue;
    const variable = p.type === 'identifier' ? oldStyle(b, p, definition) : declared(b, p, list.length);
    if (variable !== undefined) list.push(variable);
  }
  if (variadic) list.push(rest(b, name));
  for (const variable of list) b.declare(variable.name, variable);
  return { list, variadic };
}

/** Of a declaration: `static`, `volatile`, … */
export function wordsOf(node: SyntaxNode, textOf: (node: SyntaxNode) => string): string[] {
  return node.children
    .filter((c) => c.type === 'storage_class_specifier' || c.type === 'type_qualifier')
    .map((c) => textOf(c));
}

/** Qualifiers of the variable itself: `volatile char *p` may change where it leads, `char *volatile p` itself. */
export function qualifiersOf(
  words: readonly string[],
  declarator: SyntaxNode | undefined,
  type: CType,
  textOf: (node: SyntaxNode) => string,
): { readonly volatile: boolean; readonly constant: boolean } {
  let d = declarator;
  while (d !== undefined && d.type !== 'pointer_declarator') d = child(d, 'declarator');
  const own = type.kind !== 'pointer' ? words : d === undefined ? [] : wordsOf(d, textOf);
  return { volatile: own.includes('volatile') || own.includes('_Atomic'), constant: own.includes('const') };
}

function declared(b: Builder, p: SyntaxNode, index: number): Variable | undefined {
  const { types } = b.unit;
  const base = types.specifier(child(p, 'type'));
  const d = child(p, 'declarator');
  if (d === undefined && base.kind === 'void') return undefined;
  const found = d === undefined ? { name: undefined, nameNode: undefined, type: base } : types.declarator(d, base);
  const type = adjusted(found.type);
  const name = found.name ?? `unnamed parameter ${index + 1}`;
  const text = (n: SyntaxNode) => b.text(n);
  const { volatile } = qualifiersOf(wordsOf(p, text), d, type, text);
  const span = b.span(found.nameNode ?? p);
  return { id: `${b.functionId}:${name}`, name, storage: 'parameter', type, volatile, span };
}

/** Arrays and functions are passed by pointers (C17 6.7.6.3). */
function adjusted(type: CType): CType {
  if (type.kind === 'array') return { kind: 'pointer', to: type.of };
  return type.kind === 'function' ? { kind: 'pointer', to: type } : type;
}

/** K&R: the types stand between the parameter list and the body. */
function oldStyle(b: Builder, p: SyntaxNode, definition: SyntaxNode): Variable {
  const name = b.text(p);
  let type: CType = { kind: 'integer', bytes: 4, signed: true };
  for (const c of definition.children) {
    if (c.type !== 'declaration') continue;
    const base = b.unit.types.specifier(child(c, 'type'));
    for (const d of c.children) {
      if (d.field !== 'declarator') continue;
      const found = b.unit.types.declarator(d, base);
      if (found.name === name) type = adjusted(found.type);
    }
  }
  return { id: `${b.functionId}:${name}`, name, storage: 'parameter', type, volatile: false, span: b.span(p) };
}

function rest(b: Builder, span: Span): Variable {
  const type: CType = { kind: 'array', of: { kind: 'unknown', name: REST }, length: undefined };
  return { id: `${b.functionId}:${REST}`, name: REST, storage: 'parameter', type, volatile: false, span };
}
