/*
 * spaced - the address space daemon's core: a list of spaces and select().
 *
 * $Id: spaced.c,v 1.14 $
 */
#define _GNU_SOURCE
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

struct space {
	TAILQ_ENTRY(space) entry;
	int		fd;
	int		depth;
	u_int		faults;
};

static TAILQ_HEAD(, space) spaces = TAILQ_HEAD_INITIALIZER(spaces);
static char	*heap;
static size_t	 heaplen, pagelen;
static int	 quitpipe[2];
static int	 maxdepth = 1;
static u_int	 totalfaults;

static void *
xcalloc(size_t n, size_t sz)
{
	void *p;

	if ((p = calloc(n, sz)) == NULL)
		errx(1, "calloc: out of memory");
	return p;
}

static void
space_drop(struct space *sp)
{
	TAILQ_REMOVE(&spaces, sp, entry);
	totalfaults += sp->faults;
	close(sp->fd);
	free(sp);
}

static struct space *
space_add(struct space *from, int fd)
{
	struct space *sp;

	if (fd >= FD_SETSIZE) {
		warnx("descriptor %d does not fit", fd);
		return NULL; // expect: leaked-child-uffd
	}
	sp = xcalloc(1, sizeof(*sp));
	sp->fd = fd;
	sp->depth = from == NULL ? 0 : from->depth + 1;
	if (sp->depth > maxdepth)
		warnx("depth %d", sp->depth);
	TAILQ_INSERT_TAIL(&spaces, sp, entry);
	return sp;
}

static int
space_fill(struct space *sp, uint64_t addr)
{
	struct uffdio_zeropage z;

	sp->faults++;
	memset(&z, 0, sizeof(z));
	z.range.start = addr & ~(uint64_t)(pagelen - 1);
	z.range.len = pagelen;
	while (ioctl(sp->fd, UFFDIO_ZEROPAGE, &z) == -1) {
		if (errno == EAGAIN)
			continue;
		if (errno == ESRCH)
			return -1;
		if (errno == EEXIST)
			break;
		err(1, "UFFDIO_ZEROPAGE");
	}
	return 0;
}

static void
space_input(struct space *sp)
{
	struct uffd_msg m;
	ssize_t n;

	if ((n = read(sp->fd, &m, sizeof(m))) != (ssize_t)sizeof(m)) {
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			space_drop(sp);
		return;
	}
	switch (m.event) {
	case UFFD_EVENT_FORK:
		if (space_add(sp, m.arg.fork.ufd) == NULL)
			warnx("child ignored");
		break;
	case UFFD_EVENT_PAGEFAULT:
		if (space_fill(sp, m.arg.pagefault.address) == -1)
			space_drop(sp);
		break;
	}
}

static void *
spaced_loop(void *arg)
{
	struct space *sp, *next;
	fd_set rfds;
	int nfds;

	for (;;) {
		FD_ZERO(&rfds);
		FD_SET(quitpipe[0], &rfds);
		nfds = quitpipe[0];
		TAILQ_FOREACH(sp, &spaces, entry) {
			FD_SET(sp->fd, &rfds);
			if (sp->fd > nfds)
				nfds = sp->fd;
		}
		if (select(nfds + 1, &rfds, NULL, NULL, NULL) == -1) {
			if (errno == EINTR)
				continue;
			err(1, "select");
		}
		if (FD_ISSET(quitpipe[0], &rfds))
			return arg;
		for (sp = TAILQ_FIRST(&spaces); sp != NULL; sp = next) {
			next = TAILQ_NEXT(sp, entry);
			if (FD_ISSET(sp->fd, &rfds))
				space_input(sp);
		}
	}
}

static void
spaced_init(size_t pages)
{
	struct uffdio_api api;
	struct uffdio_register reg;
	int fd;

	pagelen = getpagesize();
	heaplen = pages * pagelen;
	heap = mmap(NULL, heaplen, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (heap == MAP_FAILED)
		err(1, "mmap");
	if ((fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) == -1)
		err(1, "userfaultfd");
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(fd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)heap;
	reg.range.len = heaplen;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
	space_add(NULL, fd);
}

int
main(void)
{
	pthread_t t;
	pid_t pid;
	int st;

	spaced_init(8);
	if (pipe(quitpipe) == -1)
		err(1, "pipe");
	if (pthread_create(&t, NULL, spaced_loop, NULL) != 0)
		errx(1, "pthread_create");
	heap[0] = 5;
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0)
		_exit(heap[0] + heap[3 * pagelen] - 5);
	if (waitpid(pid, &st, 0) == -1)
		err(1, "waitpid");
	close(quitpipe[1]);
	pthread_join(t, NULL);
	while (!TAILQ_EMPTY(&spaces))
		space_drop(TAILQ_FIRST(&spaces));
	printf("%u faults, child %d\n", totalfaults, WEXITSTATUS(st));
	return 0;
}
