/** Definitions that a call of a macro begins: `TEST_F(suite, name) { … }`, as test harnesses have them. */
import { type MacroDefinition, nodeWith, type SyntaxNode } from '../syntax/tree.ts';
import { child } from './types.ts';

/** A call of what may be a macro, and the block behind it. */
export interface Head {
  /** The name that is called. */
  readonly callee: SyntaxNode;
  /** The call. */
  readonly node: SyntaxNode;
  readonly block: SyntaxNode;
}

/** The head that begins with a node at the top of a file; to the parser it is a call, or a definition without a type. */
export function headAt(siblings: readonly SyntaxNode[], at: number): Head | undefined {
  const node = siblings[at]!;
  if (node.type === 'function_definition') {
    const [callee, block] = [child(node, 'type'), child(node, 'body')];
    const isHead = callee?.type === 'type_identifier' && child(node, 'declarator')?.type === 'parenthesized_declarator';
    return isHead && block !== undefined ? { callee, node, block } : undefined;
  }
  const block = siblings[at + 1];
  const [call] = node.children;
  if (node.type !== 'expression_statement' || block?.type !== 'compound_statement') return undefined;
  if (call?.type !== 'call_expression' || node.children.some((c) => c.type === ';' && c.end > c.start))
    return undefined;
  const callee = child(call, 'function');
  return callee?.type === 'identifier' ? { callee, node, block } : undefined;
}

/** A definition of a function by a macro that is not known, with the macro's last argument as its name. */
export function namedByArgument({ node, block }: Head): SyntaxNode | undefined {
  if (node.type === 'function_definition') return node;
  const name = child(node.children[0]!, 'arguments')?.children.findLast((c) => c.type === 'identifier');
  if (name === undefined) return undefined;
  return nodeWith(node, {
    type: 'function_definition',
    end: block.end,
    children: [nodeWith(name, { field: 'declarator' }), nodeWith(block, { field: 'body' })],
    hasError: block.hasError,
  });
}

/** The macro and all macros that it leads to, by name. */
export function namesWithin(macro: MacroDefinition, macros: ReadonlyMap<string, MacroDefinition>): ReadonlySet<string> {
  const names = new Set([macro.name]);
  for (const name of names)
    for (const [word] of macros.get(name)?.body.matchAll(/[A-Za-z_]\w*/g) ?? []) if (macros.has(word)) names.add(word);
  return names;
}
