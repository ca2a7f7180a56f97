/** Which names hold numbers alone, in memory that threads share: global variables, and what threads are given. */
import type { Instruction } from '../../ir/ir.ts';
import { find, type Name, type Names } from './names.ts';

const GLOBAL = Symbol('global');

interface Store {
  readonly name: Name;
  /** A global variable, or the variable or what the pointer leads to; undefined where that is no number. */
  readonly memory: Name | typeof GLOBAL | undefined;
}

export class SharedNumbers {
  private readonly names: Names;
  private readonly stores: Store[] = [];
  private readonly handedToThreads: Name[] = [];

  constructor(names: Names) {
    this.names = names;
  }

  /** The instruction stores something under the names. */
  noteStore(i: Instruction, defined: readonly Name[]): void {
    const memory = this.memoryOf(i);
    for (const name of defined) this.stores.push({ name, memory });
  }

  /** A thread is given a pointer to what has the name. */
  noteGiven(name: Name): void {
    this.handedToThreads.push(name);
  }

  /** Once all is noted. */
  find(): ReadonlySet<Name> {
    const shared = new Set(this.handedToThreads.map(find));
    const found = new Set<Name>();
    const isShared = ({ memory }: Store) => memory === GLOBAL || (memory !== undefined && shared.has(find(memory)));
    for (const store of this.stores) if (isShared(store)) found.add(find(store.name));
    for (const store of this.stores) if (!isShared(store)) found.delete(find(store.name));
    return found;
  }

  private memoryOf(i: Instruction): Store['memory'] {
    if ((i.kind !== 'assign' && i.kind !== 'zero') || i.target.type.kind !== 'integer') return undefined;
    const { base } = i.target;
    if (base.kind === 'deref') return this.names.leadsTo(base.pointer);
    const { storage, id } = base.variable;
    return storage === 'global' || storage === 'static' ? GLOBAL : this.names.ofVariable(id);
  }
}
