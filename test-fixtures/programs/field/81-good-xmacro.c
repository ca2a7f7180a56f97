#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*      name       number                 handler */
#define UFFD_EVENTS(X)						\
	X(PAGEFAULT, UFFD_EVENT_PAGEFAULT, ev_pagefault)	\
	X(FORK,      UFFD_EVENT_FORK,      ev_fork)		\
	X(REMAP,     UFFD_EVENT_REMAP,     ev_note)		\
	X(REMOVE,    UFFD_EVENT_REMOVE,    ev_note)		\
	X(UNMAP,     UFFD_EVENT_UNMAP,     ev_note)

struct pager {
	int fds[64];
	int nfds;
	int stop;
	uintptr_t page;
	void *zero;
	unsigned counts[256];
};

typedef int (*event_fn)(struct pager *pg, int fd, const struct uffd_msg *m);

static int ev_note(struct pager *pg, int fd, const struct uffd_msg *m)
{
	pg->counts[m->event]++;
	return 0;
}

static int ev_pagefault(struct pager *pg, int fd, const struct uffd_msg *m)
{
	struct uffdio_zeropage z = {
		.range = { m->arg.pagefault.address & ~(pg->page - 1), pg->page },
	};

	pg->counts[m->event]++;
	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0) {
		if (errno == EAGAIN)
			continue;
		return errno == EEXIST || errno == ESRCH ? 0 : -errno;
	}
	return 0;
}

static int ev_fork(struct pager *pg, int fd, const struct uffd_msg *m)
{
	pg->counts[m->event]++;
	if (pg->nfds == 64) {
		close(m->arg.fork.ufd);
		return -ENOSPC;
	}
	pg->fds[pg->nfds++] = m->arg.fork.ufd;
	return 0;
}

static const event_fn event_table[256] = {
#define X(name, nr, fn) [nr] = fn,
	UFFD_EVENTS(X)
#undef X
};

static const char *event_name(unsigned nr)
{
	switch (nr) {
#define X(name, nr, fn) case nr: return #name;
	UFFD_EVENTS(X)
#undef X
	}
	return "?";
}

static void *pager_thread(void *arg)
{
	struct pager *pg = arg;
	struct pollfd p[65];

	for (;;) {
		int n = pg->nfds;

		for (int i = 0; i < n; i++)
			p[i] = (struct pollfd){ .fd = pg->fds[i], .events = POLLIN };
		p[n] = (struct pollfd){ .fd = pg->stop, .events = POLLIN };
		if (poll(p, n + 1, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (p[n].revents)
			break;
		for (int i = 0; i < n; i++) {
			struct uffd_msg m;
			int rc;

			if (!(p[i].revents & POLLIN) || read(p[i].fd, &m, sizeof(m)) != sizeof(m))
				continue;
			if (!event_table[m.event])
				errx(1, "no handler for %u", m.event);
			rc = event_table[m.event](pg, p[i].fd, &m);
			if (rc)
				warnx("%s: %s", event_name(m.event), strerror(-rc));
		}
	}
	return NULL;
}

int main(void)
{
	struct pager pg = { .nfds = 1 };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK |
		UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int stop[2], st;
	pthread_t t;
	char *mem;
	pid_t pid;

	pg.page = sysconf(_SC_PAGESIZE);
	mem = mmap(NULL, 16 * pg.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || pipe(stop))
		err(1, "mmap");
	pg.stop = stop[0];
	if ((pg.fds[0] = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK)) < 0)
		err(1, "userfaultfd");
	if (ioctl(pg.fds[0], UFFDIO_API, &api))
		err(1, "UFFDIO_API");
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 16 * pg.page;
	if (ioctl(pg.fds[0], UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
	if ((errno = pthread_create(&t, NULL, pager_thread, &pg)))
		err(1, "pthread_create");
	mem[0] = 1;
	if ((pid = fork()) < 0)
		err(1, "fork");
	if (pid == 0)
		_exit(mem[5 * pg.page]);
	if (waitpid(pid, &st, 0) < 0)
		err(1, "waitpid");
	close(stop[1]);
	pthread_join(t, NULL);
	for (unsigned i = 0; i < 256; i++)
		if (pg.counts[i])
			printf("%s: %u\n", event_name(i), pg.counts[i]);
	return st != 0;
}
