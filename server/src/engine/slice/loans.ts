/**
 * Which parameters are only lent what they hold: the caller has it in a variable that outlives the call, so that the end
 * of the function is never the end of the last copy.
 */
import type { Expr, FunctionBody, Variable } from '../../ir/ir.ts';

/** A parameter that is given what a global variable holds. */
interface Loan {
  readonly callee: FunctionBody;
  readonly global: string;
}

export class Loans {
  /** Parameters that may be given what nobody else holds. */
  private readonly entrusted = new Set<string>();
  /** By parameter. */
  private readonly ofGlobals = new Map<string, Loan[]>();

  /** `argument` is what the parameter is given; undefined where the caller does not wait for the function to end. */
  note(callee: FunctionBody, { id }: Variable, argument: Expr | undefined): void {
    const variable = argument === undefined ? undefined : variableIn(argument);
    if (variable === undefined || variable.storage === 'temporary') this.entrusted.add(id);
    else if (variable.storage === 'global' || variable.storage === 'static') {
      const known = this.ofGlobals.get(id);
      const loan = { callee, global: variable.id };
      if (known === undefined) this.ofGlobals.set(id, [loan]);
      else known.push(loan);
    }
  }

  /** True where all that the parameter is given is held elsewhere; `storesInto` tells whether a call may change that. */
  areLent(parameter: string, storesInto: (callee: FunctionBody, global: string) => boolean): boolean {
    if (this.entrusted.has(parameter)) return false;
    return !(this.ofGlobals.get(parameter) ?? []).some(({ callee, global }) => storesInto(callee, global));
  }
}

/** The variable that a value is taken from, whole. */
function variableIn(e: Expr): Variable | undefined {
  if (e.kind === 'cast') return variableIn(e.operand);
  return e.kind === 'load' && e.place.base.kind === 'variable' && e.place.path.length === 0
    ? e.place.base.variable
    : undefined;
}
