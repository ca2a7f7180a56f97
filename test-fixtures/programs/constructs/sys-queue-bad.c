// style: children in a list of <sys/queue.h>; a full list forgets the child
// observe: uffd-left 4
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAXKIDS 2

struct kid {
	int			 fd;
	u_int			 serial;
	TAILQ_ENTRY(kid)	 entry;
};
static TAILQ_HEAD(, kid) kids = TAILQ_HEAD_INITIALIZER(kids);
static u_int nkids, serial;

static int
kid_add(int fd)
{
	struct kid	*k;

	if (nkids >= MAXKIDS) {
		warnx("too many kids");
		return (-1); // expect: leaked-child-uffd
	}
	if ((k = calloc(1, sizeof(*k))) == NULL) {
		close(fd);
		return (-1);
	}
	k->fd = fd;
	k->serial = ++serial;
	TAILQ_INSERT_TAIL(&kids, k, entry);
	nkids++;
	return (0);
}

static u_int
kid_newest(void)
{
	struct kid	*k;
	u_int		 n = 0;

	TAILQ_FOREACH(k, &kids, entry)
		if (k->serial > n)
			n = k->serial;
	return (n);
}

static void *
dispatch(void *arg)
{
	int		 fd = *(int *)arg;
	struct uffd_msg	 msg;
	ssize_t		 n;

	for (;;) {
		n = read(fd, &msg, sizeof(msg));
		if (n == -1) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			err(1, "read");
		}
		if (n != sizeof(msg))
			errx(1, "short read");
		switch (msg.event) {
		case UFFD_EVENT_FORK:
			if (kid_add(msg.arg.fork.ufd) == -1)
				warnx("newest is %u", kid_newest());
			break;
		case UFFD_EVENT_PAGEFAULT:
			errx(1, "unexpected fault");
		}
	}
	return (NULL);
}

int
main(void)
{
	struct uffdio_api	 api;
	struct uffdio_register	 reg;
	pthread_t		 thr;
	static int		 fd;
	size_t			 len = 4 * getpagesize();
	void			*p;
	int			 i, forks = MAXKIDS + 1;
	pid_t			 pid;

	if ((fd = syscall(SYS_userfaultfd, O_CLOEXEC)) == -1)
		err(1, "userfaultfd");
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(fd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");
	p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)p;
	reg.range.len = len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
	if ((errno = pthread_create(&thr, NULL, dispatch, &fd)) != 0)
		err(1, "pthread_create");
	for (i = 0; i < forks; i++) {
		/* not fork(), which holds the allocator's locks while it waits */
		if ((pid = _Fork()) == -1)
			err(1, "_Fork");
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return (0);
}
