/** What one instruction takes, makes and does to the outside, in names; steps.ts reads it off. */
import type { FunctionBody, Instruction } from '../../ir/ir.ts';
import type { Name } from './names.ts';

export const NONE: readonly never[] = [];

/** What a call does; nothing of it is said yet. */
export class CallFacts {
  /** It is essential only where a process may be made meanwhile. */
  forForks: boolean = false;
  /** It is done for descriptors alone: a number that tells of none makes no difference. */
  forDescriptors: boolean = false;
  /** A request that matters only where the handshake may be missing. */
  request: boolean = false;
  /** It makes a userfaultfd, or may do its handshake. */
  handshake: boolean = false;
  /** It may make something that memory leads to: allocated memory, a userfaultfd, or what a message brings. */
  makes: boolean = false;
  /** After it this may be another process. */
  forks: boolean = false;
  /** A thread begins with one of the functions that it leads to. */
  startsThread: boolean = false;
  /** A function that the program does not show: it may end it, or do what the program should. */
  unknown: boolean = false;
  /** Control does not come back. */
  ends: boolean = false;
  /** The body that is called. */
  callee: FunctionBody | undefined = undefined;
  /** The bodies that are called for variables whose scope ends. */
  cleanups: readonly FunctionBody[] = NONE;
  /** What the pointer leads to through which functions are called, or started as a thread. */
  through: Name | undefined = undefined;
  given: readonly (readonly Name[])[] = NONE;
}

/** Of all steps that call nothing. */
export const NO_CALL: Readonly<CallFacts> = new CallFacts();

export interface Step {
  readonly instruction: Instruction;
  /** What it does as a call, or by the calls that the end of a scope makes. */
  readonly call: Readonly<CallFacts>;
  /** Done whatever its result is used for. */
  readonly essential: boolean;
  /** Done for what it is given: it matters where one of these may be a descriptor, or tells of one. */
  readonly takes: readonly Name[];
  /** It takes something out of a message, whatever for. */
  readonly looksIntoMessage: boolean;
  /** The step is kept where one of these matters. */
  readonly defines: readonly Name[];
  /** The local record whose member it stores: nobody finds there what it stores unless the record matters. */
  readonly within: Name | undefined;
  /** The record that it copies as a whole: kept where that may hold a descriptor. */
  readonly copied: Name | undefined;
  /** Variables whose scope ends: it is kept where one of them may be the last to hold a child's descriptor. */
  readonly released: readonly Name[];
  /** These matter where the step is kept. */
  readonly uses: readonly Name[];
  /** These matter where the step is kept only to pass a descriptor on: where it lies and where it goes. */
  readonly ways: readonly Name[];
  /** It was found to matter, and what it uses, or what leads to it, was made to: none of that is ever taken back. */
  isKept: boolean;
  usesMatter: boolean;
  waysMatter: boolean;
}

/** `to` holds what `from` held, or says something about it. */
export interface Flow {
  readonly from: Name;
  readonly to: Name;
}

export interface BlockFacts {
  readonly steps: readonly Step[];
  /** Of these, the calls, and the ends of scopes at which something is called. */
  readonly calls: readonly Step[];
  /** Names in the condition, the switch value or the returned value. */
  readonly uses: readonly Name[];
  /** Of these, the ones that are no pointers: their value decides which path is taken. */
  readonly decides: readonly Name[];
  /** Of these, the pointers. */
  readonly pointers: readonly Name[];
  /** The condition or the value takes something out of a message. */
  readonly looksIntoMessage: boolean;
  /** It asks for a pointer to a function, which in a function that looks into messages may be the handler of one. */
  readonly testsFunction: boolean;
  /** Each once. */
  readonly successors: readonly number[];
}

/**
 * A step of which nothing is said yet. A class, so that all steps have one layout: they are asked many thousand times,
 * and V8 makes a table of hashes of an object that is spread from another one before the code is hot.
 */
export class PlainStep implements Step {
  readonly instruction: Instruction;
  readonly call: Readonly<CallFacts>;
  essential: boolean = false;
  takes: readonly Name[] = NONE;
  defines: readonly Name[] = NONE;
  within: Name | undefined = undefined;
  copied: Name | undefined = undefined;
  released: readonly Name[] = NONE;
  uses: readonly Name[] = NONE;
  ways: readonly Name[] = NONE;
  isKept: boolean = false;
  usesMatter: boolean = false;
  waysMatter: boolean = false;

  looksIntoMessage = false;

  constructor(instruction: Instruction, call = NO_CALL) {
    this.instruction = instruction;
    this.call = call;
  }
}
