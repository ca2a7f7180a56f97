/** What the engine sees of a function, as text for a person. */
import type { Program } from '../engine/context.ts';
import { StateRecorder } from '../engine/dump.ts';
import { runEngine } from '../engine/engine.ts';
import type { LinkedProgram } from '../engine/program.ts';
import { dump } from '../ir/dump.ts';
import { printGraph, toDot } from '../ir/graph.ts';
import type { FunctionBody } from '../ir/ir.ts';
import { LineIndex } from '../text/line-index.ts';
import type { Span } from '../text/span.ts';
import { bodiesOf, placeOf } from './notes.ts';
import type { Unit } from './units.ts';

export const DUMP_KINDS = ['ir', 'cfg', 'states'] as const;
export type DumpKind = (typeof DUMP_KINDS)[number];

export interface DumpRequest {
  readonly kind: DumpKind;
  readonly function: string;
  /** For Graphviz instead of for people. */
  readonly dot: boolean;
}

/** One text for each function of that name. */
export async function dumpFunctions(
  request: DumpRequest,
  units: readonly Unit[],
  link: () => readonly LinkedProgram[],
): Promise<string[]> {
  const texts = new Map(units.flatMap((u) => [...u.texts]));
  const lineOf = (span: Span) => `${span.file}:${new LineIndex(texts.get(span.file) ?? '').position(span.start).line}`;
  const bodies = bodiesOf(units).filter((f) => f.name === request.function);
  const recorder = new StateRecorder((body) => bodies.some((b) => placeOf(b.nameSpan) === placeOf(body.nameSpan)));
  if (request.kind === 'states') {
    for (const program of link()) {
      if (!program.bodies.some((b) => b.name === request.function)) continue;
      const visiting: Program['visiting'] = (ctx, block, state) => recorder.note(ctx, block, state);
      await runEngine({ ...program, visiting });
    }
  }
  const states = (body: FunctionBody, block: number) => recorder.linesOf(body, block, lineOf);
  return bodies.map((body) => {
    const of = `${request.kind} of ${body.name}, ${lineOf(body.nameSpan)}`;
    if (request.dot) {
      const notes = request.kind === 'states' ? (b: { readonly id: number }) => states(body, b.id) : undefined;
      return `// ${of}\n${toDot(body, notes)}\n`;
    }
    if (request.kind === 'states') {
      const blocks = body.blocks.map((b) => [
        `B${b.id}${b.loopHead ? '*' : ''}`,
        ...states(body, b.id).map((l) => `  ${l}`),
      ]);
      return `# ${of}\n${blocks.flat().join('\n')}\n`;
    }
    return `# ${of}\n${request.kind === 'ir' ? dump(body) : printGraph(body)}\n`;
  });
}
