/** Lowering of statements to control flow. */
import { COMPUTED_GOTO, RANGE } from '../syntax/mask.ts';
import { nodeWith, type SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { assertion, assertionWithBlock } from './assertions.ts';
import { type Builder, loadOf, noteResult, type SwitchFrame, variablePlace } from './builder.ts';
import { branchOn } from './conditions.ts';
import { expression, place, unwrap } from './expressions.ts';
import { initialise, initialiserLength } from './initialisers.ts';
import type { Expr, Place, Variable } from './ir.ts';
import { expand, within } from './macros.ts';
import { madeName } from './made-names.ts';
import { qualifiersOf } from './parameters.ts';
import { declaresFunction } from './snippets.ts';
import { STATEMENT } from './templates.ts';
import { argumentsOf, child } from './types.ts';

export function statement(b: Builder, node: SyntaxNode): void {
  switch (node.type) {
    case 'compound_statement':
      b.openScope();
      statements(b, node.children);
      b.closeScope({ ...b.span(node), start: b.span(node).end - 1 });
      return;
    case 'expression_statement':
      expressionStatement(b, node);
      return;
    case 'declaration':
      declaration(b, node);
      return;
    case 'if_statement':
      ifStatement(b, node);
      return;
    case 'while_statement':
      whileStatement(b, node);
      return;
    case 'do_statement':
      doStatement(b, node);
      return;
    case 'for_statement':
      forStatement(b, node);
      return;
    case 'switch_statement':
      switchStatement(b, node);
      return;
    case 'case_statement':
      caseStatement(b, node);
      return;
    case 'return_statement':
      returnStatement(b, node);
      return;
    case 'break_statement':
      b.jump('break', b.span(node));
      return;
    case 'continue_statement':
      b.jump('continue', b.span(node));
      return;
    case 'goto_statement': {
      const label = child(node, 'label');
      if (label !== undefined) b.gotoLabel(b.text(label), b.span(node));
      else {
        b.terminate({ kind: 'unreachable' });
        b.deadEnd();
      }
      return;
    }
    case 'labeled_statement': {
      const name = child(node, 'label')!;
      const block = b.label(b.text(name), b.span(name));
      b.goto(block);
      b.enter(block);
      for (const c of node.children) if (c.named && c.field !== 'label') statement(b, c);
      return;
    }
    case 'attributed_statement':
    case 'ERROR':
    case 'seh_try_statement':
      for (const c of node.children)
        if (c.named && (c.type.endsWith('statement') || c.type === 'declaration')) statement(b, c);
      return;
    case 'type_definition':
      b.unit.types.typedef(node);
      return;
    case 'struct_specifier':
    case 'union_specifier':
    case 'enum_specifier':
      b.unit.types.specifier(node);
      return;
    case 'function_definition':
      b.defineFunction(node);
      return;
    case 'comment':
      return;
    default:
      if (node.type.endsWith('expression') || node.type === 'identifier') expression(b, node, false);
  }
}

function statements(b: Builder, nodes: readonly SyntaxNode[]): void {
  const named = nodes.filter((n) => n.named);
  for (let i = 0; i < named.length; i++) {
    const [node, next] = [named[i]!, named[i + 1]];
    const asserted = assertionWithBlock(b, node, next);
    if (asserted === undefined) {
      statement(b, node);
      continue;
    }
    assertion(b, asserted.claim, asserted.args, b.span(node), () => statement(b, next!));
    i++;
  }
}

function expressionStatement(b: Builder, node: SyntaxNode): void {
  const inner = node.children.find((c) => c.named && c.type !== 'comment');
  if (inner === undefined || fillHole(b, inner)) return;
  if (inner.type === 'call_expression' || inner.type === 'identifier') {
    if (statementMacro(b, inner)) return;
  }
  if (b.originalText(inner.start, inner.start + COMPUTED_GOTO.length) === COMPUTED_GOTO) computedGoto(b, node, inner);
  else expression(b, inner, false);
}

/** `goto *labels[e];`: a switch over `e`, where it can be told what chooses the label. */
function computedGoto(b: Builder, node: SyntaxNode, sign: SyntaxNode): void {
  const target = child(sign, 'argument');
  const label = target?.type === 'pointer_expression' ? child(target, 'argument') : target;
  const index = label === undefined ? undefined : labelIndex(label);
  const table = index === undefined ? undefined : child(index, 'argument');
  const base = table === undefined ? undefined : unwrap(table);
  const variable = base?.type === 'identifier' && index === label ? b.lookup(b.text(base)) : undefined;
  let value: Expr | undefined;
  if (index !== undefined) value = expression(b, child(index, 'index')!);
  else if (label !== undefined) expression(b, label, false);
  b.computedGoto(value, variable, b.span(node));
}

/** The element of a table that an expression is, or is a distance from: `labels[e]`, `(void *)(base + offsets[e])`. */
function labelIndex(raw: SyntaxNode): SyntaxNode | undefined {
  const node = unwrap(raw);
  if (node.type === 'subscript_expression') return node;
  if (node.type === 'cast_expression') return labelIndex(child(node, 'value')!);
  if (node.type !== 'binary_expression') return undefined;
  return labelIndex(child(node, 'left')!) ?? labelIndex(child(node, 'right')!);
}

/** A macro that stands as a statement: its statements are lowered in place (goto, return and break included). */
function statementMacro(b: Builder, node: SyntaxNode): boolean {
  const callee = node.type === 'identifier' ? node : unwrap(child(node, 'function')!);
  if (callee.type !== 'identifier') return false;
  const name = b.text(callee);
  const macro = b.macrosAt(node).get(name);
  if (macro === undefined || b.blocked(name, node)) return false;
  if (macro.parameters === undefined && b.lookup(name) !== undefined) return false;
  if ((macro.parameters === undefined) !== (node.type === 'identifier')) return false;
  if (macro.body.includes('offsetof')) return false;
  const args = node.type === 'identifier' ? undefined : argumentsOf(node);
  const e = expand(b, macro, node, args);
  if (e === undefined || e.statements.some((s) => s.hasError)) return false;
  within(b, macro, e.view, () => {
    statements(b, e.statements);
  });
  return true;
}

export function declaration(b: Builder, node: SyntaxNode): void {
  const base = b.unit.types.specifier(child(node, 'type'));
  const words = node.children
    .filter((c) => c.type === 'storage_class_specifier' || c.type === 'type_qualifier')
    .map((c) => b.text(c));
  if (words.includes('typedef')) {
    b.unit.types.typedef(node);
    return;
  }
  if (declaresFunction(node)) b.quarantine.push('a macro call in front of a statement looks like a declaration');
  for (const d of node.children) {
    if (d.field !== 'declarator') continue;
    const made = madeName(d, base, b.macrosAt(node), (n) => b.text(n));
    const { name, nameNode, type } = made ?? b.unit.types.declarator(d, base);
    if (name === undefined || nameNode === undefined) continue;
    if (type.kind === 'function') {
      if (words.includes('auto')) b.declareFunction(name);
      else {
        b.unit.functions.add(name);
        noteResult(b.unit, name, d, base);
      }
      continue;
    }
    if (words.includes('extern')) continue;
    const isStatic = words.includes('static');
    const span = b.span(nameNode);
    let whole = type;
    const value = d.type === 'init_declarator' ? child(d, 'value') : undefined;
    if (whole.kind === 'array' && whole.length === undefined && value?.type === 'initializer_list') {
      whole = { ...whole, length: initialiserLength(b.unit, whole, value) };
    }
    const variable: Variable = {
      id: b.localId(name),
      name,
      storage: isStatic ? 'static' : 'local',
      type: whole,
      volatile: qualifiersOf(words, d, type, (n) => b.text(n)).volatile,
      span,
      cleanup: cleanupOf(b, node),
    };
    b.declare(name, variable);
    const target = variablePlace(variable, span);
    if (isStatic) {
      const stores: { target: Place; value: Expr; span: Span }[] = [];
      if (value !== undefined) {
        initialise(b, target, value, b.span(d), {
          zero: () => undefined,
          store: (t, v, s) => {
            b.noteLabel(t, v);
            stores.push({ target: t, value: v, span: s });
          },
        });
      }
      b.statics.push({ variable, stores, span: value === undefined ? undefined : b.span(value) });
      continue;
    }
    b.locals.push(variable);
    b.emit({ kind: 'declare', variable, span });
    if (value !== undefined) initialise(b, target, value, b.span(d));
  }
}

/** The cleanup attribute that the mask blanked inside this declaration. */
function cleanupOf({ view: { text, cleanups } }: Builder, node: SyntaxNode): string | undefined {
  // An attribute in front of the type lies before the node: between it and the statement before.
  for (const [at, name] of cleanups) {
    if (at >= node.end) continue;
    if (at >= node.start || text.slice(at, node.start).trim() === '') return name;
  }
  return undefined;
}

function ifStatement(b: Builder, node: SyntaxNode): void {
  const alternative = child(node, 'alternative');
  const macro = maskedMacro(b, node, 'if');
  if (macro !== undefined) {
    const inner = alternative?.children.find((c) => c.named && c.type !== 'comment');
    const consequence = child(node, 'consequence');
    if (beginningMacro(b, macro, node, alternative === undefined ? [consequence] : [consequence, inner])) return;
  }
  const whenTrue = b.newBlock();
  const whenFalse = b.newBlock();
  const after = alternative === undefined ? whenFalse : b.newBlock();
  branchOn(b, child(node, 'condition')!, whenTrue, whenFalse);
  b.enter(whenTrue);
  const consequence = child(node, 'consequence');
  if (consequence !== undefined) statement(b, consequence);
  b.goto(after);
  if (alternative !== undefined) {
    b.enter(whenFalse);
    if (alternative.type === 'else_clause') {
      for (const c of alternative.children) if (c.named) statement(b, c);
    } else statement(b, alternative);
    b.goto(after);
  }
  b.enter(after);
}

function whileStatement(b: Builder, node: SyntaxNode): void {
  if (forEach(b, node)) return;
  const head = b.newBlock();
  const body = b.newBlock();
  const after = b.newBlock();
  b.goto(head);
  b.enter(head);
  branchOn(b, child(node, 'condition')!, body, after);
  b.enter(body);
  b.loop(after, head, () => {
    const inner = child(node, 'body');
    if (inner !== undefined) statement(b, inner);
  });
  b.goto(head);
  b.enter(after);
}

function doStatement(b: Builder, node: SyntaxNode): void {
  const body = b.newBlock();
  const test = b.newBlock();
  const after = b.newBlock();
  b.goto(body);
  b.enter(body);
  b.loop(after, test, () => statement(b, child(node, 'body')!));
  b.goto(test);
  b.enter(test);
  const condition = child(node, 'condition')!;
  // `do { … } while (0)` is no loop.
  if (/^(0|false)$/.test(b.text(unwrap(condition)))) b.goto(after);
  else branchOn(b, condition, body, after);
  b.enter(after);
}

function forStatement(b: Builder, node: SyntaxNode): void {
  const span = b.span(node);
  b.openScope();
  const initialiser = child(node, 'initializer');
  if (initialiser !== undefined) {
    if (initialiser.type === 'declaration') declaration(b, initialiser);
    else expression(b, initialiser, false);
  }
  const head = b.newBlock();
  const body = b.newBlock();
  const step = b.newBlock();
  const after = b.newBlock();
  b.goto(head);
  b.enter(head);
  const condition = child(node, 'condition');
  if (condition !== undefined) branchOn(b, condition, body, after);
  else b.goto(body);
  b.enter(body);
  b.loop(after, step, () => {
    const inner = child(node, 'body');
    if (inner !== undefined) statement(b, inner);
  });
  b.goto(step);
  b.enter(step);
  const update = child(node, 'update');
  if (update !== undefined) expression(b, update, false);
  b.goto(head);
  b.enter(after);
  b.closeScope(span);
}

/** The word at a node's start as it was written, where the mask put another one there. */
function maskedMacro(b: Builder, node: SyntaxNode, word: string): string | undefined {
  const original = b.originalText(node.start, node.start + 64);
  const name = original === undefined ? undefined : /^[A-Za-z_]\w*/.exec(original)?.[0];
  return name === word ? undefined : name;
}

/** Stands for the statement that follows a macro which begins a loop or an `if`. */
const HOLE = 'uffd_lint_hole';

/** Lowers the expansion of a macro that begins a statement; its holes are filled with the statements in the source. */
function beginningMacro(b: Builder, name: string, node: SyntaxNode, filling: readonly (SyntaxNode | undefined)[]) {
  const macro = b.macrosAt(node).get(name);
  if (macro?.parameters === undefined) return false;
  const header = nodeWith(node, { end: child(node, 'condition')?.end ?? node.end });
  const suffix = filling.map((_, i) => ` ${HOLE}${i};`).join(' else');
  const e = expand(b, macro, header, [], { ...STATEMENT, after: `${suffix}}` });
  const first = e?.statements[0];
  if (e === undefined || first === undefined || e.statements.length !== 1 || first.hasError) return false;
  const outer = b.view;
  const depth = b.holes.length;
  b.holes.push(
    ...filling.map((inner) => () => {
      if (inner === undefined) return;
      const view = b.view;
      const holes = b.holes.splice(depth);
      b.view = outer;
      statement(b, inner);
      b.view = view;
      b.holes.push(...holes);
    }),
  );
  within(b, macro, e.view, () => statement(b, first));
  b.holes.splice(depth);
  return true;
}

/** True when the node is a hole, which was filled. */
function fillHole(b: Builder, node: SyntaxNode): boolean {
  if (b.holes.length === 0 || node.type !== 'identifier') return false;
  const match = new RegExp(`^${HOLE}(\\d)$`).exec(b.text(node));
  if (match === null) return false;
  b.holes.at(Number(match[1]) - b.holes.length)?.();
  return true;
}

/** `list_for_each_entry(pos, head, member) { … }`, which the mask turned into a `while`. */
function forEach(b: Builder, node: SyntaxNode): boolean {
  const name = maskedMacro(b, node, 'while');
  if (name === undefined) return false;
  const bodyNode = child(node, 'body');
  if (!beginningMacro(b, name, node, [bodyNode])) unknownForEach(b, node, bodyNode);
  return true;
}

/** A for-each whose definition is not known: any number of turns, each with an unknown element. */
function unknownForEach(b: Builder, node: SyntaxNode, bodyNode: SyntaxNode | undefined): void {
  const span = b.span(node);
  let first = child(node, 'condition');
  while (first !== undefined && (first.type === 'parenthesized_expression' || first.type === 'comma_expression')) {
    first = first.type === 'comma_expression' ? child(first, 'left') : first.children.find((c) => c.named);
  }
  const head = b.newBlock();
  const body = b.newBlock();
  const after = b.newBlock();
  b.goto(head);
  b.enter(head);
  b.terminate({ kind: 'branch', condition: { kind: 'unknown', span }, whenTrue: body, whenFalse: after, span });
  b.enter(body);
  if (first?.type === 'identifier' && b.lookupAny(b.text(first)) !== undefined) {
    b.emit({ kind: 'assign', target: place(b, first), value: { kind: 'unknown', span }, span });
  }
  b.loop(after, head, () => {
    if (bodyNode !== undefined) statement(b, bodyNode);
  });
  b.goto(head);
  b.enter(after);
}

function switchStatement(b: Builder, node: SyntaxNode): void {
  const condition = child(node, 'condition')!;
  const body = child(node, 'body');
  const value = expression(b, condition);
  const start = b.span(node).start;
  const header: Span = { ...b.span(condition), start };
  const frame: SwitchFrame = { cases: [], otherwise: undefined, defaultSpan: undefined };
  const after = b.newBlock();
  const dispatch = b.position();
  b.deadEnd();
  b.switches.push(frame);
  b.breakable(after, () => {
    if (body !== undefined) statement(b, body);
  });
  b.switches.pop();
  b.goto(after);
  b.terminateAt(dispatch, {
    kind: 'switch',
    value,
    cases: frame.cases,
    otherwise: frame.otherwise ?? after,
    defaultSpan: frame.defaultSpan,
    span: header,
    bodySpan: body === undefined ? undefined : b.span(body),
  });
  b.enter(after);
}

function caseStatement(b: Builder, node: SyntaxNode): void {
  const frame = b.switches[b.switches.length - 1];
  const block = b.newBlock();
  b.goto(block);
  b.enter(block);
  const colon = node.children.find((c) => c.type === ':');
  const labelEnd = colon?.end ?? node.start;
  const span = b.view.spanOf(node.start, labelEnd);
  const value = child(node, 'value');
  const isDefault = node.children[0]?.type === 'default';
  if (frame !== undefined) {
    if (isDefault) {
      frame.otherwise = block;
      frame.defaultSpan = span;
    } else {
      frame.cases.push({ ...caseRange(b, node, value, labelEnd), target: block, span });
    }
  }
  statements(
    b,
    node.children.filter((c) => c.start >= labelEnd),
  );
}

/** GNU `case low ... high:` is an operation of the two to the grammar. */
function caseRange(b: Builder, node: SyntaxNode, value: SyntaxNode | undefined, labelEnd: number) {
  const unknown: Expr = { kind: 'unknown', span: b.view.spanOf(node.start, labelEnd) };
  if (value === undefined) return { low: unknown, high: unknown };
  const isRange = (n: SyntaxNode | undefined) => n !== undefined && b.originalText(n.start, n.start + 3) === RANGE;
  const left = child(value, 'left');
  const right = child(value, 'right');
  if (left !== undefined && right !== undefined && isRange(child(value, 'operator')))
    return { low: expression(b, left), high: expression(b, right) };
  if (b.originalText(value.start, value.end)?.includes(RANGE)) return { low: unknown, high: unknown };
  const low = expression(b, value);
  return { low, high: low };
}

function returnStatement(b: Builder, node: SyntaxNode): void {
  const span = b.span(node);
  const inner = node.children.find((c) => c.named && c.type !== 'comment');
  let value: Expr | undefined;
  if (inner !== undefined) {
    value = expression(b, inner);
    if (value.kind !== 'constant') {
      // The value is taken before the locals end.
      const t = variablePlace(
        b.temporary(value.kind === 'load' ? value.place.type : { kind: 'unknown', name: 'return' }, span),
        span,
      );
      b.emit({ kind: 'assign', target: t, value, span });
      value = loadOf(t, span);
    }
  }
  b.unwindTo(0, span);
  b.terminate({ kind: 'return', value, explicit: true, span });
  b.deadEnd();
}
