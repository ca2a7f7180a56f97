// style: pager with an array of handlers by event number; the handlers return 0 or a negative errno
// observe: uffd-left 1
// observe: output children 0
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CHILDREN 16

struct pager {
	int fds[1 + MAX_CHILDREN];
	int count;
	int stop;
	size_t page;
};

typedef int (*handler_fn)(struct pager *p, int fd, const struct uffd_msg *msg);

static int on_pagefault(struct pager *p, int fd, const struct uffd_msg *msg)
{
	struct uffdio_zeropage zero = {
		.range = { msg->arg.pagefault.address & ~(p->page - 1), p->page },
	};

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero) && errno != EEXIST ? -errno : 0;
}

static int on_fork(struct pager *p, int fd, const struct uffd_msg *msg)
{
	if (p->count == 1 + MAX_CHILDREN) {
		close(msg->arg.fork.ufd);
		return -ENOSPC;
	}
	p->fds[p->count++] = msg->arg.fork.ufd;
	return 0;
}

static int on_remove(struct pager *p, int fd, const struct uffd_msg *msg)
{
	return 0; /* pages come back as zeros anyway */
}

static const handler_fn handlers[UFFD_EVENT_UNMAP + 1] = {
	[UFFD_EVENT_PAGEFAULT] = on_pagefault,
	[UFFD_EVENT_FORK] = on_fork, // expect: missing-feature
	[UFFD_EVENT_REMOVE] = on_remove,
};

static void *pager_loop(void *arg)
{
	struct pager *p = arg;
	struct pollfd polled[2 + MAX_CHILDREN];
	struct uffd_msg msg;

	for (;;) {
		int n = p->count;

		for (int i = 0; i < n; i++)
			polled[i] = (struct pollfd){ .fd = p->fds[i], .events = POLLIN };
		polled[n] = (struct pollfd){ .fd = p->stop, .events = POLLIN };
		if (poll(polled, n + 1, -1) < 0 || polled[n].revents)
			return NULL;
		for (int i = 0; i < n; i++) {
			if (!(polled[i].revents & POLLIN))
				continue;
			if (read(polled[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			if (msg.event > UFFD_EVENT_UNMAP || !handlers[msg.event])
				continue;
			if (handlers[msg.event](p, polled[i].fd, &msg) < 0)
				warnx("event %#x", msg.event);
		}
	}
}

int main(void)
{
	struct pager p = { .count = 1, .page = sysconf(_SC_PAGESIZE) };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_REMOVE };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int stop[2];
	pthread_t thread;
	char *mem;

	mem = mmap(NULL, 4 * p.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || pipe(stop))
		err(1, "mmap");
	p.stop = stop[0];
	p.fds[0] = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p.fds[0] < 0 || ioctl(p.fds[0], UFFDIO_API, &api))
		err(1, "userfaultfd");
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4 * p.page;
	if (ioctl(p.fds[0], UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, pager_loop, &p))
		errx(1, "pthread_create");
	mem[0] = 1;
	if (fork() == 0)
		_exit(mem[p.page]);
	wait(NULL);
	close(stop[1]);
	pthread_join(thread, NULL);
	printf("children %d\n", p.count - 1);
	return 0;
}
