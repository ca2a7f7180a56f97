/** `uffd-lint.*` as an editor gives it: checked, with a message for what cannot be used. */

export interface Settings {
  /** A folder that holds compile_commands.json, or the file; found by itself where this is not given. */
  readonly compileCommands: string | undefined;
  /** Name to body. */
  readonly defines: Readonly<Record<string, string>>;
  readonly includePaths: readonly string[];
}

export const SECTION = 'uffd-lint';
export const NO_SETTINGS: Settings = { compileCommands: undefined, defines: {}, includePaths: [] };

/** Later layers win, setting by setting; null and undefined are no values. What is wrong is told of and left out. */
export function readSettings(layers: readonly unknown[], problem: (text: string) => void): Settings {
  const value = (name: keyof Settings): unknown => {
    for (const layer of [...layers].reverse()) {
      const member = isRecord(layer) ? layer[name] : undefined;
      if (member !== undefined && member !== null) return member;
    }
    return undefined;
  };
  return {
    compileCommands: textOf('compileCommands', value('compileCommands'), problem),
    defines: definesOf(value('defines'), problem),
    includePaths: listOf('includePaths', value('includePaths'), problem),
  };
}

/** The part of what a client gives that is meant for this server, whether it lies under its name or not. */
export function sectionOf(given: unknown): unknown {
  return isRecord(given) && SECTION in given ? given[SECTION] : given;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(name: string, value: unknown, problem: (text: string) => void): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (value !== undefined) problem(`the setting ${SECTION}.${name} is not used: give a path.`);
  return undefined;
}

function listOf(name: string, value: unknown, problem: (text: string) => void): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((v) => typeof v === 'string')) return value.filter((v) => v !== '');
  problem(`the setting ${SECTION}.${name} is not used: give a list of strings.`);
  return [];
}

/** As `-D` has them: `NAME` is 1, `NAME=BODY` is the body. */
function definesOf(value: unknown, problem: (text: string) => void): Record<string, string> {
  const defines: Record<string, string> = {};
  for (const text of listOf('defines', value, problem)) {
    const at = text.indexOf('=');
    const name = at < 0 ? text : text.slice(0, at);
    if (/^[A-Za-z_]\w*$/.test(name)) defines[name] = at < 0 ? '1' : text.slice(at + 1);
    else problem(`"${text}" in the setting ${SECTION}.defines is not used: give NAME or NAME=BODY.`);
  }
  return defines;
}
