/** The IR as text, for tests and for people: one line an instruction, one paragraph a block. */
import type { Expr, FunctionBody, Instruction, Place, Terminator } from './ir.ts';

/** How tightly an operator binds, for the parentheses of the output. */
const BINDING: Readonly<Record<string, number>> = {
  '*': 10,
  '/': 10,
  '%': 10,
  '+': 9,
  '-': 9,
  '<<': 8,
  '>>': 8,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '==': 6,
  '!=': 6,
  '&': 5,
  '^': 4,
  '|': 3,
};

export function printExpr(e: Expr, binding = 0): string {
  switch (e.kind) {
    case 'constant':
      return e.name ?? e.value.toString();
    case 'string':
      return e.value;
    case 'function':
      return e.name;
    case 'load':
      return printPlace(e.place);
    case 'address':
      return `&${printPlace(e.place)}`;
    case 'unary':
      return `${e.op}${printExpr(e.operand, 11)}`;
    case 'binary': {
      const own = BINDING[e.op]!;
      const text = `${printExpr(e.left, own)} ${e.op} ${printExpr(e.right, own + 1)}`;
      return own < binding ? `(${text})` : text;
    }
    case 'cast':
      return printExpr(e.operand, binding);
    case 'container':
      return `${e.as}(${printExpr(e.pointer)}, ${e.member.join('.')})`;
    case 'unknown':
      return e.name === undefined ? '?' : `?${e.name}`;
  }
}

export function printPlace(p: Place): string {
  let text = '';
  let path = p.path;
  if (p.base.kind === 'variable') text = p.base.variable.name;
  else {
    const pointer = printExpr(p.base.pointer, 12);
    const first = path[0];
    if (first === undefined) return `*${pointer}`;
    text = first.kind === 'field' ? `${pointer}->${first.name}` : `${pointer}[${printExpr(first.index)}]`;
    path = path.slice(1);
  }
  for (const e of path) text += e.kind === 'field' ? `.${e.name}` : `[${printExpr(e.index)}]`;
  return text;
}

export function printInstruction(i: Instruction): string {
  switch (i.kind) {
    case 'assign':
      return `${printPlace(i.target)} = ${printExpr(i.value)}`;
    case 'zero':
      return `zero ${printPlace(i.target)}`;
    case 'declare':
      return `declare ${i.variable.name}${i.variable.cleanup === undefined ? '' : ` cleanup(${i.variable.cleanup})`}`;
    case 'end-scope':
      return `end ${i.variables.map((v) => v.name).join(', ')}`;
    case 'call': {
      const call = `${printExpr(i.callee, 12)}(${i.arguments.map((a) => printExpr(a)).join(', ')})`;
      return i.result === undefined ? call : `${i.result.name} = ${call}`;
    }
    case 'opaque':
      return `opaque(${i.operands.map((a) => printExpr(a)).join(', ')})`;
  }
}

export function printTerminator(t: Terminator): string {
  switch (t.kind) {
    case 'goto':
      return `goto B${t.target}`;
    case 'branch':
      return `if ${printExpr(t.condition)} then B${t.whenTrue} else B${t.whenFalse}`;
    case 'switch': {
      const cases = t.cases.map((c) => {
        const low = printExpr(c.low);
        return `${c.low === c.high ? low : `${low}...${printExpr(c.high)}`}: B${c.target}`;
      });
      return `switch ${printExpr(t.value)} { ${[...cases, `else: B${t.otherwise}`].join(', ')} }`;
    }
    case 'return':
      return `return${t.value === undefined ? '' : ` ${printExpr(t.value)}`}${t.explicit ? '' : ' (end)'}`;
    case 'unreachable':
      return 'unreachable';
  }
}

/** The whole function; a loop's head is marked with `*`. */
export function dump(f: FunctionBody): string {
  const lines = [`${f.name}(${f.parameters.map((p) => p.name).join(', ')})${f.noreturn ? ' noreturn' : ''}`];
  for (const reason of f.quarantine) lines.push(`! ${reason}`);
  for (const block of f.blocks) {
    lines.push(`B${block.id}${block.loopHead ? '*' : ''}`);
    for (const i of block.instructions) lines.push(`  ${printInstruction(i)}`);
    lines.push(`  ${printTerminator(block.terminator)}`);
  }
  return lines.join('\n');
}
