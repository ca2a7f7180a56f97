/** Lowering of statements to control flow. */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { Span } from '../text/span.ts';
import { type Builder, constantExpr, loadOf, type SwitchFrame, variablePlace } from './builder.ts';
import { branchOn } from './conditions.ts';
import { expression, place, unwrap } from './expressions.ts';
import { initialise, initialiserLength } from './initialisers.ts';
import type { Expr, Place, Variable } from './ir.ts';
import { expand, within } from './macros.ts';
import { child } from './types.ts';

export function statement(b: Builder, node: SyntaxNode): void {
  switch (node.type) {
    case 'compound_statement':
      b.openScope();
      for (const c of node.children) if (c.named) statement(b, c);
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
      forStatement(b, node, child(node, 'body'));
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
      const block = b.label(b.text(child(node, 'label')!));
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
    case 'comment':
    case 'function_definition':
      return;
    default:
      if (node.type.endsWith('expression') || node.type === 'identifier') expression(b, node, false);
  }
}

function expressionStatement(b: Builder, node: SyntaxNode): void {
  const inner = node.children.find((c) => c.named && c.type !== 'comment');
  if (inner === undefined) return;
  if (inner.type === 'call_expression' || inner.type === 'identifier') {
    if (statementMacro(b, inner)) return;
  }
  expression(b, inner, false);
}

/** A macro that stands as a statement: its statements are lowered in place (goto, return and break included). */
function statementMacro(b: Builder, node: SyntaxNode): boolean {
  const callee = node.type === 'identifier' ? node : unwrap(child(node, 'function')!);
  if (callee.type !== 'identifier') return false;
  const name = b.text(callee);
  const macro = b.unit.macros.get(name);
  if (macro === undefined || b.lookup(name) !== undefined || b.expanding.includes(name)) return false;
  if ((macro.parameters === undefined) !== (node.type === 'identifier')) return false;
  if (/offsetof/.test(macro.body)) return false;
  const args =
    node.type === 'identifier'
      ? undefined
      : (child(node, 'arguments')?.children ?? []).filter((c) => c.named && c.type !== 'comment');
  const e = expand(b, macro, node, args);
  if (e === undefined || e.statements.some((s) => s.hasError)) return false;
  within(b, macro, e.view, () => {
    for (const s of e.statements) statement(b, s);
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
  const volatile = words.includes('volatile') || words.includes('_Atomic');
  for (const d of node.children) {
    if (d.field !== 'declarator') continue;
    const { name, nameNode, type } = b.unit.types.declarator(d, base);
    if (name === undefined || nameNode === undefined) continue;
    if (type.kind === 'function') {
      b.unit.functions.add(name);
      continue;
    }
    if (words.includes('extern')) continue;
    const isStatic = words.includes('static');
    const span = b.span(nameNode);
    let whole = type;
    const value = d.type === 'init_declarator' ? child(d, 'value') : undefined;
    if (whole.kind === 'array' && whole.length === undefined && value?.type === 'initializer_list') {
      whole = {
        ...whole,
        length: initialiserLength(value, (n) => {
          const e = expression(b, n);
          return e.kind === 'constant' ? Number(e.value) : undefined;
        }),
      };
    }
    const variable: Variable = {
      id: `${b.functionId}:${name}:${span.start}`,
      name,
      storage: isStatic ? 'static' : 'local',
      type: whole,
      volatile,
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
          store: (t, v, s) => stores.push({ target: t, value: v, span: s }),
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
function cleanupOf(b: Builder, node: SyntaxNode): string | undefined {
  if (b.unit.cleanups.size === 0) return undefined;
  const span = b.span(node);
  // An attribute in front of the type lies before the node: between it and the statement before.
  for (const [at, name] of b.unit.cleanups) {
    if (at >= span.end) continue;
    const between = at < span.start ? b.view.text.slice(at, node.start) : '';
    if (at >= span.start || between.trim() === '') return name;
  }
  return undefined;
}

function ifStatement(b: Builder, node: SyntaxNode): void {
  const whenTrue = b.newBlock();
  const whenFalse = b.newBlock();
  const alternative = child(node, 'alternative');
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
  branchOn(b, child(node, 'condition')!, body, after);
  b.enter(after);
}

function forStatement(
  b: Builder,
  node: SyntaxNode,
  bodyNode: SyntaxNode | undefined,
  bodyIn?: (body: () => void) => void,
): void {
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
    if (bodyNode === undefined) return;
    if (bodyIn === undefined) statement(b, bodyNode);
    else bodyIn(() => statement(b, bodyNode));
  });
  b.goto(step);
  b.enter(step);
  const update = child(node, 'update');
  if (update !== undefined) expression(b, update, false);
  b.goto(head);
  b.enter(after);
  b.closeScope(span);
}

/** `list_for_each_entry(pos, head, member) { … }`, which the mask turned into a `while`. */
function forEach(b: Builder, node: SyntaxNode): boolean {
  const original = b.originalText(node.start, node.start + 64);
  const name = original === undefined ? undefined : /^[A-Za-z_]\w*/.exec(original)?.[0];
  if (name === undefined || name === 'while') return false;
  const bodyNode = child(node, 'body');
  const macro = b.unit.macros.get(name);
  if (macro?.parameters !== undefined) {
    const header = { ...node, end: child(node, 'condition')?.end ?? node.end };
    const e = expand(b, macro, header, [], ';');
    const loop = e?.statements[0];
    if (
      e !== undefined &&
      loop !== undefined &&
      !loop.hasError &&
      (loop.type === 'for_statement' || loop.type === 'while_statement')
    ) {
      const outer = b.view;
      within(b, macro, e.view, () => {
        const inside = (body: () => void) => {
          const view = b.view;
          b.view = outer;
          const expanding = b.expanding.splice(0);
          body();
          b.expanding.push(...expanding);
          b.view = view;
        };
        if (loop.type === 'for_statement') forStatement(b, loop, bodyNode, inside);
        else {
          const head = b.newBlock();
          const body = b.newBlock();
          const after = b.newBlock();
          b.goto(head);
          b.enter(head);
          branchOn(b, child(loop, 'condition')!, body, after);
          b.enter(body);
          b.loop(after, head, () => {
            if (bodyNode !== undefined) inside(() => statement(b, bodyNode));
          });
          b.goto(head);
          b.enter(after);
        }
      });
      return true;
    }
  }
  unknownForEach(b, node, bodyNode);
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
      const low: Expr = value === undefined ? { kind: 'unknown', span } : expression(b, value);
      frame.cases.push({ low, high: rangeEnd(b, node, labelEnd) ?? low, target: block, span });
    }
  }
  for (const c of node.children) {
    if (!c.named || c === value || c.start < labelEnd) continue;
    statement(b, c);
  }
}

/** GNU `case low ... high:` is an error to the grammar; the text still says it. */
function rangeEnd(b: Builder, node: SyntaxNode, labelEnd: number): Expr | undefined {
  const label = b.view.text.slice(node.start, labelEnd);
  const at = label.indexOf('...');
  if (at < 0) return undefined;
  const text = label
    .slice(at + 3)
    .replace(/:\s*$/, '')
    .trim();
  const span = b.view.spanOf(node.start, labelEnd);
  if (/^(0[xX][0-9a-fA-F]+|\d+)$/.test(text)) return constantExpr(BigInt(text), span);
  const enumerator = b.unit.enumerators.get(text);
  return enumerator === undefined ? { kind: 'unknown', span } : constantExpr(enumerator, span, text);
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
