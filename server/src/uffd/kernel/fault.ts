/** Memory access: which page it finds, and when a userfaultfd has to answer (mm/memory.c, mm/shmem.c, handle_userfault()). */
import { REGISTER_MINOR, REGISTER_MISSING, REGISTER_WP } from '../modes.ts';
import { areaAt, PROT_WRITE, pageInObject, pagesIn, prepareAnonVma } from './areas.ts';
import { E, type Result, result, SIGNAL } from './calls.ts';
import { runBeginning } from './schedule.ts';
import { type Access, type Area, type Memory, PAGE, type PageEntry } from './state.ts';
import { wakeReaders } from './waits.ts';
import {
  contextOfArea,
  hasFeature,
  type MaySleep,
  memoryOf,
  OutsideModel,
  SLEEPS,
  taskOf,
  type World,
} from './world.ts';

const FEATURE_SIGBUS = 0x80n;
const FEATURE_WP_ASYNC = 0x8000n;

/** What a fault ends with: the access is tried again, fails with a signal, or sleeps. */
type FaultEnd = 'again' | keyof typeof SIGNAL | typeof SLEEPS;

/** exc_page_fault() until the access goes through. */
export function accessMemory(w: World, task: number, access: Access): MaySleep<Result> {
  const memory = memoryOf(w, task);
  for (;;) {
    const area = areaAt(memory, access.address);
    const end = area === undefined ? 'SIGSEGV' : tryAccess(w, task, memory, area, access);
    if (end === SLEEPS) return SLEEPS;
    if (typeof end === 'number') return result(access.user ? end : 0);
    if (end !== 'again') return result(access.user ? SIGNAL[end] : E.EFAULT);
  }
}

/** The byte, or why there is none. */
function tryAccess(w: World, task: number, memory: Memory, area: Area, access: Access): FaultEnd | number {
  if (area.protection === 0 || (access.write && !(area.protection & PROT_WRITE))) return 'SIGSEGV';
  if (area.backing === 'file' || area.backing === 'sealed') throw new OutsideModel('the content of a file');
  const page = Math.floor(access.address / PAGE);
  const entry = memory.pages[page];
  if (entry === undefined) return do_pte_missing(w, task, memory, area, page, access, false);
  if (entry.kind === 'marker') return handle_pte_marker(w, task, memory, area, page, access, entry);
  if (!access.write) return contentOf(w, area, page, entry);
  const end = do_wp_page(w, task, area, entry, access);
  if (end !== 'again') return end;
  // A copy of the page takes a struct anon_vma; that of the parent stands for a page that fork shares.
  if (entry.kind === 'private' && entry.zero) prepareAnonVma(w.state, memory, area);
  write(w, area, page, entry, access.value);
  return 0;
}

function contentOf(w: World, area: Area, page: number, entry: PageEntry): number {
  if (entry.kind === 'private') return entry.value;
  return w.state.sharedObjects[area.object!]!.pages[pageInObject(area, page)] ?? 0;
}

function write(w: World, area: Area, page: number, entry: PageEntry, value: number): void {
  if (entry.kind === 'private') {
    entry.value = value;
    entry.exclusive = true;
    entry.zero = false;
  } else if (entry.kind === 'shared') {
    w.state.sharedObjects[area.object!]!.pages[pageInObject(area, page)] = value;
  }
}

/** A write to a page that is there: the userfaultfd's part of do_wp_page(). */
function do_wp_page(w: World, task: number, area: Area, entry: PageEntry, access: Access): FaultEnd {
  if (entry.kind === 'marker' || !entry.writeProtected || entry.writable) return 'again';
  if (area.modes & REGISTER_WP) {
    if (!hasFeature(contextOfArea(w, area)!, FEATURE_WP_ASYNC))
      return handle_userfault(w, task, area, access, REGISTER_WP);
    entry.writeProtected = false;
    return 'again';
  }
  // The bit was left by a registration that is gone. A page that is reused keeps it, a copy of the page has none.
  const copied =
    entry.kind === 'private' && (entry.zero || (!entry.exclusive && w.choose(2, 'left-over protection bit') === 0));
  if (copied) entry.writeProtected = false;
  else entry.writable = true;
  return 'again';
}

function handle_pte_marker(
  w: World,
  task: number,
  memory: Memory,
  area: Area,
  page: number,
  access: Access,
  marker: Extract<PageEntry, { kind: 'marker' }>,
): FaultEnd {
  if (marker.poison) return 'SIGBUS';
  if (!(area.modes & REGISTER_WP)) {
    delete memory.pages[page];
    return 'again';
  }
  return do_pte_missing(w, task, memory, area, page, access, marker.writeProtected);
}

function do_pte_missing(
  w: World,
  task: number,
  memory: Memory,
  area: Area,
  page: number,
  access: Access,
  writeProtected: boolean,
): FaultEnd {
  return area.backing === 'anonymous'
    ? do_anonymous_page(w, task, memory, area, page, access, writeProtected)
    : shmem_fault(w, task, memory, area, page, access, writeProtected);
}

function do_anonymous_page(
  w: World,
  task: number,
  memory: Memory,
  area: Area,
  page: number,
  access: Access,
  writeProtected: boolean,
): FaultEnd {
  if (access.write) prepareAnonVma(w.state, memory, area);
  if (area.modes & REGISTER_MISSING) return handle_userfault(w, task, area, access, REGISTER_MISSING);
  memory.pages[page] = {
    kind: 'private',
    value: 0,
    exclusive: access.write,
    zero: !access.write,
    writeProtected,
    writable: false,
  };
  return 'again';
}

function shmem_fault(
  w: World,
  task: number,
  memory: Memory,
  area: Area,
  page: number,
  access: Access,
  writeProtected: boolean,
): FaultEnd {
  const object = w.state.sharedObjects[area.object!]!;
  const cached = object.pages[pageInObject(area, page)] !== undefined;
  if (!access.write && do_fault_around(w, memory, area, page)) return 'again';
  if (cached && area.modes & REGISTER_MINOR) return handle_userfault(w, task, area, access, REGISTER_MINOR);
  if (!cached) {
    if (area.modes & REGISTER_MISSING) return handle_userfault(w, task, area, access, REGISTER_MISSING);
    object.pages[pageInObject(area, page)] = 0;
  }
  memory.pages[page] = { kind: 'shared', writeProtected, writable: false };
  return 'again';
}

/** A read maps all cached pages of the window of 16 pages, unless the area must see each first access (uffd_disable_fault_around()). */
function do_fault_around(w: World, memory: Memory, area: Area, page: number): boolean {
  if (area.modes & (REGISTER_WP | REGISTER_MINOR)) return false;
  const object = w.state.sharedObjects[area.object!]!;
  const window = Math.floor(page / 16) * 16;
  for (const p of pagesIn(Math.max(window * PAGE, area.start), Math.min((window + 16) * PAGE, area.end))) {
    if (memory.pages[p] === undefined && object.pages[pageInObject(area, p)] !== undefined)
      memory.pages[p] = { kind: 'shared', writeProtected: false, writable: false };
  }
  return memory.pages[page] !== undefined;
}

/** The task queues its fault and sleeps until somebody answers. */
function handle_userfault(w: World, task: number, area: Area, access: Access, reason: number): FaultEnd {
  const context = contextOfArea(w, area)!;
  if (hasFeature(context, FEATURE_SIGBUS)) return 'SIGBUS';
  if (!access.user && context.userModeOnly) return 'SIGBUS';
  runBeginning(w, 'poison', 'poison during fault');
  const t = taskOf(w, task);
  t.wait = { kind: 'fault', context: area.context!, access, reason };
  t.status = 'waiting';
  context.pendingFaults.push(task);
  wakeReaders(w, area.context!);
  return SLEEPS;
}
