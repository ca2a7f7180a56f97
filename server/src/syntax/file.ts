/** One source file with its project headers: masked, parsed, and its macros collected. */
import { mask } from './mask.ts';
import type { CParser, MacroDefinition, ParsedFile } from './tree.ts';

export interface ParseOptions {
  readonly defines?: Readonly<Record<string, string>> | undefined;
  readonly readHeader?: ((path: string) => string | undefined) | undefined;
  readonly includePaths?: readonly string[] | undefined;
}

/** Headers deeper than this are not read. */
const MAX_INCLUDE_DEPTH = 16;

/** Parses a file. Never throws for what the text contains. `path` uses `/`; headers are asked for by such paths too. */
export function parseFile(parser: CParser, path: string, text: string, options: ParseOptions = {}): ParsedFile {
  const macros = new Map<string, MacroDefinition>();
  for (const [name, body] of Object.entries(options.defines ?? {})) {
    macros.set(name, { name, parameters: undefined, body, file: undefined });
  }
  const seen = new Set<string>([path]);
  const missing: string[] = [];
  const headers: ParsedFile[] = [];
  const one = (at: string, content: string, depth: number): ParsedFile => {
    const result = mask(content, {
      macros,
      path: at,
      include: (name) => {
        const found = depth < MAX_INCLUDE_DEPTH ? findHeader(at, name, options) : undefined;
        if (found === undefined) {
          missing.push(name);
          return;
        }
        if (seen.has(found.path)) return;
        seen.add(found.path);
        headers.push(one(found.path, found.text, depth + 1));
      },
    });
    return {
      path: at,
      text: content,
      masked: result.masked,
      root: parser.parse(result.masked),
      macros,
      headers: [],
      missingIncludes: [],
      cleanups: result.cleanups,
      noreturns: result.noreturns,
    };
  };
  const file = one(path, text, 0);
  return { ...file, headers, missingIncludes: missing };
}

function findHeader(from: string, name: string, options: ParseOptions): { path: string; text: string } | undefined {
  if (options.readHeader === undefined) return undefined;
  const folder = from.includes('/') ? from.slice(0, from.lastIndexOf('/') + 1) : '';
  for (const base of [folder, ...(options.includePaths ?? []).map((p) => (p.endsWith('/') ? p : `${p}/`))]) {
    const path = normalise(base + name);
    const text = options.readHeader(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

function normalise(path: string): string {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '.') continue;
    if (part === '..' && out.length > 0 && out[out.length - 1] !== '..' && out[out.length - 1] !== '') out.pop();
    else out.push(part);
  }
  return out.join('/');
}
