// style: a dispatch table that is found through a pointer, messages on the heap
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRY(call, label)                  \
	do {                              \
		if ((call) == -1)         \
			goto label;       \
	} while (0)

struct pager;
struct op {
	uint8_t event;
	int (*fn)(struct pager *, struct uffd_msg *);
};
struct pager {
	int fds[9];
	unsigned nfds;
	char *base;
	const struct op *ops;
	unsigned nops;
};

static int on_fault(struct pager *p, struct uffd_msg *m)
{
	struct uffdio_zeropage z;

	memset(&z, 0, sizeof(z));
	z.range.start = m->arg.pagefault.address & ~4095UL;
	z.range.len = 4096;
	return ioctl(p->fds[0], UFFDIO_ZEROPAGE, &z);
}

static const struct op ops[] = { // expect: unhandled-fork-event
	{ UFFD_EVENT_PAGEFAULT, on_fault },
};

static int dispatch(struct pager *p, struct uffd_msg *m)
{
	unsigned i;

	for (i = 0; i < p->nops; i++)
		if (p->ops[i].event == m->event)
			return p->ops[i].fn(p, m);
	return -ENOSYS;
}

static void *loop(void *arg)
{
	struct pager *p = arg;

	for (;;) {
		struct pollfd pfd[9];
		unsigned i, n = p->nfds;

		for (i = 0; i < n; i++) {
			pfd[i].fd = p->fds[i];
			pfd[i].events = POLLIN;
		}
		if (poll(pfd, n, -1) < 0)
			continue;
		for (i = 0; i < n; i++) {
			struct uffd_msg *m;

			if (!(pfd[i].revents & POLLIN))
				continue;
			m = malloc(sizeof(*m));
			if (!m)
				abort();
			if (read(pfd[i].fd, m, sizeof(*m)) == sizeof(*m))
				dispatch(p, m);
			free(m);
		}
	}
	return NULL;
}

static int start(struct pager *p)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	p->nfds = 1;
	TRY(p->fds[0] = (int)syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK), fail);
	TRY(ioctl(p->fds[0], UFFDIO_API, &api), fail_close);
	p->base = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->base == MAP_FAILED)
		goto fail_close;
	reg.range.start = (uintptr_t)p->base;
	reg.range.len = 1 << 20;
	TRY(ioctl(p->fds[0], UFFDIO_REGISTER, &reg), fail_close);
	p->ops = ops;
	p->nops = sizeof(ops) / sizeof(ops[0]);
	return 0;
fail_close:
	close(p->fds[0]);
fail:
	return -1;
}

int main(void)
{
	static struct pager p;
	pthread_t t;

	if (start(&p) || pthread_create(&t, NULL, loop, &p))
		return 1;
	if (fork() == 0)
		_exit(p.base[4096]);
	pause();
	return 0;
}
