#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pre-fork server whose cache is paged in on demand. */
#define NWORKERS 3
#define CACHE_PAGES 16

struct app;
typedef int (*step_fn)(struct app *);

struct app {
	uint8_t *cache;
	int uffd;
	pthread_t pager;
	pid_t workers[NWORKERS];
	int kids[NWORKERS * 2];
	unsigned nkids;
	long page;
	uint8_t *store;
};

static int app_map(struct app *a)
{
	size_t len = CACHE_PAGES * a->page;

	a->cache = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	a->store = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->cache == MAP_FAILED || a->store == MAP_FAILED)
		return -errno;
	for (int i = 0; i < CACHE_PAGES; i++)
		a->store[i * a->page] = i ^ 0x55;
	return 0;
}

static int app_uffd(struct app *a)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = {
		.range = { (uintptr_t)a->cache, CACHE_PAGES * a->page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	a->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (a->uffd < 0)
		return -errno;
	if (ioctl(a->uffd, UFFDIO_API, &api) < 0 || ioctl(a->uffd, UFFDIO_REGISTER, &reg) < 0) {
		int e = errno;
		close(a->uffd);
		return -e;
	}
	return 0;
}

static void page_in(struct app *a, int fd, uintptr_t at)
{
	uintptr_t off = (at & -(uintptr_t)a->page) - (uintptr_t)a->cache;
	struct uffdio_copy c = { .dst = (uintptr_t)a->cache + off, .src = (uintptr_t)a->store + off, .len = a->page };

	while (ioctl(fd, UFFDIO_COPY, &c) < 0 && errno == EAGAIN)
		;
}

static void adopt(struct app *a, int fd)
{
	if (a->nkids < sizeof a->kids / sizeof a->kids[0])
		a->kids[a->nkids++] = fd;
	else
		close(fd);
}

static void one_event(struct app *a, int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof m) != sizeof m)
		return;
	if (m.event == UFFD_EVENT_PAGEFAULT)
		page_in(a, fd, m.arg.pagefault.address);
	else if (m.event == UFFD_EVENT_FORK)
		adopt(a, m.arg.fork.ufd);
}

static void *pager_main(void *arg)
{
	struct app *a = arg;

	for (;;) {
		struct pollfd p[1 + NWORKERS * 2];
		unsigned n = a->nkids;

		p[0] = (struct pollfd){ .fd = a->uffd, .events = POLLIN };
		for (unsigned i = 0; i < n; i++)
			p[i + 1] = (struct pollfd){ .fd = a->kids[i], .events = POLLIN };
		if (poll(p, n + 1, -1) < 0)
			continue;
		for (unsigned i = 0; i <= n; i++)
			if (p[i].revents & POLLIN)
				one_event(a, p[i].fd);
	}
	return NULL;
}

static int app_pager(struct app *a)
{
	return -pthread_create(&a->pager, NULL, pager_main, a);
}

static int app_workers(struct app *a)
{
	for (int i = 0; i < NWORKERS; i++) {
		a->workers[i] = fork(); // expect: fork-event-never-read
		if (a->workers[i] < 0)
			return -errno;
		if (a->workers[i] == 0) {
			for (int p = i; p < CACHE_PAGES; p += NWORKERS)
				if (a->cache[p * a->page] != (p ^ 0x55))
					_exit(1);
			_exit(0);
		}
	}
	return 0;
}

static int app_reap(struct app *a)
{
	int st, bad = 0;

	for (int i = 0; i < NWORKERS; i++)
		if (waitpid(a->workers[i], &st, 0) < 0 || st)
			bad = -EIO;
	return bad;
}

int main(void)
{
	static const struct { const char *what; step_fn fn; } steps[] = {
		{ "map",     app_map },
		{ "uffd",    app_uffd },
		{ "workers", app_workers },
		{ "pager",   app_pager },
		{ "reap",    app_reap },
	};
	static struct app a;

	a.page = sysconf(_SC_PAGESIZE);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		int rc = steps[i].fn(&a);

		if (rc) {
			fprintf(stderr, "%s: %s\n", steps[i].what, strerror(-rc));
			return 1;
		}
	}
	puts("ok");
	return 0;
}
