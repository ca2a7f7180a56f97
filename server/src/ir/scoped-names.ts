/** What names stand for where scopes lie in each other. */

export interface Meaning<T> {
  readonly name: string;
  readonly value: T;
  /** How many scopes there are where it was declared. */
  readonly depth: number;
  /** What the name stands for around that scope. */
  readonly around: Meaning<T> | undefined;
}

/** Names are looked up far more often than scopes are left: looking one up walks through no scopes. */
export class ScopedNames<T> {
  private readonly meanings = new Map<string, Meaning<T> | undefined>();
  /** In the order of their declarations. */
  private readonly declared: Meaning<T>[] = [];

  get(name: string): Meaning<T> | undefined {
    return this.meanings.get(name);
  }

  declare(name: string, value: T, depth: number): void {
    const meaning = { name, value, depth, around: this.meanings.get(name) };
    this.meanings.set(name, meaning);
    this.declared.push(meaning);
  }

  /** Forgets what was declared where there were more scopes than these. */
  leave(depth: number): void {
    const { declared } = this;
    for (let last = declared.at(-1); last !== undefined && last.depth > depth; last = declared.at(-1)) {
      this.meanings.set(last.name, last.around);
      declared.pop();
    }
  }
}
