import assert from 'node:assert/strict';
import { createAnalyser } from '../../src/analysis/analyse.ts';

const FUNCTIONS = 10;

/** Functions of which each calls all others; some make the userfaultfd where there is none yet. */
function circleOf(count: number, handshake: string): string {
  const numbers = Array.from({ length: count }, (_, i) => i);
  const functions = numbers.map((i) => {
    const makes = i % 3 === 0 ? '\tif (uffd < 0)\n\t\tuffd = syscall(SYS_userfaultfd, O_CLOEXEC);\n' : '';
    const calls = numbers.filter((j) => j !== i).map((j) => `\tif (n & ${1 << j})\n\t\tn = f${j}(n - 1);\n`);
    return `static int f${i}(int n)\n{\n${makes}${calls.join('')}\treturn n;\n}\n`;
  });
  return `#include <linux/userfaultfd.h>
static int uffd = -1;
${numbers.map((i) => `static int f${i}(int n);\n`).join('')}${functions.join('')}
int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	f0(argc);
	if (uffd < 0)
		return 1;
	${handshake}
	return ioctl(uffd, UFFDIO_REGISTER, &reg);
}
`;
}

describe('functions that call each other in a circle', () => {
  const cases: [string, string, string[]][] = [
    ['a missing handshake', '', ['missing-api-handshake']],
    ['a handshake', 'if (ioctl(uffd, UFFDIO_API, &api) == -1) return 1;', []],
  ];
  for (const [what, handshake, expected] of cases) {
    it(`are followed to their end, in time that does not grow with the ways through them: ${what}`, async () => {
      const file = { path: 'circle.c', text: circleOf(FUNCTIONS, handshake) };
      const { findings, notAnalysed } = await (await createAnalyser()).analyse([file]);
      assert.deepEqual(notAnalysed, []);
      assert.deepEqual(
        findings.map((f) => f.ruleId),
        expected,
      );
    });
  }
});
