/** Areas of an address space: finding, splitting and merging them (mm/vma.c). */
import { type Area, type Memory, PAGE, type State } from './state.ts';

export const PROT_READ = 1;
export const PROT_WRITE = 2;

/** Where the arena ends: scripts map nothing behind it. */
export const ARENA_PAGES = 16;
/** validate_range(): the arena begins far above zero, and the address space ends far behind it. */
export const TASK_END = 0x7fff_ffff_f000 - 0x1000_0000_0000;

/** find_vma(): the first area that ends behind the address. */
export function findArea(memory: Memory, address: number): Area | undefined {
  return memory.areas.find((a) => address < a.end);
}

/** vma_lookup(): the area that holds the address. */
export function areaAt(memory: Memory, address: number): Area | undefined {
  const area = findArea(memory, address);
  return area !== undefined && area.start <= address ? area : undefined;
}

export function areasIn(memory: Memory, start: number, end: number): Area[] {
  return memory.areas.filter((a) => a.start < end && start < a.end);
}

export function* pagesIn(start: number, end: number): Generator<number> {
  for (let page = Math.floor(start / PAGE); page * PAGE < end; page++) yield page;
}

/** VM_SHARED. */
export function isShared(area: Area): boolean {
  return area.backing === 'shared' || area.backing === 'sealed';
}

export function pageInObject(area: Area, page: number): number {
  return page - area.start / PAGE + area.pageOffset;
}

/** __split_vma() at both ends; the area that is exactly [start, end) of `area`. */
export function isolate(memory: Memory, area: Area, start: number, end: number): Area {
  let middle = area;
  if (area.start < start) middle = splitAt(memory, area, start);
  if (end < middle.end) splitAt(memory, middle, end);
  return middle;
}

function splitAt(memory: Memory, area: Area, at: number): Area {
  const right: Area = { ...area, start: at, pageOffset: area.pageOffset + (at - area.start) / PAGE };
  area.end = at;
  memory.areas.splice(memory.areas.indexOf(area) + 1, 0, right);
  return right;
}

/** vma_merge_…(): with the neighbour before, then with the one behind. */
export function mergeAround(memory: Memory, area: Area): Area {
  const at = memory.areas.indexOf(area);
  const before = memory.areas[at - 1];
  const merged = before !== undefined && mergeable(before, area) ? join(memory, before, area) : area;
  const behind = memory.areas[memory.areas.indexOf(merged) + 1];
  return behind !== undefined && mergeable(merged, behind) ? join(memory, merged, behind) : merged;
}

function join(memory: Memory, left: Area, right: Area): Area {
  left.end = right.end;
  left.hasUncowedParents ||= right.hasUncowedParents;
  left.anonVma ||= right.anonVma;
  memory.areas.splice(memory.areas.indexOf(right), 1);
  return left;
}

/** is_mergeable_vma() and is_mergeable_anon_vma(). */
function mergeable(left: Area, right: Area): boolean {
  return (
    sameKind(left, right) &&
    left.protection === right.protection &&
    left.context === right.context &&
    (left.anonVma === right.anonVma ||
      (left.anonVma === 0 && !right.hasUncowedParents) ||
      (right.anonVma === 0 && !left.hasUncowedParents))
  );
}

/** anon_vma_compatible(), which looks at neither protection nor context. */
function sameKind(left: Area, right: Area): boolean {
  return (
    left.end === right.start &&
    left.backing === right.backing &&
    left.object === right.object &&
    left.modes === right.modes &&
    left.dontFork === right.dontFork &&
    left.wipeOnFork === right.wipeOnFork &&
    right.pageOffset === left.pageOffset + (right.start - left.start) / PAGE
  );
}

/** anon_vma_prepare(): takes the neighbour's where it may. */
export function prepareAnonVma(state: State, memory: Memory, area: Area): void {
  if (area.anonVma !== 0) return;
  const at = memory.areas.indexOf(area);
  const behind = memory.areas[at + 1];
  const before = memory.areas[at - 1];
  if (behind !== undefined && sameKind(area, behind) && !behind.hasUncowedParents) area.anonVma = behind.anonVma;
  if (area.anonVma === 0 && before !== undefined && sameKind(before, area) && !before.hasUncowedParents)
    area.anonVma = before.anonVma;
  if (area.anonVma === 0) area.anonVma = state.nextAnonVma++;
}

/** unmap_region(): the pages and their markers go, then the areas. */
export function removeRange(memory: Memory, start: number, end: number): void {
  for (const area of areasIn(memory, start, end)) {
    const gone = isolate(memory, area, Math.max(start, area.start), Math.min(end, area.end));
    for (const page of pagesIn(gone.start, gone.end)) delete memory.pages[page];
    memory.areas.splice(memory.areas.indexOf(gone), 1);
  }
}

export function insertArea(memory: Memory, area: Area): Area {
  const behind = memory.areas.findIndex((a) => area.end <= a.start);
  memory.areas.splice(behind === -1 ? memory.areas.length : behind, 0, area);
  return mergeAround(memory, area);
}

/** validate_range(). */
export function rangeIsValid(start: number, length: number): boolean {
  return start % PAGE === 0 && length % PAGE === 0 && length > 0 && start + length <= TASK_END;
}
