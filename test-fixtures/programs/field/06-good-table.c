#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define EV(x) [UFFD_EVENT_##x]

struct mon {
	int fd;
	unsigned faults, forks, removes, other;
	size_t psz;
	pthread_t tid;
};

typedef int handler_t(struct mon *m, const struct uffd_msg *msg);

static int ev_fault(struct mon *m, const struct uffd_msg *msg)
{
	struct uffdio_zeropage z;

	memset(&z, 0, sizeof(z));
	z.range.start = msg->arg.pagefault.address / m->psz * m->psz;
	z.range.len = m->psz;
	m->faults++;
	while (ioctl(m->fd, UFFDIO_ZEROPAGE, &z) < 0) {
		if (errno == EAGAIN)
			continue;
		return errno == EEXIST ? 0 : -errno;
	}
	return 0;
}

static int ev_nop(struct mon *m, const struct uffd_msg *msg)
{
	(void)m;
	(void)msg;
	return 0;
}

static int ev_fork(struct mon *m, const struct uffd_msg *msg)
{
	m->forks++;
	return close(msg->arg.fork.ufd) ? -errno : 0;
}

static int ev_remove(struct mon *m, const struct uffd_msg *msg)
{
	m->removes += (msg->arg.remove.end - msg->arg.remove.start) / m->psz;
	return 0;
}

static handler_t *const handlers[] = {
	EV(PAGEFAULT) = ev_fault,
	EV(FORK) = ev_fork,
	EV(REMAP) = ev_nop,
	EV(REMOVE) = ev_remove,
	EV(UNMAP) = ev_nop,
};

static void *mon_loop(void *arg)
{
	struct mon *m = arg;
	struct uffd_msg msg;
	ssize_t n;
	int rc;

	for (;;) {
		n = read(m->fd, &msg, sizeof(msg));
		if (n == -1 && errno == EINTR)
			continue;
		if (n != sizeof(msg)) {
			fprintf(stderr, "monitor: short read %zd\n", n);
			return NULL;
		}
		if (msg.event >= ARRAY_SIZE(handlers) || !handlers[msg.event]) {
			m->other++;
			continue;
		}
		rc = handlers[msg.event](m, &msg);
		if (rc < 0)
			fprintf(stderr, "monitor: event %#x: %s\n", msg.event, strerror(-rc));
	}
}

static int mon_start(struct mon *m, void *addr, size_t len)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE,
	};
	struct uffdio_register reg = {
		.range.start = (unsigned long)addr,
		.range.len = len,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	memset(m, 0, sizeof(*m));
	m->psz = getpagesize();
	m->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (m->fd < 0)
		return -errno;
	if (ioctl(m->fd, UFFDIO_API, &api) || ioctl(m->fd, UFFDIO_REGISTER, &reg)) {
		int e = errno;

		close(m->fd);
		return -e;
	}
	return -pthread_create(&m->tid, NULL, mon_loop, m);
}

int main(void)
{
	static struct mon m;
	size_t len = 16 * getpagesize();
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, rc;

	if (p == MAP_FAILED || (rc = mon_start(&m, p, len)) < 0) {
		fprintf(stderr, "cannot start\n");
		return 1;
	}
	for (i = 0; i < 16; i++)
		p[i * getpagesize()] = i;
	madvise(p, getpagesize(), MADV_DONTNEED);
	for (i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(p[3 * getpagesize()] == 3 ? 0 : 1);
		if (pid < 0 || waitpid(pid, &rc, 0) < 0 || rc)
			return 1;
	}
	printf("%u faults %u forks %u removed %u other\n", m.faults, m.forks, m.removes, m.other);
	return 0;
}
