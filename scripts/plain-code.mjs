/**
 * What is bundled, written for V8's interpreter: most runs of the command end before optimized code has paid for itself.
 * The sources stay as they are.
 */
import { resolve } from 'node:path';
import ts from 'typescript';
import { loopEdits } from './plain-loops.mjs';
import { Records } from './plain-records.mjs';

/** The module that the classes of records are imported from. */
const RECORDS = 'plain:records';

/** Source texts by path, of what the entries lead to and what changes in it, and the classes that they need. */
export function plainCode(entries, configPath = 'tsconfig.json') {
  const { config } = ts.readConfigFile(configPath, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
  const program = ts.createProgram(
    entries.map((e) => resolve(e)),
    options,
  );
  const checker = program.getTypeChecker();
  const records = new Records();
  const texts = new Map();
  const isOwn = (file) => !file.isDeclarationFile && !file.fileName.includes('/node_modules/');
  const files = program.getSourceFiles().filter(isOwn);
  for (const file of files) records.note(file);
  for (const file of files) {
    const { edits, classes } = records.editsIn(file);
    edits.push(...loopEdits(file, checker));
    if (edits.length === 0) continue;
    const imported = classes.length === 0 ? '' : `import { ${classes.join(', ')} } from '${RECORDS}'; `;
    texts.set(file.fileName, imported + apply(file.text, edits));
  }
  return { texts, records: records.text() };
}

/** An esbuild plugin that loads these texts. */
export function plainCodePlugin({ texts, records }) {
  return {
    name: 'plain-code',
    setup(build) {
      build.onResolve({ filter: /^plain:records$/ }, () => ({ path: RECORDS, namespace: RECORDS, sideEffects: false }));
      build.onLoad({ filter: /.*/, namespace: RECORDS }, () => ({ contents: records, loader: 'js' }));
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = texts.get(path.replaceAll('\\', '/'));
        return contents === undefined ? undefined : { contents, loader: 'ts' };
      });
    },
  };
}

/** Replaces parts of the text, none of which lies in another. */
function apply(text, edits) {
  let out = '';
  let from = 0;
  // Of two edits at one place the outer loop's is noted first, and its end comes last.
  const inOrder = edits
    .map((edit, n) => ({ ...edit, n }))
    .sort((a, b) => a.from - b.from || closes(b) - closes(a) || (closes(a) ? b.n - a.n : a.n - b.n));
  for (const edit of inOrder) {
    if (edit.from < from)
      throw new Error(`overlapping edits at ${edit.from}: ${text.slice(edit.from, edit.from + 60)}`);
    out += text.slice(from, edit.from) + edit.text;
    from = edit.to;
  }
  return out + text.slice(from);
}

function closes({ text }) {
  return text === ' }' ? 1 : 0;
}
