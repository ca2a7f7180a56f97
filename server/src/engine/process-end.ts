/** Functions at whose return the process ends: what they hold goes with it. */
import type { BasicBlock, FunctionBody } from '../ir/ir.ts';
import { libraryFunction } from '../libc/effects.ts';
import type { Context } from './context.ts';

/** The outermost frame of a whole process: its end is the process's end. */
export function isProcessRoot(ctx: Context): boolean {
  return ctx.stack.length === 1 && !ctx.thread && ctx.body.name === 'main';
}

/** Whoever called the function ends the process at once: `exit(serve())`, and `return serve();` in main. */
export function endsBehindCall(ctx: Context): boolean {
  for (let depth = ctx.calls.length - 1; depth >= 0; depth--) {
    ctx.footprint.bound = true;
    ctx.repetition?.noteCaller(depth);
    const { instruction, caller } = ctx.calls[depth]!;
    const block = caller.blocks.find(({ instructions }) => instructions.includes(instruction));
    if (block === undefined) return false;
    const end = endOf(ctx, caller, block, block.instructions.indexOf(instruction) + 1);
    if (end !== 'return') return end === 'exit';
    if (depth === 0) return caller.name === 'main' && !ctx.thread;
  }
  return false;
}

const ends = new WeakMap<FunctionBody, readonly (string | undefined)[]>();

/** By block: the function that ends the process, where it is called and nothing else is done. */
export function endsOf(body: FunctionBody): readonly (string | undefined)[] {
  let found = ends.get(body);
  if (found === undefined) {
    found = body.blocks.map(endIn);
    ends.set(body, found);
  }
  return found;
}

function endIn({ instructions: [first, ...others] }: BasicBlock): string | undefined {
  if (first?.kind !== 'call' || others.length > 0 || first.callee.kind !== 'function') return undefined;
  const { name } = first.callee;
  return first.arguments.every((a) => a.kind === 'constant') && libraryFunction(name)?.kind === 'exit'
    ? name
    : undefined;
}

/** What comes next but for assignments. */
function endOf(ctx: Context, body: FunctionBody, block: BasicBlock, from: number): 'exit' | 'return' | undefined {
  for (const i of block.instructions.slice(from)) {
    if (i.kind === 'opaque') return undefined;
    if (i.kind !== 'call') continue;
    if (i.callee.kind !== 'function') return undefined;
    const callee = ctx.program.function(i.callee.name, body.file);
    const leaves = callee === undefined ? libraryFunction(i.callee.name)?.kind === 'exit' : callee.noreturn;
    return leaves ? 'exit' : undefined;
  }
  return block.terminator.kind === 'return' ? 'return' : undefined;
}
