/** A disagreement as a C program: the driver with this one script in it. */
import { readFileSync } from 'node:fs';
import type { Operation, Work } from '../../src/uffd/kernel/calls.ts';
import { DRIVER_SOURCE } from './driver.ts';
import { encodeScript } from './protocol.ts';
import type { Disagreement } from './shrink.ts';

export function describeOperation(operation: Operation): string {
  if (operation.task === undefined) {
    const { intervention } = operation;
    const how = intervention.name === 'signal' && intervention.restart ? ' with SA_RESTART' : '';
    return `${intervention.name} task ${intervention.task}${how}`;
  }
  const beside = operation.beside === undefined ? '' : ` beside ${describeWork(operation.beside)}`;
  return `${describeWork(operation)}${beside}`;
}

function describeWork({ task, calls }: Work): string {
  const described = calls.map(({ name, ...members }) => {
    const given = Object.entries(members).map(([member, value]) => `${member} ${inWords(member, value)}`);
    return `${name}(${given.join(', ')})`;
  });
  return `task ${task}: ${described.join('; ')}`;
}

function inWords(member: string, value: unknown): string {
  if (typeof value !== 'number') return String(value);
  return ['flags', 'features', 'start', 'length', 'newLength', 'to', 'source', 'address', 'api'].includes(member)
    ? `0x${value.toString(16)}`
    : String(value);
}

export function describeDisagreement(d: Disagreement): string {
  const lines = d.script.map((operation, i) => `${i}  ${describeOperation(operation)}\n     kernel: ${d.report[i]}`);
  return [...lines, ...d.model.map((m) => `     model:  ${m}`)].join('\n');
}

/** Reports of each step: `c0=…` task 0 is done with these results, `b0=F` it sleeps, `n3` is born, `g3` is gone. */
export function standaloneProgram(d: Disagreement): string {
  const words = d.script.map((operation, i) => {
    const model = i === d.script.length - 1 ? d.model.join(' or ') : 'agrees';
    return `\t{ ${JSON.stringify(`${i}  ${describeOperation(operation)}`)}, ${JSON.stringify(model)} },`;
  });
  return [
    '/*',
    ' * A script on which the model of the kernel and the kernel disagree. Build and run:',
    ' *   gcc -O1 -fno-stack-protector -o reproduce reproduce.c && ./reproduce',
    ' * Report of a step: c0=… task 0 is done, with its results; b0=F it sleeps in a fault, E an event, R a read, V vfork;',
    ' * n3 task 3 is born; g3 it is gone; s nothing was done.',
    ' */',
    `#define SCRIPT ${JSON.stringify(encodeScript(0, d.script))}`,
    'static const char *const words[][2] = {',
    ...words,
    '};',
    readFileSync(DRIVER_SOURCE, 'utf8'),
  ].join('\n');
}
