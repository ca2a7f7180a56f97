/** The command's arguments. A usage error is a `UsageError` whose message says what to do. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_MAX_FILE_BYTES, DUMP_KINDS, type DumpRequest } from '../analysis/analyse.ts';
import type { Severity } from '../rules/finding.ts';
import { isSystemFolder } from '../text/compile-commands.ts';
import { shownPath } from '../text/files.ts';
import { MAX_CACHE_BYTES } from './cache-folder.ts';

export class UsageError extends Error {}

export type Format = 'pretty' | 'gcc' | 'json';

export interface LintOptions {
  readonly paths: readonly string[];
  readonly format: Format;
  readonly failOn: Severity;
  readonly defines: Readonly<Record<string, string>>;
  readonly undefined: readonly string[];
  readonly includePaths: readonly string[];
  /** Folder of compile_commands.json, or the file; looked for where it is not given. */
  readonly database: string | undefined;
  readonly maxFileBytes: number;
  readonly stats: boolean;
  /** Folder in which results are kept between runs. */
  readonly cache: string | undefined;
  /** What of the engine is shown instead of findings. */
  readonly dump: DumpRequest | undefined;
  readonly stdinFilename: string | undefined;
}

export const USAGE = `Usage: uffd-lint [lint] [options] PATH...
       uffd-lint rule [ID]
       uffd-lint lsp --stdio

Finds userfaultfd protocol defects in C files and directories. Several paths are one link universe.
Use - with --stdin-filename to read one file from standard input.

Options:
  -D NAME[=BODY]         define a macro
  -U NAME                take a macro for not defined
  -I DIR                 look for project headers here too
  -p DIR                 take -D, -U and -I of each file from DIR/compile_commands.json
                         (looked for in ., build, out and cmake-build-* when not given)
  --format FORMAT        pretty (default), gcc or json
  --fail-on LEVEL        exit with 1 from this severity on: error, warning (default) or info
  --max-file-size BYTES  do not parse larger files (default ${DEFAULT_MAX_FILE_BYTES})
  --cache DIR            keep results in DIR (at most ${MAX_CACHE_BYTES / (1024 * 1024)} MiB) and use those of earlier runs
  --stdin-filename NAME  name of the file that is read from standard input
  --dump ir|cfg|states   show what the engine sees of a function instead of findings
  --function NAME        the function to show
  --dot                  show it for Graphviz
  --stats                print counts and times to standard error
  -h, --help             show this text
  -v, --version          show the version

Exit status: 0 no finding at or above the level, 1 findings, 2 usage or internal error.
`;

/** The options of a run, or what is shown instead of one. */
export function parseLintOptions(args: readonly string[]): LintOptions | 'help' | 'version' {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new UsageError(`${(error as Error).message.replace(/\.$/, '')}. Run uffd-lint --help for the options.`);
  }
  const { values, positionals } = parsed;
  const macros = macrosOf(parsed.tokens);
  if (values.help) return 'help';
  if (values.version) return 'version';
  const format = values.format ?? 'pretty';
  if (format !== 'pretty' && format !== 'gcc' && format !== 'json')
    throw new UsageError(`--format ${format} is not known: use pretty, gcc or json.`);
  const failOn = values['fail-on'] ?? 'warning';
  if (failOn !== 'error' && failOn !== 'warning' && failOn !== 'info')
    throw new UsageError(`--fail-on ${failOn} is not known: use error, warning or info.`);
  const size = values['max-file-size'];
  const maxFileBytes = size === undefined ? DEFAULT_MAX_FILE_BYTES : Number(size);
  if (!Number.isSafeInteger(maxFileBytes) || maxFileBytes <= 0)
    throw new UsageError(`--max-file-size ${size}: give a number of bytes.`);
  const paths = positionals[0] === 'lint' ? positionals.slice(1) : positionals;
  if (paths.length === 0)
    throw new UsageError('no path given: name a C file or a directory. Run uffd-lint --help for the options.');
  if (values.cache === '') throw new UsageError('--cache needs the name of a folder.');
  const dump = dumpRequest(values.dump, values.function, values.dot ?? false);
  const stdin = values['stdin-filename'];
  if (paths.includes('-') && (stdin === undefined || stdin === ''))
    throw new UsageError('- needs --stdin-filename NAME, so that findings can name the file.');
  return {
    paths,
    format,
    failOn,
    ...macros,
    includePaths: (values.include ?? []).filter((p) => !isSystemFolder(resolve(p))).map(shownPath),
    database: values.database,
    maxFileBytes,
    stats: values.stats ?? false,
    cache: values.cache,
    dump,
    stdinFilename: stdin === undefined ? undefined : shownPath(stdin),
  };
}

function dumpRequest(kind: string | undefined, name: string | undefined, dot: boolean): DumpRequest | undefined {
  if (kind === undefined) {
    if (name === undefined && !dot) return undefined;
    throw new UsageError('--function and --dot belong to --dump: add --dump ir, cfg or states.');
  }
  const known = DUMP_KINDS.find((k) => k === kind);
  if (known === undefined) throw new UsageError(`--dump ${kind} is not known: use ir, cfg or states.`);
  if (name === undefined || name === '') throw new UsageError('--dump needs --function NAME.');
  return { kind: known, function: name, dot };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    tokens: true,
    options: {
      define: { type: 'string', short: 'D', multiple: true },
      undefine: { type: 'string', short: 'U', multiple: true },
      include: { type: 'string', short: 'I', multiple: true },
      database: { type: 'string', short: 'p' },
      format: { type: 'string' },
      'fail-on': { type: 'string' },
      'max-file-size': { type: 'string' },
      'stdin-filename': { type: 'string' },
      dump: { type: 'string' },
      function: { type: 'string' },
      dot: { type: 'boolean' },
      stats: { type: 'boolean' },
      cache: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
  });
}

/** Of -D and -U the last one counts, as for a compiler. */
function macrosOf(tokens: ReturnType<typeof parse>['tokens']): Pick<LintOptions, 'defines' | 'undefined'> {
  const defines = new Map<string, string>();
  const undefinedNames = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option' || token.value === undefined) continue;
    if (token.name === 'define') {
      const [name, value] = definition(token.value);
      defines.set(name, value);
      undefinedNames.delete(name);
    } else if (token.name === 'undefine') {
      const name = macroName(token.value);
      defines.delete(name);
      undefinedNames.add(name);
    }
  }
  return { defines: Object.fromEntries(defines), undefined: [...undefinedNames] };
}

function macroName(text: string): string {
  if (!/^[A-Za-z_]\w*$/.test(text)) throw new UsageError(`-U ${text}: this is not a macro name.`);
  return text;
}

function definition(text: string): [string, string] {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new UsageError(`-D ${text}: ${name} is not a macro name.`);
  return [name, at < 0 ? '1' : text.slice(at + 1)];
}
