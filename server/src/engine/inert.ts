/**
 * Functions that cannot matter: they call nothing that a model looks at, store nothing outside themselves but
 * computed numbers, and return a number. Where no argument leads to a descriptor or a message, such a call is not
 * followed.
 */
import type { Expr, FunctionBody, Instruction } from '../ir/ir.ts';
import { type LibraryKind, libraryFunction } from '../libc/effects.ts';
import type { Program } from './context.ts';

const HARMLESS: ReadonlySet<LibraryKind> = new Set(['print', 'pure', 'exit', 'error-exit', 'memset', 'sleep']);
/** Bodies smaller than this are followed: that costs no more than asking. */
const SMALL = 5;

export class InertFunctions {
  private readonly known = new Map<string, boolean>();
  private readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  has(body: FunctionBody): boolean {
    return body.blocks.length >= SMALL && this.decide(body);
  }

  private decide(body: FunctionBody): boolean {
    const known = this.known.get(body.id);
    if (known !== undefined) return known;
    // Recursion: not inert until shown.
    this.known.set(body.id, false);
    const inert =
      body.returnType.kind !== 'pointer' &&
      body.blocks.some((b) => b.terminator.kind === 'return') &&
      body.blocks.every((b) => b.instructions.every((i) => this.harmless(i, body)));
    this.known.set(body.id, inert);
    return inert;
  }

  private harmless(i: Instruction, body: FunctionBody): boolean {
    switch (i.kind) {
      case 'declare':
      case 'end-scope':
        return true;
      case 'assign':
        return isLocal(i.target) || isComputed(i.value);
      case 'zero':
        return isLocal(i.target);
      case 'opaque':
        return false;
      case 'call': {
        if (i.callee.kind !== 'function') return false;
        const callee = this.program.function(i.callee.name, body.file);
        if (callee !== undefined) return this.decide(callee);
        const row = libraryFunction(i.callee.name);
        return row !== undefined && HARMLESS.has(row.kind);
      }
    }
  }
}

function isLocal(place: {
  readonly base: { readonly kind: string; readonly variable?: { readonly storage: string } };
}): boolean {
  const storage = place.base.variable?.storage;
  return place.base.kind === 'variable' && storage !== 'global' && storage !== 'static';
}

/** A counter or a sum: no flag, no descriptor, no pointer. */
function isComputed(e: Expr): boolean {
  return e.kind === 'binary' || e.kind === 'unary';
}
