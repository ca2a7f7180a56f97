// style: an event handler defined as before 1989; a fork is told apart
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PSIZE 4096L

struct seg {
	int s_fd;
	char *s_base;
	long s_len;
	int s_other;
};

static int
segevent(sp, mp)
	register struct seg *sp;
	register struct uffd_msg *mp;
{
	struct uffdio_zeropage z;

	switch (mp->event) {
	case UFFD_EVENT_PAGEFAULT:
		z.range.start = mp->arg.pagefault.address & ~(PSIZE - 1);
		z.range.len = PSIZE;
		z.mode = 0;
		if (ioctl(sp->s_fd, UFFDIO_ZEROPAGE, &z) < 0 && errno != EEXIST)
			return (errno);
		break;
	case UFFD_EVENT_FORK:
		close(mp->arg.fork.ufd);
		break;
	default:
		sp->s_other++;
	}
	return (0);
}

static int
segopen(sp, npages)
	struct seg *sp;
	int npages;
{
	struct uffdio_api a;
	struct uffdio_register r;

	sp->s_other = 0;
	sp->s_len = npages * PSIZE;
	sp->s_fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (sp->s_fd < 0)
		return (errno);
	a.api = UFFD_API;
	a.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(sp->s_fd, UFFDIO_API, &a) < 0)
		return (errno);
	sp->s_base = mmap(NULL, sp->s_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sp->s_base == MAP_FAILED)
		return (errno);
	r.range.start = (unsigned long) sp->s_base;
	r.range.len = sp->s_len;
	r.mode = UFFDIO_REGISTER_MODE_MISSING;
	return (ioctl(sp->s_fd, UFFDIO_REGISTER, &r) < 0 ? errno : 0);
}

static void *segloop(void *v)
{
	struct seg *sp = v;
	struct pollfd pf;
	struct uffd_msg m;
	int e = 0;

	pf.fd = sp->s_fd;
	pf.events = POLLIN;
	while (e == 0) {
		if (poll(&pf, 1, -1) < 0)
			continue;
		if (read(sp->s_fd, &m, sizeof m) != sizeof m)
			continue;
		e = segevent(sp, &m);
	}
	return NULL;
}

int main(void)
{
	static struct seg data;
	pthread_t t;
	int e, pid;

	if ((e = segopen(&data, 4)) != 0) {
		errno = e;
		perror("segopen");
		return 1;
	}
	if (pthread_create(&t, NULL, segloop, &data) != 0)
		return 1;
	data.s_base[0] = 1;
	if ((pid = fork()) == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
