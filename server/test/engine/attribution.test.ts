import assert from 'node:assert/strict';
import { createAnalyser } from '../../src/analysis/analyse.ts';

describe('a finding in a helper', () => {
  const text = `#include <linux/userfaultfd.h>
struct kid { int fd; struct kid *next; };
static struct kid *kids;
static int keep(struct uffd_msg *m)
{
	struct kid *k = malloc(sizeof *k);
	if (!k)
		return -1;
	k->fd = m->arg.fork.ufd;
	k->next = kids;
	kids = k;
	return 0;
}
void serve(int uffd)
{
	struct uffd_msg m;
	while (read(uffd, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK)
			keep(&m);
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int uffd = syscall(SYS_userfaultfd, 0);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0) return 1;
	serve(uffd);
	return 0;
}
`;

  it('names the function that it lies in, and the call that led there', async () => {
    const { findings } = await (await createAnalyser()).analyse([{ path: 'kids.c', text }]);
    const lineOf = (offset: number) => text.slice(0, offset).split('\n').length;
    assert.deepEqual(
      findings.map((f) => [f.ruleId, lineOf(f.location.start), f.function]),
      [['leaked-child-uffd', 8, 'keep']],
    );
    const steps = findings[0]!.trace.map((s) => `${lineOf(s.location.start)}: ${s.message}`);
    assert.ok(steps.includes('19: serve() calls keep()'), steps.join('\n'));
  });
});

describe('a finding where a table chooses the handler', () => {
  const text = `#include <linux/userfaultfd.h>
typedef void handler(struct uffd_msg *m);
static void faulted(struct uffd_msg *m)
{
	printf("%llx\\n", m->arg.pagefault.address);
}
static void forked(struct uffd_msg *m)
{
	printf("%u\\n", m->arg.fork.ufd);
}
static handler *const handlers[32] = { [UFFD_EVENT_PAGEFAULT] = faulted, [UFFD_EVENT_FORK] = forked };
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg m;
	int uffd = syscall(SYS_userfaultfd, 0);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0) return 1;
	while (read(uffd, &m, sizeof m) == sizeof m)
		handlers[m.event](&m);
	return 0;
}
`;

  it('names the handler that the message goes to', async () => {
    const { findings } = await (await createAnalyser()).analyse([{ path: 'handlers.c', text }]);
    assert.deepEqual(
      findings.map((f) => f.ruleId),
      ['leaked-child-uffd'],
    );
    const steps = findings[0]!.trace.map((s) => s.message);
    assert.ok(steps.includes('the message is UFFD_EVENT_FORK and forked() is called for it here'), steps.join('\n'));
  });
});
