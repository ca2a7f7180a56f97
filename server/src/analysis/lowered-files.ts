/** The functions of files as they were lowered last, where an analyser remembers. */
import { KeptFunctions } from '../ir/kept-functions.ts';

export class LoweredFiles {
  private readonly files = new Map<string, { readonly functions: KeptFunctions; used: number }>();
  private call = 0;

  /** Those of the versions of a file; `name` says which texts are versions of one. */
  of(name: string): KeptFunctions {
    let known = this.files.get(name);
    if (known === undefined) {
      known = { functions: new KeptFunctions(), used: this.call };
      this.files.set(name, known);
    }
    known.used = this.call;
    return known.functions;
  }

  /** Begins a call, and forgets what the last `calls` of them did not use. */
  begin(calls: number): void {
    this.call++;
    for (const [name, { used }] of this.files) if (used < this.call - calls) this.files.delete(name);
  }
}
