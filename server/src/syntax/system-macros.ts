/**
 * Macros of headers that are never read: those that programs keep their records with, and those of a test harness. An
 * unknown macro may do anything with a record that it gets. What the former do is said by queue(7); only the macros that
 * programs use are here, in words of our own.
 */
import { findDirectives, parseDefine } from './preprocess.ts';
import { isTestHarness, LINUX_TEST_PROJECT, TEST_HARNESS, UNITY } from './test-harness.ts';
import type { MacroDefinition } from './tree.ts';

/** Of a list of this kind, what all four have in common: names of the first element and of the next one. */
function walking(kind: string, first: string, next: string): string {
  return `
#define ${kind}_FIRST(head) ((head)->${first})
#define ${kind}_NEXT(elm, field) ((elm)->field.${next})
#define ${kind}_EMPTY(head) ((head)->${first} == NULL)
#define ${kind}_FOREACH(var, head, field) for ((var) = (head)->${first}; (var) != NULL; (var) = (var)->field.${next})
#define ${kind}_FOREACH_SAFE(var, head, field, tmp) \
for ((var) = (head)->${first}; (var) != NULL && ((tmp) = (var)->field.${next}, 1); (var) = (tmp))
`;
}

/** Lists that know their last element, linked one way. */
function tailed(kind: string, prefix: string): string {
  const [first, last, next] = [`${prefix}h_first`, `${prefix}h_last`, `${prefix}e_next`];
  return `
#define ${kind}_HEAD(name, type) struct name { struct type *${first}; struct type **${last}; }
#define ${kind}_HEAD_INITIALIZER(head) { NULL, &(head).${first} }
#define ${kind}_ENTRY(type) struct { struct type *${next}; }
#define ${kind}_INIT(head) do { (head)->${first} = NULL; (head)->${last} = &(head)->${first}; } while (0)
#define ${kind}_INSERT_HEAD(head, elm, field) do { \
(elm)->field.${next} = (head)->${first}; \
if ((elm)->field.${next} == NULL) (head)->${last} = &(elm)->field.${next}; \
(head)->${first} = (elm); } while (0)
#define ${kind}_INSERT_TAIL(head, elm, field) do { \
(elm)->field.${next} = NULL; *(head)->${last} = (elm); (head)->${last} = &(elm)->field.${next}; } while (0)
#define ${kind}_REMOVE_HEAD(head, field) do { \
(head)->${first} = (head)->${first}->field.${next}; \
if ((head)->${first} == NULL) (head)->${last} = &(head)->${first}; } while (0)
${walking(kind, first, next)}`;
}

const QUEUE = `
#define SLIST_HEAD(name, type) struct name { struct type *slh_first; }
#define SLIST_HEAD_INITIALIZER(head) { NULL }
#define SLIST_ENTRY(type) struct { struct type *sle_next; }
#define SLIST_INIT(head) do { (head)->slh_first = NULL; } while (0)
#define SLIST_INSERT_HEAD(head, elm, field) do { \
(elm)->field.sle_next = (head)->slh_first; (head)->slh_first = (elm); } while (0)
#define SLIST_INSERT_AFTER(at, elm, field) do { \
(elm)->field.sle_next = (at)->field.sle_next; (at)->field.sle_next = (elm); } while (0)
#define SLIST_REMOVE_HEAD(head, field) do { (head)->slh_first = (head)->slh_first->field.sle_next; } while (0)
${walking('SLIST', 'slh_first', 'sle_next')}
#define LIST_HEAD(name, type) struct name { struct type *lh_first; }
#define LIST_HEAD_INITIALIZER(head) { NULL }
#define LIST_ENTRY(type) struct { struct type *le_next; struct type **le_prev; }
#define LIST_INIT(head) do { (head)->lh_first = NULL; } while (0)
#define LIST_INSERT_HEAD(head, elm, field) do { \
(elm)->field.le_next = (head)->lh_first; \
if ((elm)->field.le_next != NULL) (head)->lh_first->field.le_prev = &(elm)->field.le_next; \
(head)->lh_first = (elm); (elm)->field.le_prev = &(head)->lh_first; } while (0)
#define LIST_INSERT_AFTER(at, elm, field) do { \
(elm)->field.le_next = (at)->field.le_next; \
if ((elm)->field.le_next != NULL) (at)->field.le_next->field.le_prev = &(elm)->field.le_next; \
(at)->field.le_next = (elm); (elm)->field.le_prev = &(at)->field.le_next; } while (0)
#define LIST_REMOVE(elm, field) do { \
if ((elm)->field.le_next != NULL) (elm)->field.le_next->field.le_prev = (elm)->field.le_prev; \
*(elm)->field.le_prev = (elm)->field.le_next; } while (0)
${walking('LIST', 'lh_first', 'le_next')}
${tailed('SIMPLEQ', 'sq')}
${tailed('STAILQ', 'stq')}
#define TAILQ_HEAD(name, type) struct name { struct type *tqh_first; struct type **tqh_last; }
#define TAILQ_HEAD_INITIALIZER(head) { NULL, &(head).tqh_first }
#define TAILQ_ENTRY(type) struct { struct type *tqe_next; struct type **tqe_prev; }
#define TAILQ_INIT(head) do { (head)->tqh_first = NULL; (head)->tqh_last = &(head)->tqh_first; } while (0)
#define TAILQ_INSERT_HEAD(head, elm, field) do { \
(elm)->field.tqe_next = (head)->tqh_first; \
if ((elm)->field.tqe_next != NULL) (head)->tqh_first->field.tqe_prev = &(elm)->field.tqe_next; \
else (head)->tqh_last = &(elm)->field.tqe_next; \
(head)->tqh_first = (elm); (elm)->field.tqe_prev = &(head)->tqh_first; } while (0)
#define TAILQ_INSERT_TAIL(head, elm, field) do { \
(elm)->field.tqe_next = NULL; (elm)->field.tqe_prev = (head)->tqh_last; \
*(head)->tqh_last = (elm); (head)->tqh_last = &(elm)->field.tqe_next; } while (0)
#define TAILQ_REMOVE(head, elm, field) do { \
if ((elm)->field.tqe_next != NULL) (elm)->field.tqe_next->field.tqe_prev = (elm)->field.tqe_prev; \
else (head)->tqh_last = (elm)->field.tqe_prev; \
*(elm)->field.tqe_prev = (elm)->field.tqe_next; } while (0)
${walking('TAILQ', 'tqh_first', 'tqe_next')}`;

const HEADERS: ReadonlyMap<string, string> = new Map([
  ['<sys/queue.h>', QUEUE],
  ['<bsd/sys/queue.h>', QUEUE],
]);

/** Of headers that may not be there: declarations and macros that stand in for them. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ['"tst_test.h"', LINUX_TEST_PROJECT],
  ['"unity.h"', UNITY],
  ['<unity.h>', UNITY],
]);

/** What is read in the place of a header that was not found, as an `#include` names it; undefined for most. */
export function standIn(name: string): string | undefined {
  return STAND_INS.get(name);
}

const read = new Map<string, readonly MacroDefinition[]>();

/** Of a header as an `#include` names it; none for most. */
export function systemMacros(name: string): readonly MacroDefinition[] {
  return macrosIn(isTestHarness(name) ? TEST_HARNESS : HEADERS.get(name));
}

/** Those, or the ones of what is read in the place of the header where it is not there. */
export function standInMacros(name: string): readonly MacroDefinition[] {
  const macros = systemMacros(name);
  return macros.length > 0 ? macros : macrosIn(standIn(name));
}

function macrosIn(text: string | undefined): readonly MacroDefinition[] {
  if (text === undefined) return [];
  let macros = read.get(text);
  if (macros === undefined) {
    macros = findDirectives(text).flatMap((d) => parseDefine(d.rest, undefined) ?? []);
    read.set(text, macros);
  }
  return macros;
}
