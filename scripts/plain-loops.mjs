/**
 * Writes loops over arrays as loops over their indexes, and takes apart arrays by index, in what is bundled.
 *
 * `for (const x of list)` asks an iterator for each element and gets an object for each answer. Once optimized, code does
 * not do so any more; but most runs of the command end before that, and such objects were a quarter of all that a run
 * allocated. The sources stay as they are: which loops are over arrays the type checker knows.
 */
import { resolve } from 'node:path';
import ts from 'typescript';

/** Source texts by path, of what the entries lead to and what changes in it. */
export function plainLoops(entries, configPath = 'tsconfig.json') {
  const { config } = ts.readConfigFile(configPath, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
  const program = ts.createProgram(
    entries.map((e) => resolve(e)),
    options,
  );
  const checker = program.getTypeChecker();
  const texts = new Map();
  for (const file of program.getSourceFiles()) {
    if (file.isDeclarationFile || file.fileName.includes('/node_modules/')) continue;
    const edits = editsIn(file, checker);
    if (edits.length > 0) texts.set(file.fileName, apply(file.text, edits));
  }
  return texts;
}

/** An esbuild plugin that loads these texts. */
export function plainLoopsPlugin(texts) {
  return {
    name: 'plain-loops',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = texts.get(path.replaceAll('\\', '/'));
        return contents === undefined ? undefined : { contents, loader: 'ts' };
      });
    },
  };
}

/** Replacements of text, none of which lies in another; no line is added or taken away. */
function editsIn(file, checker) {
  const edits = [];
  let count = 0;
  const replace = (from, to, text) => edits.push({ from, to, text });
  const isArray = (node) => {
    const type = checker.getTypeAtLocation(node);
    return (type.isUnion() ? type.types : [type]).every((t) => checker.isArrayType(t) || checker.isTupleType(t));
  };
  /** `name = array[0], other = array[1]` for a pattern of names alone; undefined for others. */
  const taken = (pattern, array) => {
    const names = [];
    for (const [n, e] of pattern.elements.entries()) {
      if (ts.isOmittedExpression(e)) continue;
      if (!ts.isIdentifier(e.name) || e.initializer !== undefined) return undefined;
      names.push(`${e.name.text} = ${e.dotDotDotToken === undefined ? `${array}[${n}]` : `${array}.slice(${n})`}`);
    }
    return names.length === 0 ? undefined : names.join(', ');
  };
  const loop = (node) => {
    const { initializer, expression, statement } = node;
    if (node.awaitModifier !== undefined || !ts.isVariableDeclarationList(initializer)) return;
    const { name } = initializer.declarations[0];
    const keyword = initializer.flags & ts.NodeFlags.Const ? 'const' : 'let';
    const entries = ts.isArrayBindingPattern(name) && isArray(name);
    if (!isArray(expression)) {
      // Whatever it is that gives them, entries are arrays.
      const parts = entries ? taken(name, `e$${count}`) : undefined;
      if (parts === undefined) return;
      replace(name.getStart(file), name.end, `e$${count++}`);
      const body = `${keyword} ${parts};`;
      if (ts.isBlock(statement)) replace(statement.getStart(file) + 1, statement.getStart(file) + 1, ` ${body}`);
      else wrap(statement, body);
      return;
    }
    const [i, a, e] = [`i$${count}`, `a$${count}`, `e$${count}`];
    const parts = entries ? taken(name, e) : undefined;
    count++;
    replace(initializer.getStart(file), expression.getStart(file), `let ${i} = 0, ${a} = `);
    const element = parts === undefined ? `${name.getText(file)} = ${a}[${i}]` : `${e} = ${a}[${i}], ${parts}`;
    replace(expression.end, statement.getStart(file), `; ${i} < ${a}.length; ${i}++) { ${keyword} ${element}; `);
    replace(statement.end, statement.end, ' }');
  };
  const wrap = (statement, first) => {
    replace(statement.getStart(file), statement.getStart(file), `{ ${first} `);
    replace(statement.end, statement.end, ' }');
  };
  const declaration = (node) => {
    const { name, initializer } = node;
    if (initializer === undefined || !ts.isArrayBindingPattern(name) || !isArray(initializer)) return;
    const parts = taken(name, `d$${count}`);
    if (parts === undefined) return;
    replace(name.getStart(file), initializer.getStart(file), `d$${count++} = `);
    replace(initializer.end, initializer.end, `, ${parts}`);
  };
  const visit = (node) => {
    if (ts.isForOfStatement(node)) loop(node);
    else if (ts.isVariableDeclaration(node) && !ts.isForOfStatement(node.parent.parent)) declaration(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return edits;
}

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
