/** Which files and address spaces still have a holder, and what happens when the last one lets go. */

import { REGISTER_WP } from '../modes.ts';
import { areasIn, mergeAround, pagesIn } from './areas.ts';
import type { Area, Context, EventMessage, ForkInProgress, Memory, State } from './state.ts';
import { abandonEvent, wakeTask, wakeUserfault } from './waits.ts';
import { contextOfArea, type World } from './world.ts';

/** mm_users: processes, and forks in progress, whose child has a copy before it exists. */
export function memoryIsAlive(state: State, memory: number): boolean {
  return (
    state.processes.some((p) => p.alive && p.memory === memory) ||
    forksInProgress(state).some((f) => f.memory === memory)
  );
}

export function forksInProgress(state: State): ForkInProgress[] {
  return state.tasks.flatMap((t) => (t.wait?.kind === 'event' && t.wait.then.kind === 'fork' ? [t.wait.then] : []));
}

function fileIsHeld(w: World, file: number): boolean {
  const { state } = w;
  const tables = new Set([...w.tablesInMaking, ...state.processes.filter((p) => p.alive).map((p) => p.table)]);
  for (const f of forksInProgress(state)) tables.add(f.table);
  return (
    [...tables].some((t) => Object.values(state.tables[t]!.entries).some((d) => d.file === file)) ||
    // The read that sleeps holds the file through fdget().
    state.tasks.some((t) => t.wait?.kind === 'read' && t.wait.file === file)
  );
}

/** __fput() of every file that nothing holds any more. */
export function releaseUnheldFiles(w: World): void {
  w.state.files.forEach((file, id) => {
    if (!file.open || fileIsHeld(w, id)) return;
    file.open = false;
    userfaultfd_release(w, file.context);
  });
}

/** userfaultfd_release(): disarms, then lets everybody go who waits. */
function userfaultfd_release(w: World, id: number): void {
  const context = w.state.contexts[id]!;
  context.released = true;
  if (memoryIsAlive(w.state, context.memory)) userfaultfd_release_all(w, context, id);
  wakeUserfault(w, context, 0, 0);
  for (const task of [...context.events]) abandonEvent(w, task);
}

function userfaultfd_release_all(w: World, context: Context, id: number): void {
  const memory = w.state.memories[context.memory]!;
  for (const area of memory.areas.filter((a) => a.context === id)) {
    // An earlier merge may have taken it in.
    if (memory.areas.includes(area)) userfaultfd_clear_vma(w, memory, area);
  }
}

/** Takes the registration from an area, and write-protection with it. */
export function userfaultfd_clear_vma(w: World, memory: Memory, area: Area): void {
  if (area.modes & REGISTER_WP) uffd_wp_range(w, memory, area, area.start, area.end, false);
  area.context = undefined;
  area.modes = 0;
  mergeAround(memory, area);
}

/** userfaultfd_reset_ctx(): the same for an area that its context must not know; bits of the page table stay. */
export function userfaultfd_reset_ctx(area: Area): void {
  area.context = undefined;
  area.modes = 0;
}

/** uffd_wp_range() and change_pte_range() below it. */
export function uffd_wp_range(
  w: World,
  memory: Memory,
  area: Area,
  start: number,
  end: number,
  protect: boolean,
): void {
  for (const page of pagesIn(start, end)) {
    const entry = memory.pages[page];
    if (entry === undefined) {
      // userfaultfd_wp_use_markers(): shared memory always notes it, private memory by feature only.
      if (protect && (area.backing !== 'anonymous' || wpUnpopulated(w, area)))
        memory.pages[page] = { kind: 'marker', poison: false, writeProtected: true };
    } else if (entry.kind === 'marker') {
      if (!protect && !entry.poison && entry.writeProtected) delete memory.pages[page];
    } else {
      entry.writeProtected = protect;
      entry.writable = false;
    }
  }
}

const WP_UNPOPULATED = 1 << 13;

function wpUnpopulated(w: World, area: Area): boolean {
  return ((contextOfArea(w, area)?.features ?? 0) & WP_UNPOPULATED) !== 0;
}

/** The child's context of a message that nobody will read: its areas forget it (the end of the wait for the event). */
export function disposeOfChild(w: World, event: EventMessage): void {
  if (event.event !== 'fork') return;
  const child = w.state.contexts[event.child]!;
  for (const area of w.state.memories[child.memory]!.areas)
    if (area.context === event.child) userfaultfd_reset_ctx(area);
  child.released = true;
}

/** mmput() of the last user, when a process ends or becomes another program. */
export function dropUnusedMemories(w: World): void {
  w.state.memories.forEach((memory, id) => {
    if (memory.areas.length === 0 || memoryIsAlive(w.state, id)) return;
    for (const area of areasIn(memory, 0, Number.MAX_SAFE_INTEGER)) {
      for (const page of pagesIn(area.start, area.end)) delete memory.pages[page];
    }
    memory.areas = [];
  });
}

/** complete_vfork_done(): the parent goes on when the child has let go of the address space. */
export function releaseVforkParents(w: World, process: number): void {
  w.state.tasks.forEach((t, id) => {
    if (t.wait?.kind === 'vfork' && w.state.tasks[t.wait.child]?.process === process) wakeTask(w, id);
  });
}
