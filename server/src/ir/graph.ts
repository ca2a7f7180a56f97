/** The control-flow graph of a function, as text and for Graphviz. */
import { printExpr, printInstruction, printTerminator } from './dump.ts';
import type { BasicBlock, FunctionBody, Terminator } from './ir.ts';

export interface Edge {
  readonly target: number;
  /** What must hold on this edge; empty for the only way on. */
  readonly label: string;
}

export function edgesOf(t: Terminator): Edge[] {
  switch (t.kind) {
    case 'goto':
      return [{ target: t.target, label: '' }];
    case 'branch':
      return [
        { target: t.whenTrue, label: 'true' },
        { target: t.whenFalse, label: 'false' },
      ];
    case 'switch':
      return [
        ...t.cases.map((c) => {
          const low = printExpr(c.low);
          return { target: c.target, label: c.low === c.high ? low : `${low}...${printExpr(c.high)}` };
        }),
        { target: t.otherwise, label: 'else' },
      ];
    case 'return':
    case 'unreachable':
      return [];
  }
}

/** One line a block: where control comes from, where it goes, and how much is done in between. */
export function printGraph(f: FunctionBody): string {
  const from = new Map<number, Set<number>>();
  for (const block of f.blocks)
    for (const { target } of edgesOf(block.terminator)) from.set(target, (from.get(target) ?? new Set()).add(block.id));
  const lines = f.blocks.map((block) => {
    const sources = [...(from.get(block.id) ?? [])].map((id) => `B${id}`).join(', ');
    const targets = edgesOf(block.terminator).map((e) => `B${e.target}${e.label === '' ? '' : ` (${e.label})`}`);
    const to = targets.length > 0 ? targets.join(', ') : printTerminator(block.terminator);
    const n = block.instructions.length;
    return `B${block.id}${block.loopHead ? '*' : ''} <- ${sources || 'entry'} -> ${to}; ${n} instruction${n === 1 ? '' : 's'}`;
  });
  return [`${f.name}(${f.parameters.map((p) => p.name).join(', ')})`, ...lines].join('\n');
}

/** For `dot`. `notes` are shown in the block's box, below its instructions. */
export function toDot(f: FunctionBody, notes: (block: BasicBlock) => readonly string[] = () => []): string {
  const out = [`digraph ${quote(f.name)} {`, '  node [shape=box, fontname=monospace];', '  edge [fontname=monospace];'];
  for (const block of f.blocks) {
    const { terminator } = block;
    const last = terminator.kind === 'goto' ? [] : [head(terminator)];
    const noted = notes(block);
    const lines = [
      `B${block.id}${block.loopHead ? '*' : ''}`,
      ...block.instructions.map(printInstruction),
      ...last,
      ...(noted.length === 0 ? [] : ['', ...noted]),
    ];
    out.push(`  B${block.id} [label=${quote(lines.map((l) => `${l}\n`).join(''))}];`);
    for (const { target, label } of edgesOf(terminator))
      out.push(`  B${block.id} -> B${target}${label === '' ? '' : ` [label=${quote(label)}]`};`);
  }
  return [...out, '}'].join('\n');
}

/** A terminator without the blocks that its edges show. */
function head(t: Terminator): string {
  if (t.kind === 'branch') return `if ${printExpr(t.condition)}`;
  return t.kind === 'switch' ? `switch ${printExpr(t.value)}` : printTerminator(t);
}

/** A quoted string of Graphviz; line ends are left-justified. */
function quote(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\l')}"`;
}
