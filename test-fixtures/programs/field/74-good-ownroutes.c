#define _GNU_SOURCE
#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static long page = 4096;

static int uffd_open(unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		err(1, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	return fd;
}

static char *arm(int fd, size_t len)
{
	struct uffdio_register reg;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)p;
	reg.range.len = len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	return p;
}

static void zero_page(int fd, uint64_t address)
{
	struct uffdio_zeropage z = {
		.range = { .start = address & ~(uint64_t)(page - 1), .len = page },
	};

	if (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno != EEXIST && errno != EAGAIN)
		warn("UFFDIO_ZEROPAGE");
}

static struct { __u8 event; void (*fn)(int, struct uffd_msg *); const char *name; } routes[4];
static unsigned nroutes;

static void add_route(__u8 ev, void (*fn)(int, struct uffd_msg *), const char *name)
{
	routes[nroutes].event = ev;
	routes[nroutes].fn = fn;
	routes[nroutes++].name = name;
}
static void e_fault(int fd, struct uffd_msg *m) { zero_page(fd, m->arg.pagefault.address); }
static void e_fork(int fd, struct uffd_msg *m)
{
	(void)fd;
	close(m->arg.fork.ufd);
}

static void *loop(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg m;
	struct pollfd p = { fd, POLLIN, 0 };
	unsigned i;

	add_route(UFFD_EVENT_PAGEFAULT, e_fault, "fault");
	add_route(UFFD_EVENT_FORK, e_fork, "fork");
	while (poll(&p, 1, -1) > 0) {
		if (read(fd, &m, sizeof(m)) != sizeof(m))
			continue;
		for (i = 0; i < nroutes; i++)
			if (routes[i].event == m.event)
				routes[i].fn(fd, &m);
	}
	return NULL;
}

int main(void)
{
	static int fd;
	char *mem;
	pthread_t t;

	fd = uffd_open(UFFD_FEATURE_EVENT_FORK);
	mem = arm(fd, 4 * page);
	if (pthread_create(&t, NULL, loop, &fd))
		return 1;
	mem[0] = 1;
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	return 0;
}
