/**
 * Scripts. fast-check makes sequences of numbers; each becomes an operation that makes sense in the state that the
 * model expects at that point: a descriptor that is open, a page that is armed, a fault that waits. So scripts get deep
 * into the protocol, and shrinking the numbers still gives scripts.
 */
import fc from 'fast-check';
import { pageInObject, pagesIn } from '../../src/uffd/kernel/areas.ts';
import { type Call, type Operation, REQUEST_NAMES } from '../../src/uffd/kernel/calls.ts';
import type { Kernel } from '../../src/uffd/kernel/kernel.ts';
import { ADVICE } from '../../src/uffd/kernel/madvise.ts';
import { type Area, type Context, type Memory, PAGE, type PageEntry, type State } from '../../src/uffd/kernel/state.ts';
import { OutsideModel } from '../../src/uffd/kernel/world.ts';

/** The numbers that one operation is made from. */
type Intent = readonly number[];
const NUMBERS = 14;
export const LONGEST = 20;

const EVENTS = [0x2, 0x4, 0x8, 0x40] as const;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const PAGES_IN_USE = 12;
const MOST_TASKS = 20;

export function intents(longest = LONGEST): fc.Arbitrary<Intent[]> {
  const one = fc.array(fc.nat(0xffff), { minLength: NUMBERS, maxLength: NUMBERS });
  return fc.array(one, { minLength: Math.min(10, longest), maxLength: longest, size: 'max' });
}

export function scripts(kernel: Kernel, longest = LONGEST): fc.Arbitrary<Operation[]> {
  return intents(longest).map((all) => resolve(kernel, all));
}

export function resolve(kernel: Kernel, all: readonly Intent[]): Operation[] {
  const script: Operation[] = [];
  let state = kernel.boot();
  let nextTask = state.tasks.length;
  for (const intent of all) {
    const operation = new Maker(state, intent, nextTask).operation();
    try {
      // One of the outcomes, as a guess of where the kernel will be.
      state = kernel.outcomes(state, operation)[0]!.state;
    } catch (error) {
      if (error instanceof OutsideModel) continue;
      throw error;
    }
    if (operation.task !== undefined)
      for (const call of [...operation.calls, ...(operation.beside?.calls ?? [])])
        if (call.name === 'clone') nextTask = call.child + 1;
    script.push(operation);
  }
  return script;
}

interface Target {
  readonly fd: number;
  readonly start: number;
  readonly length: number;
}

type Choice = readonly [weight: number, make: () => Call];

class Maker {
  private readonly state: State;
  private readonly intent: Intent;
  private nextTask: number;
  private at = 0;
  private task = 0;

  constructor(state: State, intent: Intent, nextTask: number) {
    this.state = state;
    this.intent = intent;
    this.nextTask = nextTask;
  }

  operation(): Operation {
    const idle = this.state.tasks.flatMap((t, id) => (t.status === 'idle' ? [id] : []));
    const living = this.state.tasks.flatMap((t, id) => (t.status === 'gone' ? [] : [id]));
    const waiting = living.filter((id) => this.state.tasks[id]!.wait !== undefined);
    const turn = this.number(100);
    if (turn < 3 && living.length > 0 && (idle.length > 1 || waiting.length > 0)) {
      const task = this.pick(waiting.length > 0 && this.chance(70) ? waiting : living)!;
      if (this.chance(70) || this.state.tasks[task]!.process === 0)
        return { task: undefined, intervention: { name: 'signal', task, restart: this.chance(50) } };
      return { task: undefined, intervention: { name: 'kill', task } };
    }
    this.task = this.pick(idle.length > 0 && !this.chance(3) ? idle : living) ?? 0;
    const calls = [this.call()];
    // A task that was to end and sleeps in an earlier call would end at some later step.
    const ends = (call: Call) => call.name === 'exit' || call.name === 'exec';
    // These are several system calls in the driver, and another task may take a number in between.
    const isCompound = (call: Call) => call.name === 'device' || call.name === 'epoll';
    if (turn >= 90 && !ends(calls[0]!)) {
      const second = this.call();
      if (!ends(second)) calls.push(second);
    } else if (turn >= 84 && !ends(calls[0]!) && !isCompound(calls[0]!)) {
      const task = this.task;
      const other = this.pick(idle.filter((id) => id !== task));
      if (other !== undefined) {
        this.task = other;
        const call = this.call();
        if (!ends(call) && !isCompound(call)) return { task, calls, beside: { task: other, calls: [call] } };
      }
      this.task = task;
    }
    return { task: this.task, calls };
  }

  private call(): Call {
    const choices = this.choices();
    const total = choices.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.number(total);
    for (const [weight, make] of choices) {
      if (left < weight) return make();
      left -= weight;
    }
    return { name: 'poll', fd: this.descriptor() };
  }

  private choices(): Choice[] {
    const fds = this.descriptors();
    const contexts = fds.map((fd) => this.contextOf(fd)!);
    const fresh = contexts.some((c) => c.features === undefined);
    const enabled = contexts.some((c) => c.features !== undefined);
    const areas = this.areas();
    const armed = areas.some((a) => a.context !== undefined);
    const unarmed = areas.some((a) => a.context === undefined && a.backing !== 'sealed' && a.backing !== 'file');
    // A context that could own an area: two of them make a fork send two messages.
    const free = fds.some((fd) => this.isFree(fd));
    const messages = contexts.some((c) => c.pendingFaults.length + c.events.length > 0);
    const faults = contexts.some((c) => c.pendingFaults.length + c.readFaults.length > 0);
    const few = this.nextTask < MOST_TASKS;
    return [
      [fds.length === 0 ? 300 : fds.length < 3 ? 10 : 1, () => ({ name: 'userfaultfd', flags: this.creationFlags() })],
      [1, () => ({ name: 'device', flags: this.creationFlags() })],
      [fresh ? (enabled ? 30 : 400) : 1, () => this.api()],
      [areas.length === 0 ? 200 : free && !unarmed ? 40 : areas.length < 3 ? 8 : 2, () => this.mmap()],
      [enabled && areas.length > 0 ? (armed ? (free && unarmed ? 150 : 8) : 400) : 1, () => this.register()],
      [armed ? 3 : 1, () => ({ name: 'unregister', fd: this.descriptor(), ...this.range() })],
      [faults ? 8 : 1, () => ({ name: 'wake', fd: this.descriptor(), ...this.range() })],
      [armed ? (faults ? 30 : 10) : 1, () => this.copy()],
      [armed ? 6 : 1, () => this.fill('zeropage', 3)],
      [armed ? 5 : 1, () => this.fill('continue', 3)],
      [armed ? 3 : 1, () => this.fill('poison', 1)],
      [armed ? 5 : 1, () => this.move()],
      [armed ? 8 : 1, () => this.fill('writeprotect', 3)],
      [messages ? 60 : 5, () => this.read()],
      [
        messages ? 8 : 4,
        () => ({ name: this.pick(['poll', 'poll', 'select', 'epoll'] as const)!, fd: this.descriptor() }),
      ],
      [1, () => ({ name: this.pick(['write', 'unknown-ioctl'] as const)!, fd: this.descriptor() })],
      [3, () => ({ name: 'close', fd: this.descriptor() })],
      [2, () => ({ name: 'dup', fd: this.descriptor() })],
      [1, () => ({ name: this.pick(['getfl', 'getfd'] as const)!, fd: this.descriptor() })],
      [2, () => ({ name: 'setfl', fd: this.descriptor(), flags: this.chance(60) ? O_NONBLOCK : 0 })],
      [1, () => ({ name: 'setfd', fd: this.descriptor(), flags: this.number(2) })],
      [areas.length > 0 ? 5 : 1, () => ({ name: 'munmap', ...this.range() })],
      [areas.length > 0 ? 5 : 1, () => this.mremap()],
      [areas.length > 0 ? 8 : 1, () => ({ name: 'madvise', ...this.range(), advice: this.advice() })],
      [areas.length > 0 ? 22 : 3, () => this.access()],
      [few ? (armed ? 16 : 3) : 0, () => this.clone()],
      [armed ? 2 : 0.2, () => ({ name: 'failing-clone', late: this.chance(75) })],
      [1, () => ({ name: 'bad-argument', fd: this.descriptor(), request: this.pick(REQUEST_NAMES)! })],
      [0.5, () => ({ name: this.pick(['lseek', 'pread', 'map-descriptor'] as const)!, fd: this.descriptor() })],
      [0.5, () => ({ name: 'drop-privilege' })],
      [this.task > 2 ? 5 : 0, () => ({ name: 'exit' })],
      [this.task > 2 ? 2 : 0, () => ({ name: 'exec' })],
      [1, () => ({ name: 'nofile', limit: this.chance(50) ? 64 : 3 + this.number(5) })],
    ];
  }

  private creationFlags(): number {
    return (
      (this.chance(75) ? O_NONBLOCK : 0) |
      (this.chance(50) ? O_CLOEXEC : 0) |
      (this.chance(10) ? 1 : 0) |
      (this.chance(4) ? 64 : 0)
    );
  }

  private api(): Call {
    let features = this.chance(70) ? EVENTS[0] : 0;
    for (const bit of EVENTS.slice(1)) if (this.chance(30)) features |= bit;
    const extra = this.number(40);
    if (extra === 0) features |= 1 << 7;
    if (extra === 1 || extra === 2) features |= 1 << 8;
    if (extra === 3 || extra === 4) features |= 1 << 11;
    if (extra === 5 || extra === 6) features |= 1 << 13;
    if (extra === 7 || extra === 8) features |= 1 << 15;
    if (extra === 9) features = 0x1ffff & ~0x80;
    if (extra === 10) features += this.pick([1 << 17, 2 ** 31, 2 ** 40])!;
    return {
      name: 'api',
      fd: this.descriptorWhere((c) => c.features === undefined),
      api: this.chance(97) ? 0xaa : 0xab,
      features,
    };
  }

  private mmap(): Call {
    const backing = this.pick(['anonymous', 'anonymous', 'anonymous', 'shared', 'shared'] as const)!;
    const kind = this.chance(96) ? backing : this.pick(['file', 'sealed'] as const)!;
    return {
      name: 'mmap',
      start: this.number(PAGES_IN_USE - 2) * PAGE,
      length: (1 + this.number(5)) * PAGE,
      backing: kind,
      protection: kind === 'sealed' ? 1 : this.chance(94) ? 3 : this.pick([0, 1])!,
    };
  }

  private register(): Call {
    const free = this.descriptors().filter((fd) => this.isFree(fd));
    const enabled = () => this.descriptorWhere((c) => c.features !== undefined);
    const fd = this.chance(70) ? (this.pick(free) ?? enabled()) : enabled();
    if (this.chance(20))
      return { name: 'register', fd, ...this.range(), mode: this.pick([1, 1, 3, 2, 4, 5, 7, 0, 8])! };
    const mine = this.memory().areas.filter(
      (a) => a.context === undefined && (this.chance(4) || (a.backing !== 'file' && a.backing !== 'sealed')),
    );
    const area = this.pick(mine) ?? this.area();
    const modes = area?.backing === 'shared' ? [1, 1, 1, 3, 2, 4, 5, 7] : [1, 1, 1, 1, 1, 3, 3, 2];
    if (area === undefined || this.chance(25))
      return { name: 'register', fd, ...this.range(), mode: this.pick(modes)! };
    return { name: 'register', fd, start: area.start, length: area.end - area.start, mode: this.pick(modes)! };
  }

  private copy(): Call {
    return {
      name: 'copy',
      ...this.target((entry) => entry === undefined),
      mode: this.pick([0, 0, 0, 0, 0, 1, 2, 3, 4])!,
      value: 1 + this.number(200),
      badSource: this.chance(3),
    };
  }

  private fill(name: 'zeropage' | 'continue' | 'poison' | 'writeprotect', modes: number): Call {
    const mode = this.chance(60) ? (name === 'writeprotect' ? this.number(2) : 0) : this.number(modes + 2);
    const wanted = (entry: PageEntry | undefined, area: Area, page: number) => {
      if (name === 'writeprotect') return (area.modes & 2) !== 0;
      if (name !== 'continue') return entry === undefined;
      return entry === undefined && area.object !== undefined && this.cached(area, page);
    };
    return { name, ...this.target(wanted), mode };
  }

  private move(): Call {
    const target = this.target((entry, area) => entry === undefined && area.backing === 'anonymous');
    const { areas, pages } = this.memory();
    const sources = areas.flatMap((a) =>
      [...pagesIn(a.start, a.end)].filter((page) => a.backing === 'anonymous' && pages[page] !== undefined),
    );
    const source = this.chance(80) ? this.pick(sources) : undefined;
    const mode = this.chance(70) ? 0 : this.number(5);
    return { name: 'move', ...target, mode, source: source === undefined ? this.page() : source * PAGE };
  }

  private cached(area: Area, page: number): boolean {
    return this.state.sharedObjects[area.object!]!.pages[pageInObject(area, page)] !== undefined;
  }

  /** Pages for a filling request: where somebody waits, where it can do its work, or anywhere. */
  private target(wanted: (entry: PageEntry | undefined, area: Area, page: number) => boolean): Target {
    const fault = this.chance(40) ? this.faultRange() : undefined;
    if (fault !== undefined) return fault;
    const fd = this.descriptorWhere((c) => c.features !== undefined);
    const context = this.contextOf(fd);
    if (context === undefined || this.chance(30)) return { fd, ...this.range() };
    const { areas, pages } = this.state.memories[context.memory]!;
    const found = areas
      .filter((a) => a.context !== undefined)
      .flatMap((area) =>
        [...pagesIn(area.start, area.end)]
          .filter((page) => wanted(pages[page], area, page))
          .map((page) => ({ area, page })),
      );
    const chosen = this.pick(found);
    if (chosen === undefined) return { fd, ...this.range() };
    const most = chosen.area.end / PAGE - chosen.page + (this.chance(10) ? 1 : 0);
    return { fd, start: chosen.page * PAGE, length: (1 + this.number(Math.min(3, most))) * PAGE };
  }

  private read(): Call {
    const how = this.pick([
      ...(Array(12).fill('read') as 'read'[]),
      'readv',
      'readv',
      'bad-pointer',
      'nowait',
    ] as const)!;
    const bytes = how === 'readv' || how === 'nowait' ? 32 : this.pick([32, 32, 32, 32, 64, 96, 128, 63, 31, 0])!;
    return { name: 'read', fd: this.descriptorWhere((c) => c.pendingFaults.length + c.events.length > 0), bytes, how };
  }

  private mremap(): Call {
    const area = this.area();
    if (area === undefined)
      return { name: 'mremap', start: this.page(), length: PAGE, newLength: PAGE, flags: 3, to: this.page() };
    const pages = (area.end - area.start) / PAGE;
    const skip = this.chance(60) ? 0 : this.number(pages);
    const length = this.chance(60) ? pages - skip : 1 + this.number(pages - skip);
    const start = area.start + skip * PAGE;
    if (this.chance(25) && length > 1)
      return {
        name: 'mremap',
        start,
        length: length * PAGE,
        newLength: (1 + this.number(length - 1)) * PAGE,
        flags: 0,
        to: 0,
      };
    return {
      name: 'mremap',
      start,
      length: length * PAGE,
      newLength: length * PAGE,
      flags: this.chance(75) ? 3 : 7,
      to: this.page(),
    };
  }

  private advice(): number {
    return this.pick([
      ADVICE.DONTNEED,
      ADVICE.DONTNEED,
      ADVICE.DONTNEED,
      ADVICE.FREE,
      ADVICE.REMOVE,
      ADVICE.DONTFORK,
      ADVICE.DOFORK,
      ADVICE.WIPEONFORK,
      ADVICE.KEEPONFORK,
      ADVICE.COLD,
      ADVICE.DONTNEED_LOCKED,
    ])!;
  }

  private access(): Call {
    const area = this.chance(92) ? this.area() : undefined;
    const page = area === undefined ? this.page() : area.start + this.number((area.end - area.start) / PAGE) * PAGE;
    const user = !this.chance(12);
    const write = this.chance(45);
    return {
      name: 'access',
      address: page + (this.chance(20) ? 0x123 : 0),
      write,
      value: user ? 201 + this.number(50) : 0,
      user,
    };
  }

  private clone(): Call {
    const child = this.nextTask++;
    const CLONE_VM = 0x100;
    const CLONE_FILES = 0x400;
    const CLONE_VFORK = 0x4000;
    // CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_SYSVSEM: a thread as pthread_create() makes it.
    const thread = CLONE_VM | CLONE_FILES | 0x200 | 0x800 | 0x10000 | 0x40000;
    const flags = this.pick([
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      CLONE_FILES,
      CLONE_VFORK,
      CLONE_VM,
      CLONE_VM | CLONE_VFORK,
      thread,
    ])!;
    return { name: 'clone', flags, child };
  }

  private range(): { start: number; length: number } {
    if (this.chance(55)) return this.areaRange();
    const start = this.page();
    const wrong = this.number(60);
    if (wrong === 0) return { start: start + 1, length: PAGE };
    if (wrong === 1) return { start, length: PAGE + 1 };
    if (wrong === 2) return { start, length: 0 };
    if (wrong === 3) return { start: 2 ** 50, length: PAGE };
    return { start, length: (1 + this.number(4)) * PAGE };
  }

  private areaRange(): { start: number; length: number } {
    const area = this.area();
    if (area === undefined) return { start: this.page(), length: PAGE };
    const pages = (area.end - area.start) / PAGE;
    if (this.chance(35)) return { start: area.start, length: area.end - area.start };
    const skip = this.number(pages);
    return { start: area.start + skip * PAGE, length: (1 + this.number(Math.min(3, pages - skip))) * PAGE };
  }

  /** A page that somebody waits for, through a descriptor of the context that the fault belongs to. */
  private faultRange(): Target | undefined {
    const found = this.descriptors().flatMap((fd) => {
      const context = this.contextOf(fd)!;
      return [...context.pendingFaults, ...context.readFaults].flatMap((task) => {
        const wait = this.state.tasks[task]!.wait;
        return wait?.kind === 'fault'
          ? [{ fd, start: Math.floor(wait.access.address / PAGE) * PAGE, length: PAGE }]
          : [];
      });
    });
    return this.pick(found);
  }

  private page(): number {
    return this.number(PAGES_IN_USE) * PAGE;
  }

  private memory(): Memory {
    const process = this.state.processes[this.state.tasks[this.task]?.process ?? 0]!;
    return this.state.memories[process.memory]!;
  }

  private areas(): readonly Area[] {
    return this.memory().areas;
  }

  private area(): Area | undefined {
    const armed = this.areas().filter((a) => a.context !== undefined);
    return this.pick(armed.length > 0 && this.chance(75) ? armed : this.areas());
  }

  private descriptors(): number[] {
    const process = this.state.processes[this.state.tasks[this.task]?.process ?? 0]!;
    return Object.keys(this.state.tables[process.table]!.entries).map(Number);
  }

  private descriptor(): number {
    return this.chance(96) ? (this.pick(this.descriptors()) ?? 3) : 3 + this.number(6);
  }

  private descriptorWhere(wanted: (context: Context) => boolean): number {
    const found = this.descriptors().filter((fd) => wanted(this.contextOf(fd)!));
    return found.length > 0 && this.chance(90) ? this.pick(found)! : this.descriptor();
  }

  /** Enabled, of this address space, and without an area. */
  private isFree(fd: number): boolean {
    const context = this.contextOf(fd);
    const id = this.state.contexts.indexOf(context!);
    return (
      context?.features !== undefined &&
      this.memory() === this.state.memories[context.memory] &&
      !this.areas().some((a) => a.context === id)
    );
  }

  private contextOf(fd: number) {
    const process = this.state.processes[this.state.tasks[this.task]?.process ?? 0]!;
    const entry = this.state.tables[process.table]!.entries[fd];
    return entry === undefined ? undefined : this.state.contexts[this.state.files[entry.file]!.context];
  }

  private chance(percent: number): boolean {
    return this.number(100) < percent;
  }

  private pick<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : from[this.number(from.length)];
  }

  /** The next number of the intent; when they are used up they start again, mixed. */
  private number(below: number): number {
    const given = this.intent[this.at % this.intent.length]! + Math.floor(this.at / this.intent.length) * 7919;
    this.at++;
    return below <= 0 ? 0 : given % below;
  }
}
