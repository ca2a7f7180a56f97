/** Parses and lowers the files of a run: as they are likely built, or with some conditions decided the other way. */
import type { TranslationUnit } from '../ir/ir.ts';
import { lowerFile } from '../ir/lower.ts';
import { parseFile } from '../syntax/file.ts';
import type { Choice, CParser } from '../syntax/tree.ts';
import { now } from '../text/clock.ts';
import type { Span } from '../text/span.ts';
import type { Inputs } from './inputs.ts';
import type { LoweredFiles } from './lowered-files.ts';
import type { Trees } from './trees.ts';

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

export const NO_DECISIONS: Decisions = new Map();

export class Units {
  readonly milliseconds = { parse: 0, lower: 0 };
  private readonly parser: CParser;
  private readonly trees: Trees;
  private readonly functions: LoweredFiles | undefined;
  private readonly options: ConfigurationOptions;

  /** `functions` holds what is remembered of earlier versions of files, where that is wanted. */
  constructor(parser: CParser, trees: Trees, functions: LoweredFiles | undefined, options: ConfigurationOptions) {
    this.parser = parser;
    this.trees = trees;
    this.functions = functions;
    this.options = options;
  }

  /** The file must be there. Throws what the parser throws. */
  make(path: string, inputs: Inputs, decisions: Decisions): Unit {
    const clock = now();
    const configuration = inputs.configurationOf(path);
    const defines = { ...configuration?.defines, ...this.options.defines };
    const undefinedNames = [...(configuration?.undefined ?? []).filter((n) => !(n in defines))];
    for (const name of this.options.undefined ?? []) {
      delete defines[name];
      undefinedNames.push(name);
    }
    const variant = [...decisions].join();
    const parsed = parseFile(this.trees.of(variant), path, inputs.readText(path)!, {
      defines,
      undefinedNames,
      includePaths: [
        ...(this.options.includePaths ?? []),
        ...(configuration?.includePaths ?? []),
        ...inputs.includeFoldersOf(path),
      ],
      forcedIncludes: configuration?.forcedIncludes,
      complete: configuration !== undefined,
      readHeader: (header) => inputs.readText(header),
      // Whoever comes behind a header that the build puts in front of all may use what that includes.
      ...(configuration?.forcedIncludes.length ? {} : { opens: (header) => inputs.opens(header) }),
      decisions,
    });
    const parsedAt = now();
    const isNeeded = (place: Span) => inputs.isNeeded(place);
    const unit = lowerFile(parsed, this.parser, isNeeded, this.functions?.of(`${path}\n${variant}`));
    this.milliseconds.parse += parsedAt - clock;
    this.milliseconds.lower += now() - parsedAt;
    const all = [...parsed.headers, parsed];
    const definitions = parsed.root.children.filter((n) => n.type === 'function_definition');
    const made: Unit = {
      ...unit,
      choices: all.flatMap((f) => f.choices.map((c) => ({ ...c, file: f.path }))),
      texts: new Map(all.map((f) => [f.path, f.text])),
      functionCount: definitions.length,
      damagedCount: definitions.filter((n) => n.hasError).length,
    };
    this.trees.leave(parsed);
    return made;
  }
}
