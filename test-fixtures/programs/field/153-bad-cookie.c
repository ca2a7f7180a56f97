// style: operations in a record, and a tracker with two names for its descriptor
/* plug-in style: operations in a table inside the object, void * cookies */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
#include <linux/userfaultfd.h>

struct tracker;

struct tracker_ops {
	int (*fault)(void *cookie, const struct uffd_msg *);
	int (*fork)(void *cookie, const struct uffd_msg *);
};

struct tracker {
	const struct tracker_ops *ops;
	struct {
		union {
			int fd;
			int handle;
		};
		unsigned follow : 1, quiet : 1, depth : 6;
	};
	int kids[8];
	unsigned nkids;
	unsigned char *src;
	size_t page;
};

static int tracker_fill(struct tracker *t, int fd, uint64_t va)
{
	struct uffdio_copy c = { .dst = va & ~(t->page - 1), .src = (uintptr_t)t->src, .len = t->page };
	struct uffdio_range r = { c.dst, c.len };

	if (!ioctl(fd, UFFDIO_COPY, &c))
		return 0;
	return errno == ESRCH ? 0 : errno == EAGAIN || errno == EEXIST ? ioctl(fd, UFFDIO_WAKE, &r) : -errno;
}

static int on_fault(void *cookie, const struct uffd_msg *m)
{
	struct tracker *t = cookie;

	return tracker_fill(t, t->fd, m->arg.pagefault.address);
}

static int on_fork(void *cookie, const struct uffd_msg *m)
{
	struct tracker *t = cookie;

	if (!t->follow)
		return close(m->arg.fork.ufd);
	t->depth++;
	t->handle = m->arg.fork.ufd; // expect: overwritten-parent-uffd
	return 0;
}

static const struct tracker_ops default_ops = {
	.fork = on_fork,
	.fault = on_fault,
};

static int tracker_step(struct tracker *t)
{
	struct uffd_msg m;
	ssize_t n = read(t->fd, &m, sizeof m);

	if (n != (ssize_t)sizeof m)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	switch (m.event) {
	case UFFD_EVENT_PAGEFAULT:
		return t->ops->fault ? t->ops->fault(t, &m) : -ENOSYS;
	case UFFD_EVENT_FORK:
		return t->ops->fork(t, &m);
	}
	return -EPROTO;
}

static void tracker_kids(struct tracker *t)
{
	struct uffd_msg m;

	for (unsigned i = 0; i < t->nkids; i++) {
		if (read(t->kids[i], &m, sizeof m) != (ssize_t)sizeof m)
			continue;
		if (m.event == UFFD_EVENT_PAGEFAULT)
			tracker_fill(t, t->kids[i], m.arg.pagefault.address);
		else if (m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);	/* grandchildren are on their own */
	}
}

static void *tracker_main(void *cookie)
{
	struct tracker *t = cookie;

	while (tracker_step(t) >= 0) {
		tracker_kids(t);
		usleep(300);
	}
	return NULL;
}

static int tracker_init(struct tracker *t, void *mem, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	t->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0)
		return -errno;
	api.features = t->follow ? UFFD_FEATURE_EVENT_FORK : 0;
	if (ioctl(t->fd, UFFDIO_API, &api) < 0)
		goto fail;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = len;
	if (ioctl(t->fd, UFFDIO_REGISTER, &reg) < 0)
		goto fail;
	return 0;
fail:
	close(t->fd);
	return -1;
}

int main(void)
{
	static struct tracker t = { .ops = &default_ops, .follow = 1 };
	pthread_t th;
	unsigned char *mem;
	pid_t p;
	int st;

	t.page = sysconf(_SC_PAGESIZE);
	mem = mmap(0, 8 * t.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t.src = mmap(0, t.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || t.src == MAP_FAILED)
		return 1;
	memset(t.src, 9, t.page);
	if (tracker_init(&t, mem, 8 * t.page))
		return perror("init"), 1;
	if (pthread_create(&th, 0, tracker_main, &t))
		return 1;
	if ((p = fork()) == 0)
		_exit(mem[t.page] != 9);
	if (p < 0 || waitpid(p, &st, 0) < 0)
		return 1;
	printf("child %d, parent reads %d\n", st, mem[2 * t.page]);	/* needs the parent's uffd */
	return 0;
}
