#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
static int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		err(1, "uffd");
	return fd;
}

static struct { int event; void (*fn)(struct uffd_msg *); } routes[4];
static int nroutes;
static void add_route(int ev, void (*fn)(struct uffd_msg *))
{
	routes[nroutes].event = ev;
	routes[nroutes++].fn = fn;
}
static void e_fork(struct uffd_msg *m) { warnx("%u", m->arg.fork.ufd); }
static void e_fault(struct uffd_msg *m) { warnx("%llx", m->arg.pagefault.address); }
static void *loop(void *arg)
{
	int i, fd = *(int *)arg;
	struct uffd_msg m;

	for (;;) {
		if (read(fd, &m, sizeof(m)) != sizeof(m))
			continue;
		for (i = 0; i < nroutes; i++)
			if (routes[i].event == m.event) // expect: leaked-child-uffd
				routes[i].fn(&m);
	}
	return NULL;
}
int main(void)
{
	int fd = uffd_open();
	pthread_t t;

	add_route(UFFD_EVENT_PAGEFAULT, e_fault);
	add_route(UFFD_EVENT_FORK, e_fork);
	pthread_create(&t, NULL, loop, &fd);
	pthread_join(t, NULL);
}
