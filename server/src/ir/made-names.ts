/** Names of variables that a call of a macro pastes together: `int UNIQUE(rc_) = f();`. */
import type { MacroDefinition, SyntaxNode } from '../syntax/tree.ts';
import type { CType } from './ir.ts';
import { rescan } from './rescan.ts';
import { child } from './types.ts';

/** What a declarator declares where its name is made by a macro; to the grammar it is a function. */
export interface MadeName {
  readonly name: string;
  readonly nameNode: SyntaxNode;
  readonly type: CType;
}

/** Undefined for any other declarator. `text` gives the text of a node, `macros` those that hold there. */
export function madeName(
  declarator: SyntaxNode,
  base: CType,
  macros: ReadonlyMap<string, MacroDefinition>,
  text: (node: SyntaxNode) => string,
): MadeName | undefined {
  let type = base;
  let node: SyntaxNode | undefined = declarator;
  while (node?.type === 'init_declarator' || node?.type === 'pointer_declarator') {
    if (node.type === 'pointer_declarator') type = { kind: 'pointer', to: type };
    node = child(node, 'declarator');
  }
  if (node?.type !== 'function_declarator') return undefined;
  const callee = child(node, 'declarator');
  if (callee?.type !== 'identifier' || macros.get(text(callee))?.parameters === undefined) return undefined;
  const name = rescan(text(node), macros)?.text.trim();
  return name === undefined || !/^[A-Za-z_]\w*$/.test(name) ? undefined : { name, nameNode: node, type };
}
