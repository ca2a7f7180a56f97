/**
 * Object literals that V8 makes slowly become objects of classes.
 *
 * A literal with more than six properties, or with an array or an object in it, is copied from a template by the runtime,
 * property by property, as long as the code that holds it is not optimized (V8: `ObjectLiteral::IsFastCloningSupported`
 * and `kMaximumClonedShallowObjectProperties`); a constructor takes a tenth of that. Literals with the same names in the
 * same order share a class, as they would share a hidden one: those that V8 makes quickly, and those that are made once,
 * too, since code that finds objects of several hidden classes takes longer to find what is in them.
 */
import ts from 'typescript';

/** Most properties of a literal that is copied as one block. */
const MAX_FAST_PROPERTIES = 6;

/** The classes that the literals of all files need. */
export class Records {
  /** By the names of their properties, in order. */
  classes = new Map();

  /** To be called for all files before the edits for any of them are asked for. */
  note(file) {
    const visit = (node, isInFunction) => {
      if (isInFunction && ts.isObjectLiteralExpression(node) && isSlow(node) && isRecord(node)) {
        const names = namesOf(node);
        const key = names.join();
        if (!this.classes.has(key)) this.classes.set(key, { name: `Record$${this.classes.size}`, names });
      }
      ts.forEachChild(node, (child) => visit(child, isInFunction || ts.isFunctionLike(node)));
    };
    visit(file, false);
  }

  /** The edits for one file, and the names of the classes that it uses then; no line is added or taken away. */
  editsIn(file) {
    const edits = [];
    const classes = new Set();
    const visit = (node) => {
      if (ts.isObjectLiteralExpression(node) && isRecord(node)) {
        const known = this.classes.get(namesOf(node).join());
        if (known !== undefined) {
          classes.add(known.name);
          edits.push(...construct(node, known.name, file));
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    return { edits, classes: [...classes] };
  }

  /** A module that exports them. */
  text() {
    return [...this.classes.values()]
      .map(({ name, names }) => {
        const parameters = names.map((n) => `$${n}`).join(', ');
        return `export class ${name} { constructor(${parameters}) { ${names.map((n) => `this.${n} = $${n};`).join(' ')} } }`;
      })
      .join('\n');
  }
}

function namesOf({ properties }) {
  return properties.map((p) => p.name.text);
}

function isSlow({ properties }) {
  return properties.length > MAX_FAST_PROPERTIES || properties.some((p) => ts.isPropertyAssignment(p) && isNested(p));
}

/** The value is written down as a literal that makes an object. */
function isNested({ initializer }) {
  let value = initializer;
  while (ts.isAsExpression(value) || ts.isSatisfiesExpression(value) || ts.isParenthesizedExpression(value))
    value = value.expression;
  return (
    ts.isArrayLiteralExpression(value) || ts.isObjectLiteralExpression(value) || ts.isRegularExpressionLiteral(value)
  );
}

/** Names with values alone, and a value itself: not a pattern that takes one apart. */
function isRecord(node) {
  for (let at = node; ts.isExpression(at) || ts.isObjectLiteralElementLike(at); at = at.parent) {
    const { parent } = at;
    if (ts.isForOfStatement(parent) && parent.initializer === at) return false;
    if (!ts.isBinaryExpression(parent)) continue;
    if (parent.operatorToken.kind === ts.SyntaxKind.EqualsToken && parent.left === at) return false;
  }
  return node.properties.every(
    (p) =>
      (ts.isPropertyAssignment(p) || ts.isShorthandPropertyAssignment(p)) &&
      ts.isIdentifier(p.name) &&
      p.name.text !== '__proto__',
  );
}

function construct(node, name, file) {
  const start = node.getStart(file);
  const edits = [{ from: start, to: start + 1, text: `new ${name}(` }];
  for (const p of node.properties)
    if (ts.isPropertyAssignment(p)) edits.push({ from: p.getStart(file), to: p.initializer.getStart(file), text: '' });
  edits.push({ from: node.end - 1, to: node.end, text: ')' });
  return edits;
}
