import assert from 'node:assert/strict';
import { NameGraph } from '../../src/analysis/name-graph.ts';
import { scanNames } from '../../src/syntax/names.ts';

const opens = (header: string, user: string, more: Readonly<Record<string, string>> = {}) =>
  new NameGraph(
    Object.entries({ 'a.h': header, 'a.c': `#include "a.h"\n${user}\n`, ...more }).map(([path, text]) =>
      scanNames(path, text),
    ),
  ).opens('a.h');

describe('a header is parsed', () => {
  const USER = 'int main(void) { return open("/dev/userfaultfd", 0) + IN_USE; }';
  const cases: Record<string, [parsed: boolean, header: string, user?: string, more?: Record<string, string>]> = {
    'not where only its macros are used': [false, '#define IN_USE 1\nint unused(void);\n'],
    'not where its includer uses nothing of it': [false, 'int unused(void);\nstruct none { int a; };\n'],
    'where a function of it is called': [true, 'static inline int IN_USE(void) { return 1; }\n'],
    'where it declares a type that is used': [true, 'typedef int IN_USE;\n'],
    'where a constant of its enum is used': [true, 'enum { FIRST, IN_USE };\n'],
    'where a macro that is used names what it declares': [true, '#define IN_USE next\nint next;\n'],
    'where such a macro is used by way of another one': [
      true,
      '#define IN_USE INNER\n#define INNER (next)\nint next;\n',
    ],
    'not where a macro that nobody uses names what it declares': [
      false,
      '#define IN_USE 1\n#define OTHER next\nint next;\n',
    ],
    'where a macro of another header names what it declares': [
      true,
      'int next;\n',
      `#include "b.h"\n${USER}`,
      { 'b.h': '#define IN_USE next\n' },
    ],
    'where another header that includes it uses it': [
      true,
      'struct next { int a; };\n',
      `#include "b.h"\n${USER}`,
      { 'b.h': '#include "a.h"\nstruct last { struct next n; };\n' },
    ],
    'not for files that do not include it': [false, 'int other;\n', USER, { 'b.c': 'int f(void) { return other; }\n' }],
    'where words are pasted, which can name anything': [true, 'int next;\n#define PASTE(a) ne##a\n'],
    'where a function of it runs although nobody calls it': [
      true,
      '__attribute__((constructor)) static void start(void) { }\n',
    ],
    'where it mentions userfaultfd itself': [
      true,
      'static inline int make(void) { return syscall(__NR_userfaultfd, 0); }\n',
    ],
  };
  for (const [what, [parsed, header, user = USER, more]] of Object.entries(cases))
    it(what, () => assert.equal(opens(header, user, more), parsed));
});
