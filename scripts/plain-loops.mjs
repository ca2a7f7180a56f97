/**
 * Loops over arrays become loops over their indexes, and arrays are taken apart by index.
 *
 * `for (const x of list)` asks an iterator for each element and gets an object for each answer. Once optimized, code does
 * not do so any more; but most runs of the command end before that, and such objects were a quarter of all that a run
 * allocated. Which loops are over arrays the type checker knows.
 */
import ts from 'typescript';

/** What regular expressions give for a match: arrays with more to them. */
const MATCHES = new Set(['RegExpExecArray', 'RegExpMatchArray']);

/** `{ a, b }`, in which no array is taken apart. */
function isPlainPattern(name) {
  return ts.isObjectBindingPattern(name) && name.elements.every((e) => ts.isIdentifier(e.name));
}

/** The edits for one file; no line is added or taken away. */
export function loopEdits(file, checker) {
  const edits = [];
  let count = 0;
  const replace = (from, to, text) => edits.push({ from, to, text });
  const isArray = (node) => {
    const type = checker.getTypeAtLocation(node);
    const isOne = (t) => checker.isArrayType(t) || checker.isTupleType(t) || MATCHES.has(t.symbol?.name);
    return (type.isUnion() ? type.types : [type]).every(isOne);
  };
  /** `name = array[0], { other } = array[1]` for a pattern that holds no other pattern of an array; undefined for others. */
  const taken = (pattern, array) => {
    const names = [];
    for (const [n, e] of pattern.elements.entries()) {
      if (ts.isOmittedExpression(e)) continue;
      if (!(ts.isIdentifier(e.name) || isPlainPattern(e.name)) || e.initializer !== undefined) return undefined;
      const part = e.dotDotDotToken === undefined ? `${array}[${n}]` : `${array}.slice(${n})`;
      names.push(`${e.name.getText(file)} = ${part}`);
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
