// style: a dispatch table by event, whose handlers get the message in a record with the time of its arrival
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
#include <time.h>
#include <unistd.h>

#define TRY(call, label)                  \
	do {                              \
		if ((call) == -1)         \
			goto label;       \
	} while (0)

struct pager;
struct packet {
	struct timespec arrived;
	struct uffd_msg body;
};
typedef int (*handler)(struct pager *, struct packet *);
struct pager {
	int fds[9];
	unsigned nfds;
	char *base;
};

static int on_fault(struct pager *p, struct packet *m)
{
	struct uffdio_zeropage z;

	memset(&z, 0, sizeof(z));
	z.range.start = m->body.arg.pagefault.address & ~4095UL;
	z.range.len = 4096;
	return ioctl(p->fds[0], UFFDIO_ZEROPAGE, &z);
}

static int on_fork(struct pager *p, struct packet *m)
{
	if (p->nfds > 8) {
		close(m->body.arg.fork.ufd);
		return -ENOSPC;
	}
	p->fds[p->nfds++] = m->body.arg.fork.ufd;
	return 0;
}

static const handler handlers[256] = {
	[UFFD_EVENT_PAGEFAULT] = on_fault,
	[UFFD_EVENT_FORK] = on_fork,
};

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
			struct packet *m;

			if (!(pfd[i].revents & POLLIN))
				continue;
			m = malloc(sizeof(*m));
			if (!m)
				abort();
			clock_gettime(CLOCK_MONOTONIC, &m->arrived);
			if (read(pfd[i].fd, &m->body, sizeof(m->body)) == sizeof(m->body) &&
			    handlers[m->body.event])
				handlers[m->body.event](p, m);
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
