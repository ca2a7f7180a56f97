// style: counters, names and cases out of one list of events
/* X-macros: event names, handlers, case labels and feature masks come from one list. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

/*      name       handler     */
#define EVENTS(X)               \
	X(FORK,    space_fork)  \
	X(REMAP,   space_remap) \
	X(REMOVE,  space_zap)   \
	X(UNMAP,   space_zap)

#define FEATURE_OR(n, h) | UFFD_FEATURE_EVENT_##n
enum { EVENT_FEATURES = 0 EVENTS(FEATURE_OR) };

struct space {
	int fd;
	unsigned slot;
};

static struct space table[48];
static unsigned ntable;
static int ctl[2];
static long psz;

#define COUNTER(n, h) static unsigned cnt_##n;
EVENTS(COUNTER)

#define DECLARE(n, h) static int h(struct space *, const struct uffd_msg *);
EVENTS(DECLARE)

static int space_fork(struct space *s, const struct uffd_msg *m)
{
	(void)s;
	if (ntable == sizeof table / sizeof *table) {
		close(m->arg.fork.ufd);
		return -ENFILE;
	}
	table[ntable] = (struct space){ .fd = m->arg.fork.ufd, .slot = ntable };
	return ++ntable, 0;
}

static int space_remap(struct space *s, const struct uffd_msg *m)
{
	fprintf(stderr, "space %u: %" PRIx64 " -> %" PRIx64 "\n", s->slot,
		(uint64_t)m->arg.remap.from, (uint64_t)m->arg.remap.to);
	return 0;
}

static int space_zap(struct space *s, const struct uffd_msg *m)
{
	return m->arg.remove.end >= m->arg.remove.start ? 0 : -EINVAL;
}

static int space_fault(struct space *s, const struct uffd_msg *m)
{
	struct uffdio_zeropage z = { .range = { .start = m->arg.pagefault.address & -psz, .len = psz } };
	int rc = ioctl(s->fd, UFFDIO_ZEROPAGE, &z);

	if (rc < 0 && (errno == EAGAIN || errno == EEXIST))
		rc = ioctl(s->fd, UFFDIO_WAKE, &z.range);
	return rc < 0 ? -errno : 0;
}

static int dispatch(struct space *s, const struct uffd_msg *m)
{
	switch (m->event) {
	case UFFD_EVENT_PAGEFAULT:
		return space_fault(s, m);
#define CASE(n, h)                    \
	case UFFD_EVENT_##n:          \
		cnt_##n++;            \
		return h(s, m);
	EVENTS(CASE)
#undef CASE
	}
	return -ENOSYS;
}

static void *server(void *p)
{
	struct pollfd pf[sizeof table / sizeof *table + 1];
	struct uffd_msg batch[4];

	for (;;) {
		unsigned n = ntable;

		pf[0].fd = ctl[0];
		pf[0].events = POLLIN;
		for (unsigned i = 0; i < n; i++)
			pf[i + 1] = (struct pollfd){ table[i].fd, POLLIN, 0 };
		if (poll(pf, n + 1, -1) < 0)
			continue;
		if (pf[0].revents & (POLLIN | POLLHUP))
			break;
		for (unsigned i = 0; i < n; i++) {
			ssize_t got;

			if (!pf[i + 1].revents)
				continue;
			got = read(table[i].fd, batch, sizeof batch);
			for (struct uffd_msg *m = batch; got >= (ssize_t)sizeof *m; m++, got -= sizeof *m)
				if (dispatch(&table[i], m) == -ENOSYS)
					abort();
		}
	}
	for (unsigned i = 0; i < ntable; i++)
		close(table[i].fd);
	return p;
}

int main(void)
{
	pthread_t t;
	struct uffdio_api api = { .api = UFFD_API, .features = EVENT_FEATURES };
	int fd, i, bad = 0;

	psz = sysconf(_SC_PAGESIZE);
	char *m = mmap(NULL, 32 * psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0) {
		perror("uffd");
		return 1;
	}
	struct uffdio_register reg = { .range = { (uintptr_t)m, 32 * psz }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0) {
		perror("register");
		return 1;
	}
	table[ntable++] = (struct space){ .fd = fd };
	if (pipe2(ctl, O_CLOEXEC) || pthread_create(&t, NULL, server, NULL))
		return 1;
	for (i = 0; i < 4; i++) {
		int st;
		pid_t c = fork();
		if (!c) {
			char v = m[i * psz];
			munmap(m + 20 * psz, psz);
			madvise(m, psz, MADV_DONTNEED);
			_exit(v);
		}
		if (c < 0 || waitpid(c, &st, 0) < 0 || st)
			bad++;
	}
	close(ctl[1]);
	pthread_join(t, NULL);
#define SHOW(n, h) printf(#n "=%u ", cnt_##n);
	EVENTS(SHOW)
	printf("bad=%d\n", bad);
	return bad;
}
