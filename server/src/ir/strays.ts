/** Text that is neither declaration nor function to the parser. */
import type { ParsedFile, SyntaxNode } from '../syntax/tree.ts';
import type { StrayText } from './ir.ts';
import { headAt } from './made-definitions.ts';
import { child } from './types.ts';

/** What may stand at the top of a file beside declarations and functions. */
const TOP_LEVEL =
  /^(?:function_definition|declaration|type_definition|(?:struct|union|enum)_specifier|linkage_specification|comment|preproc_\w+|;)$/;

/** Text at the top of a file that belongs to no declaration and no function, with the function it was meant to be. */
export function strayText(file: ParsedFile): StrayText[] {
  const found: StrayText[] = [];
  const add = (nodes: readonly SyntaxNode[], named: SyntaxNode | undefined) => {
    const first = nodes[0];
    if (first === undefined) return;
    const spanOf = (n: SyntaxNode, end = n.end) => ({ file: file.path, start: n.start, end });
    const name =
      named === undefined ? undefined : { name: file.masked.slice(named.start, named.end), span: spanOf(named) };
    found.push({ span: spanOf(first, nodes[nodes.length - 1]!.end), function: name });
  };
  const items = (parent: SyntaxNode): void => {
    let run: SyntaxNode[] = [];
    let named: SyntaxNode | undefined;
    let open = 0;
    const flush = () => {
      add(run, named);
      run = [];
      named = undefined;
    };
    const damaged = parent.type === 'ERROR';
    for (const [i, node] of parent.children.entries()) {
      if (node.type === 'ERROR' && open <= 0) {
        flush();
        items(node);
        continue;
      }
      if (node.type === '{') open++;
      if (node.type === '}') open--;
      if (open <= 0 && node.type === 'function_definition') flush();
      else if (damaged && open <= 0 && node.type === 'function_declarator' && opensBody(parent.children, i)) {
        flush();
        named = child(node, 'declarator');
        run.push(node);
      } else if (i > 0 && headAt(parent.children, i - 1)?.block === node) continue;
      else if (open > 0 || (damaged ? !TOP_LEVEL.test(node.type) : isStatement(node))) run.push(node);
    }
    flush();
  };
  items(file.root);
  return found;
}

/** Between a declarator and the brace of its body there is nothing but damage. */
function opensBody(siblings: readonly SyntaxNode[], at: number): boolean {
  const next = siblings.slice(at + 1).find((n) => n.type !== 'ERROR');
  return next?.type === '{';
}

/** A statement has no business at the top of a file; a call there is a macro that declares something. */
function isStatement(node: SyntaxNode): boolean {
  return /_statement$/.test(node.type) && node.type !== 'expression_statement';
}
