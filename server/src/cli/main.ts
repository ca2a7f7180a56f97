/** Entry of the command. Machine formats go alone to standard output; everything else to standard error. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RULES } from '../rules/registry.ts';
import { lint, type Output } from './lint.ts';
import { parseLintOptions, USAGE, UsageError } from './options.ts';

/** Folder of the package: docs and package.json lie there. */
export interface Installation {
  readonly root: string;
  /** The file that runs. */
  readonly bundle: string;
  /** Starts the language server; loaded only when asked for. */
  readonly startServer: () => void;
}

export async function main(args: readonly string[], installation: Installation, output: Output): Promise<number> {
  const version = packageVersion(installation.root);
  try {
    const first = args[0];
    if (first === 'help' || ((first === 'lsp' || first === 'rule') && /^(-h|--help)$/.test(args[1] ?? ''))) {
      output.stdout(USAGE);
      return 0;
    }
    if (first === 'lsp') {
      // Clients built on vscode-languageclient add the number of their process.
      const rest = args.slice(1).filter((a) => !a.startsWith('--clientProcessId='));
      if (rest.length !== 1 || rest[0] !== '--stdio')
        throw new UsageError('the language server speaks over standard streams: run uffd-lint lsp --stdio.');
      installation.startServer();
      return -1;
    }
    if (first === 'rule') return showRule(args.slice(1), installation.root, output);
    const options = parseLintOptions(args);
    if (options === 'help' || options === 'version') {
      output.stdout(options === 'help' ? USAGE : `uffd-lint ${version}\n`);
      return 0;
    }
    return await lint(options, version, output, () => identity(installation));
  } catch (error) {
    if (error instanceof UsageError) output.stderr(`uffd-lint: ${error.message}\n`);
    else
      output.stderr(
        `uffd-lint: internal error: ${(error as Error).stack ?? String(error)}\nPlease report this with the input that caused it.\n`,
      );
    return 2;
  }
}

function packageVersion(root: string): string {
  try {
    return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return '0.0.0';
  }
}

/** The bundle, and the versions of what is not in it: the parser. */
function identity({ root, bundle }: Installation): string {
  const hash = createHash('sha256');
  for (const path of [bundle, join(root, 'package.json')]) hash.update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

function showRule(args: readonly string[], root: string, output: Output): number {
  const id = args[0]?.replace(/^uffd\//, '');
  if (id === undefined) {
    for (const r of RULES) output.stdout(`${r.id.padEnd(26)} ${r.severity.padEnd(8)} ${r.summary}\n`);
    return 0;
  }
  const rule = RULES.find((r) => r.id === id);
  if (rule === undefined) throw new UsageError(`there is no rule ${id}. Run uffd-lint rule for the list.`);
  const page = join(root, 'docs', 'rules', `${id}.md`);
  output.stdout(existsSync(page) ? readFileSync(page, 'utf8') : `${rule.id}: ${rule.summary}\n`);
  return 0;
}
