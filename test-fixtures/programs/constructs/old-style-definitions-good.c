// style: function definitions of before 1989; a fork has its own branch
// observe: uffd-left 1
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
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int ufd;
static char *core;
static unsigned clicksize;

static void
panic(s)
	char *s;
{
	(void) fprintf(stderr, "vm: %s: %s\n", s, strerror(errno));
	exit(1);
}

static int
vmopen(flags, features)
	int flags;
	unsigned long features;
{
	struct uffdio_api api;
	register int f;

	f = syscall(__NR_userfaultfd, flags);
	if (f < 0)
		return (-1);
	api.api = UFFD_API;
	api.features = features;
	api.ioctls = 0;
	if (ioctl(f, UFFDIO_API, &api) < 0) {
		(void) close(f);
		return (-1);
	}
	return (f);
}

static int
vmarm(f, p, n)
	int f;
	char *p;
	unsigned n;
{
	struct uffdio_register r;

	memset((char *) &r, 0, sizeof r);
	r.range.start = (unsigned long) p;
	r.range.len = n;
	r.mode = UFFDIO_REGISTER_MODE_MISSING;
	return (ioctl(f, UFFDIO_REGISTER, &r));
}

static void
zfod(f, addr)
	int f;
	unsigned long addr;
{
	struct uffdio_zeropage z;

	z.range.start = addr & ~((unsigned long) clicksize - 1);
	z.range.len = clicksize;
	z.mode = 0;
	if (ioctl(f, UFFDIO_ZEROPAGE, &z) < 0 && errno != EEXIST)
		panic("zfod");
}

static void *
pagedaemon(arg)
	void *arg;
{
	struct uffd_msg m;

	for (;;) {
		if (read(ufd, (char *) &m, sizeof m) != sizeof m)
			panic("read");
		if (m.event == UFFD_EVENT_PAGEFAULT)
			zfod(ufd, (unsigned long) m.arg.pagefault.address);
		else if (m.event == UFFD_EVENT_FORK)
			(void) close((int) m.arg.fork.ufd);
	}
	return (arg);
}

int
main(argc, argv)
	int argc;
	char **argv;
{
	pthread_t t;
	int pid;

	clicksize = getpagesize();
	if ((ufd = vmopen(O_CLOEXEC, (unsigned long) UFFD_FEATURE_EVENT_FORK)) < 0)
		panic(argc > 0 ? argv[0] : "vm");
	core = mmap((char *) 0, 4 * clicksize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, (off_t) 0);
	if (core == (char *) MAP_FAILED || vmarm(ufd, core, 4 * clicksize) < 0)
		panic("core");
	if (pthread_create(&t, (pthread_attr_t *) 0, pagedaemon, (void *) 0) != 0)
		panic("thread");
	core[0] = 1;
	if ((pid = fork()) == 0)
		_exit(0);
	(void) waitpid(pid, (int *) 0, 0);
	usleep(20000); /* the reader may still be at the last event */
	return (0);
}
