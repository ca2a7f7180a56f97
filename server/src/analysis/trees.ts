/** Trees of the texts of a run and, where an analyser remembers, of those before it. */
import { takeApart } from '../syntax/convert.ts';
import type { CParser, KeptTree, ParsedFile, SyntaxNode } from '../syntax/tree.ts';

export class Trees {
  private readonly parser: CParser;
  private readonly remembers: boolean;
  /** Headers have the same text in most files that include them. */
  private readonly byText = new Map<string, { readonly root: SyntaxNode; readonly path: string; used: number }>();
  /** The last version of each text, from which the next one is parsed. */
  private readonly versions = new Map<string, { readonly kept: KeptTree; readonly used: number }>();
  private call = 0;

  constructor(parser: CParser, remembers: boolean) {
    this.parser = parser;
    this.remembers = remembers;
  }

  /** Parses the texts of one variant: those of the same name are versions of one. */
  of(variant: string): CParser {
    return { ...this.parser, parse: (text, path = '') => this.parse(text, path, variant) };
  }

  private parse(text: string, path: string, variant: string): SyntaxNode {
    const known = this.byText.get(text);
    if (known !== undefined) {
      known.used = this.call;
      return known.root;
    }
    const root = this.remembers ? this.version(text, `${path}\n${variant}`) : this.parser.parse(text);
    this.byText.set(text, { root, path, used: this.call });
    return root;
  }

  private version(text: string, name: string): SyntaxNode {
    const before = this.versions.get(name)?.kept;
    const kept = before === undefined ? this.parser.keep(text) : before.next(text);
    this.versions.set(name, { kept, used: this.call });
    return kept.root;
  }

  /** The parser did not understand all of a text of this file. */
  isDamaged(path: string): boolean {
    for (const known of this.byText.values()) if (known.path === path && known.root.hasError) return true;
    return false;
  }

  /** The file was lowered: unless trees are remembered, nobody looks at its own any more. */
  leave({ masked, root }: ParsedFile): void {
    if (this.remembers) return;
    this.byText.delete(masked);
    takeApart(root);
  }

  /** Begins a call, and forgets what the last `calls` of them did not use. */
  begin(calls: number): void {
    this.call++;
    const oldest = this.call - calls;
    for (const [text, { used }] of this.byText) if (used < oldest) this.byText.delete(text);
    for (const [name, { kept, used }] of this.versions) {
      if (used >= oldest || this.byText.has(kept.text)) continue;
      kept.release();
      this.versions.delete(name);
    }
  }
}
