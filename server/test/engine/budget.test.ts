import assert from 'node:assert/strict';
import { createAnalyser } from '../../src/analysis/analyse.ts';
import { STEPS_PER_ROOT } from '../../src/engine/engine.ts';

/** A reader that is stored in a record, in a program whose `main` takes all of its steps before it comes to it. */
const LARGE_PROGRAM = `#include <linux/userfaultfd.h>
struct reader { int fd; int (*read)(struct reader *); };
static int request;
static int check(void) { return ioctl(0, request) < 0; }
static int (*const checks[])(void) = { check };
static int on_event(struct reader *r)
{
	struct uffd_msg msg;
	if (read(r->fd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	if (msg.event == UFFD_EVENT_FORK)
		return msg.arg.fork.ufd < 0;
	return 0;
}
static struct reader reader;
static void serve(struct reader *r) { r->read = on_event; }
int main(void)
{
	serve(&reader);
${'\tioctl(0, request);\n'.repeat(STEPS_PER_ROOT)}	return checks[0]();
}
`;

describe('a budget of steps', () => {
  it('is kept for the functions that do something to a userfaultfd, whatever else took of it', async function () {
    this.timeout(120_000);
    const { findings, notAnalysed } = await (await createAnalyser()).analyse([{ path: 'a.c', text: LARGE_PROGRAM }]);
    assert.deepEqual(
      findings.map((f) => `${f.ruleId} in ${f.function}`),
      ['leaked-child-uffd in on_event'],
    );
    assert.deepEqual(
      notAnalysed.map((n) => `${n.kind}: ${n.function}`),
      ['budget: main'],
    );
  });
});
