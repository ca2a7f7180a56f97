// style: operation tables found by container_of(); the caller of the operation closes the child
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

struct backend;

struct backend_ops {
	const char *name;
	int (*open)(struct backend *be, void *mem, size_t len);
	/* One event. *child is the descriptor of a new process, which the caller owns, or -1. */
	int (*next)(struct backend *be, int *child);
};

struct backend {
	const struct backend_ops *ops;
	unsigned events;
};

struct uffd_backend {
	unsigned long zeroed;
	int fd;
	struct backend be;
};

static int uffd_open(struct backend *be, void *mem, size_t len)
{
	struct uffd_backend *ub = container_of(be, struct uffd_backend, be);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)mem, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	ub->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (ub->fd < 0)
		return -errno;
	if (ioctl(ub->fd, UFFDIO_API, &api) || ioctl(ub->fd, UFFDIO_REGISTER, &reg)) {
		close(ub->fd);
		return -EIO;
	}
	return 0;
}

static int uffd_next(struct backend *be, int *child)
{
	struct uffd_backend *ub = container_of(be, struct uffd_backend, be);
	struct uffdio_zeropage z = { .range = { .len = 4096 } };
	struct uffd_msg msg;

	*child = -1;
	if (read(ub->fd, &msg, sizeof(msg)) != sizeof(msg))
		return -errno;
	switch (msg.event) {
	case UFFD_EVENT_FORK:
		*child = msg.arg.fork.ufd;
		return 0;
	case UFFD_EVENT_PAGEFAULT:
		z.range.start = msg.arg.pagefault.address & ~4095ull;
		ub->zeroed++;
		return ioctl(ub->fd, UFFDIO_ZEROPAGE, &z) ? -errno : 0;
	}
	return 0;
}

static const struct backend_ops uffd_ops = {
	.name = "userfaultfd",
	.open = uffd_open,
	.next = uffd_next,
};

static void *backend_thread(void *arg)
{
	struct backend *be = arg;
	int child, rc;

	while ((rc = be->ops->next(be, &child)) >= 0) {
		be->events++;
		if (child >= 0)
			close(child);
	}
	fprintf(stderr, "%s: %d\n", be->ops->name, rc);
	return NULL;
}

int main(void)
{
	static struct uffd_backend ub = { .be = { .ops = &uffd_ops } };
	size_t len = 16 * 4096;
	char *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct backend *be = &ub.be;
	pthread_t thread;

	if (mem == MAP_FAILED || be->ops->open(be, mem, len) < 0)
		return 1;
	if (pthread_create(&thread, NULL, backend_thread, be))
		return 1;
	mem[0] = 1;
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
