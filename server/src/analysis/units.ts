/** Parses and lowers the files of a run: as they are likely built, or with some conditions decided the other way. */
import type { TranslationUnit } from '../ir/ir.ts';
import { lowerFile } from '../ir/lower.ts';
import { parseFile } from '../syntax/file.ts';
import type { Choice, CParser, SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import type { SourceFile } from './source-file.ts';

/** What the preprocessor is told about one file. */
export interface FileConfiguration {
  readonly defines: Readonly<Record<string, string>>;
  readonly undefined: readonly string[];
  readonly includePaths: readonly string[];
  readonly forcedIncludes: readonly string[];
}

export interface ConfigurationOptions {
  /** Macros given on the command line, name to body (`-DX` is `1`). */
  readonly defines?: Readonly<Record<string, string>>;
  /** Names of `-U`. */
  readonly undefined?: readonly string[];
  /** Folders of `-I`, searched after the including file's own folder. */
  readonly includePaths?: readonly string[];
  /** What a compile database says of a file. */
  readonly configurationOf?: (path: string) => FileConfiguration | undefined;
}

export interface Unit extends TranslationUnit {
  readonly choices: readonly (Choice & { readonly file: string })[];
  /** The file and the project headers that it includes, by path, with their texts. */
  readonly texts: ReadonlyMap<string, string>;
  readonly functionCount: number;
  readonly damagedCount: number;
}

export type Decisions = ReadonlyMap<string, boolean>;

export class Units {
  readonly milliseconds = { parse: 0, lower: 0 };
  private readonly parser: CParser;
  private readonly options: ConfigurationOptions;
  private readonly readHeader: (path: string) => string | undefined;
  private readonly isNeeded: (place: Span) => boolean;
  /** Headers have the same text in most files that include them. */
  private readonly trees = new Map<string, SyntaxNode>();
  private readonly remembering: CParser;

  constructor(
    parser: CParser,
    options: ConfigurationOptions,
    readHeader: (path: string) => string | undefined,
    isNeeded: (place: Span) => boolean,
  ) {
    this.parser = parser;
    this.options = options;
    this.readHeader = readHeader;
    this.isNeeded = isNeeded;
    this.remembering = {
      kind: parser.kind,
      parse: (text) => {
        const root = this.trees.get(text) ?? this.parser.parse(text);
        this.trees.set(text, root);
        return root;
      },
    };
  }

  make(file: SourceFile, decisions: Decisions = new Map()): Unit {
    const clock = performance.now();
    const configuration = this.options.configurationOf?.(file.path);
    const defines = { ...configuration?.defines, ...this.options.defines };
    const undefinedNames = [...(configuration?.undefined ?? []).filter((n) => !(n in defines))];
    for (const name of this.options.undefined ?? []) {
      delete defines[name];
      undefinedNames.push(name);
    }
    const parsed = parseFile(this.remembering, file.path, file.text, {
      defines,
      undefinedNames,
      includePaths: includePathsOf(file.path, this.options),
      forcedIncludes: configuration?.forcedIncludes,
      complete: configuration !== undefined,
      readHeader: this.readHeader,
      decisions,
    });
    const parsedAt = performance.now();
    const unit = lowerFile(parsed, this.parser, this.isNeeded);
    this.milliseconds.parse += parsedAt - clock;
    this.milliseconds.lower += performance.now() - parsedAt;
    const all = [...parsed.headers, parsed];
    const definitions = parsed.root.children.filter((n) => n.type === 'function_definition');
    return {
      ...unit,
      choices: all.flatMap((f) => f.choices.map((c) => ({ ...c, file: f.path }))),
      texts: new Map(all.map((f) => [f.path, f.text])),
      functionCount: definitions.length,
      damagedCount: definitions.filter((n) => n.hasError).length,
    };
  }
}

export function includePathsOf(path: string, options: ConfigurationOptions): readonly string[] {
  return [...(options.includePaths ?? []), ...(options.configurationOf?.(path)?.includePaths ?? [])];
}
