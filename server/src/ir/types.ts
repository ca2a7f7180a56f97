/** C types from declarations: as much as the engine asks for. */
import type { SyntaxNode } from '../syntax/tree.ts';
import type { CType, Field, PathElement, RecordType } from './ir.ts';
import { KNOWN_ALIGNMENTS, KNOWN_SIZES } from './known-constants.ts';

export const INT: CType = { kind: 'integer', bytes: 4, signed: true };
export const LONG: CType = { kind: 'integer', bytes: 8, signed: true };
const VOID: CType = { kind: 'void' };

const NAMED: ReadonlyMap<string, CType> = new Map(
  Object.entries<CType>({
    size_t: { kind: 'integer', bytes: 8, signed: false },
    ssize_t: LONG,
    off_t: LONG,
    pid_t: INT,
    bool: { kind: 'integer', bytes: 1, signed: false },
    int8_t: { kind: 'integer', bytes: 1, signed: true },
    int16_t: { kind: 'integer', bytes: 2, signed: true },
    int32_t: INT,
    int64_t: LONG,
    uint8_t: { kind: 'integer', bytes: 1, signed: false },
    uint16_t: { kind: 'integer', bytes: 2, signed: false },
    uint32_t: { kind: 'integer', bytes: 4, signed: false },
    uint64_t: { kind: 'integer', bytes: 8, signed: false },
    uintptr_t: { kind: 'integer', bytes: 8, signed: false },
    intptr_t: LONG,
    __u8: { kind: 'integer', bytes: 1, signed: false },
    __u16: { kind: 'integer', bytes: 2, signed: false },
    __u32: { kind: 'integer', bytes: 4, signed: false },
    __u64: { kind: 'integer', bytes: 8, signed: false },
    __s32: INT,
    __s64: LONG,
    u8: { kind: 'integer', bytes: 1, signed: false },
    u16: { kind: 'integer', bytes: 2, signed: false },
    u32: { kind: 'integer', bytes: 4, signed: false },
    u64: { kind: 'integer', bytes: 8, signed: false },
    nfds_t: { kind: 'integer', bytes: 8, signed: false },
  }),
);

/** Records of system headers whose values are given by position. */
const KNOWN_FIELDS: ReadonlyMap<string, RecordType['fields']> = new Map([
  [
    'pollfd',
    [
      { name: 'fd', type: INT },
      { name: 'events', type: INT },
      { name: 'revents', type: INT },
    ],
  ],
  [
    'uffdio_range',
    [
      { name: 'start', type: LONG },
      { name: 'len', type: LONG },
    ],
  ],
  [
    'uffdio_api',
    [
      { name: 'api', type: LONG },
      { name: 'features', type: LONG },
      { name: 'ioctls', type: LONG },
    ],
  ],
  [
    'uffdio_register',
    [
      { name: 'range', type: record('uffdio_range') },
      { name: 'mode', type: LONG },
      { name: 'ioctls', type: LONG },
    ],
  ],
  [
    'uffdio_zeropage',
    [
      { name: 'range', type: record('uffdio_range') },
      { name: 'mode', type: LONG },
      { name: 'zeropage', type: LONG },
    ],
  ],
  [
    'epoll_event',
    [
      { name: 'events', type: INT },
      { name: 'data', type: record('epoll_data') },
    ],
  ],
  [
    'epoll_data',
    [
      { name: 'ptr', type: { kind: 'pointer', to: { kind: 'void' } } },
      { name: 'fd', type: INT },
      { name: 'u32', type: INT },
      { name: 'u64', type: LONG },
    ],
  ],
  [
    'iovec',
    [
      { name: 'iov_base', type: { kind: 'pointer', to: { kind: 'void' } } },
      { name: 'iov_len', type: LONG },
    ],
  ],
]);

/** Records in records beyond this are not looked into. */
const MAX_NESTING = 8;

export interface TypeTable {
  readonly typedefs: Map<string, CType>;
  readonly records: Map<string, RecordType>;
}

export type TextOf = (node: SyntaxNode) => string;
export type ConstantOf = (node: SyntaxNode) => number | undefined;
/** The type that a call of a macro stands for: `read` is given the node of what it expands to. */
export type MacroTypeOf = (call: SyntaxNode, read: (specifier: SyntaxNode) => CType) => CType | undefined;

/** Reads types out of one text; records with a body and typedefs are added to the table. */
export class TypeReader {
  private readonly table: TypeTable;
  private readonly text: TextOf;
  private readonly constantOf: ConstantOf;
  /** What anonymous records are told apart in: the file, or a function of it. */
  private owner: string;
  private anonymous = 0;
  /** Anonymous records by their node: declarations are read more than once. Tags hold no offset: moved text has the same. */
  private readonly tags = new Map<SyntaxNode, string>();
  /** Called for each enumerator of an enum with a body. */
  private readonly onEnum: (node: SyntaxNode) => void;
  private readonly macroTypeOf: MacroTypeOf;

  constructor(
    table: TypeTable,
    text: TextOf,
    constantOf: ConstantOf,
    file: string,
    onEnum: (node: SyntaxNode) => void,
    macroTypeOf: MacroTypeOf,
  ) {
    this.table = table;
    this.text = text;
    this.constantOf = constantOf;
    this.owner = file;
    this.onEnum = onEnum;
    this.macroTypeOf = macroTypeOf;
  }

  /** Reads the types of a function. */
  within<T>(functionId: string, read: () => T): T {
    const { owner, anonymous } = this;
    this.owner = functionId;
    this.anonymous = 0;
    try {
      return read();
    } finally {
      this.owner = owner;
      this.anonymous = anonymous;
    }
  }

  private tagOf(node: SyntaxNode): string {
    let tag = this.tags.get(node);
    if (tag === undefined) {
      tag = `${this.owner}:${this.anonymous++}`;
      this.tags.set(node, tag);
    }
    return tag;
  }

  /** A type has this name, without a keyword before it. */
  isNamed(name: string): boolean {
    return this.table.typedefs.has(name) || NAMED.has(name);
  }

  /** The type named by a declaration's specifiers (its `type` field and qualifiers beside it). */
  specifier(node: SyntaxNode | undefined): CType {
    if (node === undefined) return INT;
    switch (node.type) {
      case 'primitive_type':
        return primitive(this.text(node));
      case 'sized_type_specifier':
        return sized(this.text(node));
      case 'type_identifier': {
        const name = this.text(node);
        return (
          this.table.typedefs.get(name) ??
          NAMED.get(name) ??
          (this.table.records.has(name) || KNOWN_SIZES.has(name) ? record(name) : { kind: 'unknown', name })
        );
      }
      case 'struct_specifier':
      case 'union_specifier':
        return this.recordType(node);
      case 'enum_specifier':
        if (child(node, 'body') !== undefined) this.onEnum(node);
        return INT;
      case 'type_descriptor': {
        const base = this.specifier(child(node, 'type'));
        const d = child(node, 'declarator');
        return d === undefined ? base : this.abstract(d, base);
      }
      case 'macro_type_specifier':
        return this.macroTypeOf(node, (inner) => this.specifier(inner)) ?? { kind: 'unknown', name: this.text(node) };
      default:
        return { kind: 'unknown', name: this.text(node) };
    }
  }

  private recordType(node: SyntaxNode): CType {
    const name = child(node, 'name');
    const tag = name === undefined ? this.tagOf(node) : this.text(name);
    const body = child(node, 'body');
    const union = node.type === 'union_specifier';
    if (body !== undefined && !this.table.records.has(tag)) {
      const fields: Field[] = [];
      /** Of a union: what begins where it does. */
      const first = new Set<string>();
      this.table.records.set(tag, { tag, union, fields });
      for (const f of body.children) {
        if (f.type !== 'field_declaration') continue;
        const base = this.specifier(child(f, 'type'));
        const declarators = f.children.filter((c) => c.field === 'declarator');
        if (declarators.length === 0 && base.kind === 'record') {
          // Members of an anonymous record are members of the outer one.
          const inner = this.table.records.get(base.tag);
          const members = inner?.fields ?? [];
          for (const m of inner?.union === true ? members : members.slice(0, 1)) first.add(m.name);
          const shared = members.find((m) => m.shares === '' && isRecords(m.type))?.name;
          fields.push(...(shared === undefined ? members : members.map((m) => ({ ...m, shares: shared }))));
        }
        for (const d of declarators) {
          const { name: fieldName, type } = this.declarator(d, base);
          if (fieldName === undefined) continue;
          fields.push({ name: fieldName, type });
          first.add(fieldName);
        }
      }
      if (union) {
        this.shareNumbers(fields, first);
        overlay(fields);
      }
    }
    return { kind: 'record', tag, union };
  }

  /** Numbers that begin where a union does lie in one place, with the one that a record in it begins with. */
  private shareNumbers(fields: Field[], first: ReadonlySet<string>): void {
    const begins = fields.filter((f) => first.has(f.name));
    const ways = begins.flatMap((f) => {
      const way = this.leadingNumber(f.type, 0);
      return way === undefined ? [] : [`${f.name}.${way}`];
    });
    const shared = ways[0] ?? begins.find((f) => f.type.kind === 'integer')?.name;
    if (shared === undefined) return;
    for (const [i, f] of fields.entries())
      if (f.type.kind === 'integer' && first.has(f.name) && f.name !== shared) fields[i] = { ...f, shares: shared };
  }

  /** The way to the number that a record begins with. */
  private leadingNumber(type: CType, depth: number): string | undefined {
    const [field] = type.kind === 'record' && depth < 8 ? (this.table.records.get(type.tag)?.fields ?? []) : [];
    if (field === undefined) return undefined;
    const name = field.shares ?? field.name;
    if (field.type.kind === 'integer') return name === '' ? undefined : name;
    const inner = this.leadingNumber(field.type, depth + 1);
    return inner === undefined || name === '' ? inner : `${name}.${inner}`;
  }

  /** Name and type of a declarator over a base type. */
  declarator(
    node: SyntaxNode,
    base: CType,
  ): { name: string | undefined; nameNode: SyntaxNode | undefined; type: CType; parameters: SyntaxNode | undefined } {
    switch (node.type) {
      case 'identifier':
      case 'field_identifier':
      case 'type_identifier':
      case 'primitive_type':
        return { name: this.text(node), nameNode: node, type: base, parameters: undefined };
      case 'init_declarator':
        return this.declarator(child(node, 'declarator') ?? node.children[0]!, base);
      case 'pointer_declarator': {
        const inner = child(node, 'declarator');
        const type: CType = { kind: 'pointer', to: base };
        return inner === undefined
          ? { name: undefined, nameNode: undefined, type, parameters: undefined }
          : this.declarator(inner, type);
      }
      case 'array_declarator': {
        const inner = child(node, 'declarator');
        const size = child(node, 'size');
        const type: CType = { kind: 'array', of: base, length: size === undefined ? undefined : this.constantOf(size) };
        return inner === undefined
          ? { name: undefined, nameNode: undefined, type, parameters: undefined }
          : this.declarator(inner, type);
      }
      case 'function_declarator': {
        const inner = child(node, 'declarator');
        const own = child(node, 'parameters');
        if (inner === undefined)
          return { name: undefined, nameNode: undefined, type: { kind: 'function' }, parameters: own };
        const d = this.declarator(inner, { kind: 'function' });
        // `int (*handler)(…)` declares a pointer; only the innermost parameter list is the function's own.
        return { ...d, parameters: d.parameters ?? (d.type.kind === 'function' ? own : undefined) };
      }
      case 'parenthesized_declarator':
      case 'attributed_declarator': {
        const inner = node.children.find(
          (c) => c.named && c.type !== 'ms_call_modifier' && !c.type.startsWith('attribute'),
        );
        return inner === undefined
          ? { name: undefined, nameNode: undefined, type: base, parameters: undefined }
          : this.declarator(inner, base);
      }
      default:
        return { name: undefined, nameNode: undefined, type: base, parameters: undefined };
    }
  }

  private abstract(node: SyntaxNode, base: CType): CType {
    switch (node.type) {
      case 'abstract_pointer_declarator': {
        const inner = child(node, 'declarator');
        const type: CType = { kind: 'pointer', to: base };
        return inner === undefined ? type : this.abstract(inner, type);
      }
      case 'abstract_array_declarator': {
        const size = child(node, 'size');
        return { kind: 'array', of: base, length: size === undefined ? undefined : this.constantOf(size) };
      }
      case 'abstract_function_declarator':
        return { kind: 'pointer', to: { kind: 'function' } };
      default:
        return base;
    }
  }

  typedef(node: SyntaxNode): void {
    const base = this.specifier(child(node, 'type'));
    for (const c of node.children) {
      if (c.field !== 'declarator') continue;
      const { name, type } = this.declarator(c, base);
      if (name !== undefined) this.table.typedefs.set(name, type);
    }
  }

  fieldsOf(tag: string): RecordType['fields'] | undefined {
    const fields = this.table.records.get(tag)?.fields ?? KNOWN_FIELDS.get(tag);
    return fields !== undefined && fields.length > 0 ? fields : undefined;
  }

  fieldType(type: CType, name: string): CType {
    return this.field(type, name)?.type ?? { kind: 'unknown', name };
  }

  private field(type: CType, name: string): Field | undefined {
    return type.kind === 'record' ? this.fieldsOf(type.tag)?.find((f) => f.name === name) : undefined;
  }

  /** The way from a record to a member of it. */
  pathTo(type: CType, name: string): readonly PathElement[] {
    const at = this.field(type, name)?.shares ?? name;
    return at === '' ? [] : at.split('.').map((field) => ({ kind: 'field', name: field }));
  }

  /** Names of members, each the first of its record, that lead from a record to one that begins it. */
  wayToFirst(from: CType, to: string): readonly string[] | undefined {
    const way: string[] = [];
    for (let at = from; at.kind === 'record' && !at.union && way.length < MAX_NESTING; ) {
      const first = this.fieldsOf(at.tag)?.[0];
      if (first === undefined) return undefined;
      way.push(first.name);
      at = first.type;
      if (at.kind === 'record' && at.tag === to) return way;
    }
    return undefined;
  }

  /** The array of records in the place of a union; undefined where there is none. */
  tableIn(type: CType): CType | undefined {
    const fields = type.kind === 'record' && type.union ? this.table.records.get(type.tag)?.fields : undefined;
    return fields?.find((f) => f.shares === '' && f.type.kind === 'array' && f.type.overlay !== true)?.type;
  }

  /** Size in bytes, or undefined when it is not known. */
  sizeOf(type: CType): number | undefined {
    return this.layout(type, 0)?.size;
  }

  private layout(type: CType, depth: number): { size: number; alignment: number } | undefined {
    if (depth > 16) return undefined;
    switch (type.kind) {
      case 'integer':
        return { size: type.bytes, alignment: type.bytes };
      case 'pointer':
        return { size: 8, alignment: 8 };
      case 'array': {
        const of = this.layout(type.of, depth + 1);
        return of === undefined || type.length === undefined
          ? undefined
          : { size: of.size * type.length, alignment: of.alignment };
      }
      case 'record': {
        const known = KNOWN_SIZES.get(type.tag);
        if (known !== undefined) return { size: known, alignment: KNOWN_ALIGNMENTS.get(type.tag) ?? 8 };
        const r = this.table.records.get(type.tag);
        if (r === undefined || r.fields.length === 0) return undefined;
        let size = 0;
        let alignment = 1;
        for (const f of r.fields) {
          const l = this.layout(f.type, depth + 1);
          if (l === undefined) return undefined;
          alignment = Math.max(alignment, l.alignment);
          if (r.union) size = Math.max(size, l.size);
          else size = Math.ceil(size / l.alignment) * l.alignment + l.size;
        }
        return { size: Math.ceil(size / alignment) * alignment, alignment };
      }
      case 'unknown': {
        const known = KNOWN_SIZES.get(type.name);
        return known === undefined ? undefined : { size: known, alignment: KNOWN_ALIGNMENTS.get(type.name) ?? 8 };
      }
      default:
        return undefined;
    }
  }
}

function isRecords(type: CType): boolean {
  return type.kind === 'record' || (type.kind === 'array' && type.of.kind === 'record');
}

/** Members of a union of a record, or some, and bytes lie in one place: who stores by the one looks by the other. */
function overlay(fields: Field[]): void {
  const isBytes = ({ type }: Field) => type.kind === 'array' && type.of.kind === 'integer' && type.of.bytes === 1;
  const records = fields.find((f) => isRecords(f.type));
  if (records === undefined || !fields.some(isBytes)) return;
  for (const [i, f] of fields.entries()) {
    const lies = records.type.kind === 'record' && f.type.kind === 'array' && isBytes(f);
    fields[i] = { ...f, type: lies ? { ...f.type, overlay: true } : f.type, shares: '' };
  }
}

export function record(tag: string): CType {
  return { kind: 'record', tag, union: false };
}

function primitive(name: string): CType {
  switch (name) {
    case 'void':
      return VOID;
    case 'char':
      return { kind: 'integer', bytes: 1, signed: true };
    case 'float':
    case 'double':
      return { kind: 'floating' };
    case 'int':
      return INT;
    default:
      return NAMED.get(name) ?? INT;
  }
}

function sized(text: string): CType {
  if (text.includes('double') || text.includes('float')) return { kind: 'floating' };
  const signed = !text.includes('unsigned');
  if (text.includes('char')) return { kind: 'integer', bytes: 1, signed };
  if (text.includes('short')) return { kind: 'integer', bytes: 2, signed };
  if (text.includes('long')) return { kind: 'integer', bytes: 8, signed };
  return { kind: 'integer', bytes: 4, signed };
}

export function child(node: SyntaxNode, field: string): SyntaxNode | undefined {
  for (const c of node.children) if (c.field === field) return c;
  return undefined;
}

/** Of a call. */
export function argumentsOf(call: SyntaxNode): SyntaxNode[] {
  return (child(call, 'arguments')?.children ?? []).filter((c) => c.named && c.type !== 'comment');
}
