import assert from 'node:assert/strict';
import { linkPrograms } from '../../src/engine/program.ts';
import { Slice } from '../../src/engine/slice/slice.ts';
import { lowerFile } from '../../src/ir/lower.ts';
import { parseFile } from '../../src/syntax/file.ts';
import { createParser } from '../../src/syntax/parser.ts';

const TEXT = `#include <linux/userfaultfd.h>
int far(void);
int unrelated(int n) { return n + 1; }
int far_caller(void) { return far(); }
int far(void) { return unrelated(near(3)); }
int near(int fd) { struct uffd_msg m; return read(fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK; }
int opens(void) { return syscall(SYS_userfaultfd, 0); }
`;

describe('functions of a library', () => {
  it('are run in the order of their distance from what is done to a userfaultfd', async () => {
    const parser = await createParser();
    const [program] = linkPrograms([lowerFile(parseFile(parser, 'library.c', TEXT, {}), parser)]);
    assert.deepEqual(
      new Slice(program!).nearestFirst(program!.functions).map((f) => f.name),
      ['near', 'opens', 'far', 'far_caller', 'unrelated'],
    );
  });
});
