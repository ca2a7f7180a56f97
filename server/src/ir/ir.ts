/**
 * The intermediate representation: a control-flow graph of few instruction kinds over side-effect-free expressions.
 * Everything the engine needs to know of C is in this file; syntax nodes stop at the lowering.
 *
 * Evaluation order: calls, assignments, increments, short circuits and conditionals inside an expression are lowered
 * to instructions and branches in left-to-right order; what is left over is an `Expr`, which has no effect.
 */
import type { Span } from '../text/span.ts';

/** A variable. Parameters and locals belong to a function; temporaries hold call results and conditional values. */
export interface Variable {
  /** Unique in the program: `file#name` for file scope statics, `name` for externals, `function@file:name:ordinal` for locals. */
  readonly id: string;
  readonly name: string;
  readonly storage: 'parameter' | 'local' | 'static' | 'global' | 'temporary';
  readonly type: CType;
  /** True for `volatile` and `_Atomic` variables: every load may see another value. */
  readonly volatile: boolean;
  readonly span: Span;
  /** `__attribute__((cleanup(f)))`: the function called with the variable's address when its scope ends. */
  readonly cleanup?: string | undefined;
}

/** errno(3), which headers that are not read declare. */
export const ERRNO: Variable = {
  id: 'errno',
  name: 'errno',
  storage: 'global',
  type: { kind: 'integer', bytes: 4, signed: true },
  volatile: false,
  span: { file: '<errno.h>', start: 0, end: 0 },
};

/** As much of a C type as the engine asks for. Typedefs are resolved where their definition is known. */
export type CType =
  | { readonly kind: 'void' }
  | { readonly kind: 'integer'; readonly bytes: number; readonly signed: boolean }
  | { readonly kind: 'floating' }
  | { readonly kind: 'pointer'; readonly to: CType }
  /** `overlay`: its bytes are those of a record that lies there, and its address is the record's. */
  | { readonly kind: 'array'; readonly of: CType; readonly length: number | undefined; readonly overlay?: true }
  | { readonly kind: 'record'; readonly tag: string; readonly union: boolean }
  | { readonly kind: 'function' }
  | { readonly kind: 'unknown'; readonly name: string };

/** Fields of a record type in declaration order; the program keeps one table of them by tag. */
export interface RecordType {
  readonly tag: string;
  readonly union: boolean;
  readonly fields: readonly Field[];
}

export interface Field {
  readonly name: string;
  readonly type: CType;
  /**
   * Of a union that lays bytes over a record: where its members lie, which is one place. Empty is the union's own; in
   * the record around a union without a name it is the member that is a record. A number of a union lies with the one
   * that a record in it begins with, and this is the way to that one: names of fields, with dots between.
   */
  readonly shares?: string;
}

/** The parameter that holds the further arguments of a variadic function. */
export const REST = '...';

export type UnaryOperator = '-' | '~' | '!' | '+';
export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '<<'
  | '>>'
  | '&'
  | '|'
  | '^'
  | '=='
  | '!='
  | '<'
  | '>'
  | '<='
  | '>=';

/** A side-effect-free expression. `span` is where it stands in the source (the call site for macro expansions). */
export type Expr =
  /** Integer or character constant, also named ones (`UFFD_EVENT_FORK`): `name` is the outermost macro or enumerator name. */
  | { readonly kind: 'constant'; readonly value: bigint; readonly name?: string | undefined; readonly span: Span }
  | { readonly kind: 'string'; readonly value: string; readonly span: Span }
  | { readonly kind: 'function'; readonly name: string; readonly span: Span }
  | { readonly kind: 'load'; readonly place: Place; readonly span: Span }
  | { readonly kind: 'address'; readonly place: Place; readonly span: Span }
  | { readonly kind: 'unary'; readonly op: UnaryOperator; readonly operand: Expr; readonly span: Span }
  | {
      readonly kind: 'binary';
      readonly op: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
      readonly span: Span;
    }
  | { readonly kind: 'cast'; readonly type: CType; readonly operand: Expr; readonly span: Span }
  /**
   * `container_of(pointer, type, member)`: the record around the member that `pointer` points to. `outer`: a cast does so,
   * for a record that begins with the member; the pointer may lead to the record itself. `first`: a cast to the member.
   */
  | {
      readonly kind: 'container';
      readonly pointer: Expr;
      readonly member: readonly string[];
      readonly as: 'container' | 'outer' | 'first';
      readonly span: Span;
    }
  /** A value nothing is known about; `name` is the identifier (an unknown macro, an errno) where there is one. */
  | { readonly kind: 'unknown'; readonly name?: string | undefined; readonly span: Span };

/**
 * An lvalue: a base and a path. `p->f[i]` is `{ base: deref(load p), path: [field f, index i] }`;
 * `a[i].f` for an array variable is `{ base: variable a, path: [index i, field f] }`; `*p` is a deref with empty path;
 * `p[i]` for a pointer is a deref with path [index i].
 */
export interface Place {
  readonly base:
    | { readonly kind: 'variable'; readonly variable: Variable }
    | { readonly kind: 'deref'; readonly pointer: Expr };
  readonly path: readonly PathElement[];
  /** Type of the whole lvalue where it is known. */
  readonly type: CType;
  readonly span: Span;
}

export type PathElement =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: Expr };

export type Instruction =
  /** `place = value`; a record value is a load of the whole record, copied field by field by the engine. */
  | { readonly kind: 'assign'; readonly target: Place; readonly value: Expr; readonly span: Span }
  /** The whole object becomes zero (`= {0}`, `= { .f = x }` before its fields, statics). */
  | { readonly kind: 'zero'; readonly target: Place; readonly span: Span }
  /** A local comes to life with an indeterminate value; again each time control passes. */
  | { readonly kind: 'declare'; readonly variable: Variable; readonly span: Span }
  /** The scope of these locals ends (block end, break, goto, return out of it), in reverse order of declaration. */
  | { readonly kind: 'end-scope'; readonly variables: readonly Variable[]; readonly span: Span }
  /** `result = callee(arguments)`. `result` is undefined when the value is not used. `expression` spans the call. */
  | {
      readonly kind: 'call';
      readonly callee: Expr;
      readonly arguments: readonly Expr[];
      readonly result: Variable | undefined;
      readonly span: Span;
    }
  /** Inline assembly or something the lowering does not understand: may write what is reachable from `operands`. */
  | { readonly kind: 'opaque'; readonly operands: readonly Expr[]; readonly span: Span };

export type Terminator =
  | { readonly kind: 'goto'; readonly target: number }
  /** `span` is the condition as a person sees it (`msg.event != UFFD_EVENT_PAGEFAULT`); `statement` is the whole if/while header. */
  | {
      readonly kind: 'branch';
      readonly condition: Expr;
      readonly whenTrue: number;
      readonly whenFalse: number;
      readonly span: Span;
      /** In a slice, the block of the whole body that ends so. */
      readonly origin?: number;
    }
  | {
      readonly kind: 'switch';
      readonly value: Expr;
      /** Inclusive ranges; `span` is the `case` label, label included. Empty ranges mean a case whose value is unknown. */
      readonly cases: readonly {
        readonly low: Expr;
        readonly high: Expr;
        readonly target: number;
        readonly span: Span;
      }[];
      /** Where control goes when no case matches: the default label, or behind the switch. */
      readonly otherwise: number;
      readonly defaultSpan: Span | undefined;
      /** The `switch (…)` header: from the keyword to the closing parenthesis. */
      readonly span: Span;
      /** The body of the switch, braces included. */
      readonly bodySpan?: Span | undefined;
      /** In a slice, the block of the whole body that ends so. */
      readonly origin?: number | undefined;
    }
  /** `explicit` is false when control falls off the closing brace. */
  | { readonly kind: 'return'; readonly value: Expr | undefined; readonly explicit: boolean; readonly span: Span }
  | { readonly kind: 'unreachable' };

export interface BasicBlock {
  readonly id: number;
  readonly instructions: readonly Instruction[];
  readonly terminator: Terminator;
  /** True when a back edge enters here (loop head): the engine widens here. */
  readonly loopHead: boolean;
}

export interface FunctionBody {
  /** Unique in the program: the name for externals, `file#name` for statics. */
  readonly id: string;
  readonly name: string;
  readonly file: string;
  readonly static: boolean;
  /** Of a variadic function the last one, `...`, is an array of the further arguments. */
  readonly parameters: readonly Variable[];
  readonly variadic: boolean;
  readonly returnType: CType;
  /** `noreturn`, `__attribute__((noreturn))`, `_Noreturn`. Inference is the engine's business. */
  readonly noreturn: boolean;
  /** `__attribute__((constructor))`: runs before `main`, whatever its priority. */
  readonly beforeMain: boolean;
  readonly locals: readonly Variable[];
  /** `blocks[0]` is the entry; ids are indices, in reverse post-order, unreachable blocks removed. */
  readonly blocks: readonly BasicBlock[];
  /** Of a slice, the body as it is written. */
  readonly whole?: FunctionBody;
  readonly span: Span;
  /** Span of the name in the definition. */
  readonly nameSpan: Span;
  /** Why claims about what is absent may not be made here (parse errors, suspicious shapes), or empty. */
  readonly quarantine: readonly string[];
}

/** An initialiser of a file-scope or static variable: stores in order, after zeroing. */
export interface GlobalVariable {
  readonly variable: Variable;
  readonly initialiser: readonly { readonly target: Place; readonly value: Expr; readonly span: Span }[];
  /** Span of the initialiser (`{ … }` or the expression), undefined where there is none. */
  readonly initialiserSpan: Span | undefined;
  /** Declared `const` itself. */
  readonly constant: boolean;
}

/** What one file gives to the program. */
export interface TranslationUnit {
  readonly path: string;
  readonly functions: readonly FunctionBody[];
  readonly globals: readonly GlobalVariable[];
  readonly records: ReadonlyMap<string, RecordType>;
  /** Text that is neither declaration nor function to the parser: a function that is cut off, damaged text. */
  readonly strays: readonly StrayText[];
}

export interface StrayText {
  readonly span: Span;
  /** The function that begins there and does not end, where that can be told. */
  readonly function?: { readonly name: string; readonly span: Span } | undefined;
}
