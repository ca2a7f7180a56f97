// style: a heap object per descriptor in epoll_event.data.ptr, freed with the descriptor in it
// observe: uffd-left 3
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SOURCES 2

typedef struct source {
	int fd;
	void (*ready)(struct source *self);
} source_t;

static struct {
	int epfd;
	int nsources;
	size_t pagesz;
} loop;

static void lazy_ready(source_t *self);

static source_t *source_add(int fd)
{
	source_t *s;
	struct epoll_event ev = { .events = EPOLLIN };

	s = malloc(sizeof(*s));
	if (s == NULL)
		return NULL; // expect: leaked-child-uffd
	s->fd = fd;
	s->ready = lazy_ready;
	if (loop.nsources == MAX_SOURCES) {
		free(s);
		return NULL;
	}
	ev.data.ptr = s;
	if (epoll_ctl(loop.epfd, EPOLL_CTL_ADD, fd, &ev) == -1) {
		free(s);
		return NULL;
	}
	loop.nsources++;
	return s;
}

static void lazy_ready(source_t *self)
{
	struct uffd_msg m;
	struct uffdio_zeropage z;

	if (read(self->fd, &m, sizeof m) != sizeof m)
		return;
	switch (m.event) {
	case UFFD_EVENT_PAGEFAULT:
		memset(&z, 0, sizeof z);
		z.range.start = m.arg.pagefault.address & -loop.pagesz;
		z.range.len = loop.pagesz;
		if (ioctl(self->fd, UFFDIO_ZEROPAGE, &z) == -1 && errno != EEXIST)
			abort();
		break;
	case UFFD_EVENT_FORK:
		if (source_add(m.arg.fork.ufd) == NULL)
			loop.nsources = MAX_SOURCES;
		break;
	}
}

static void *loop_run(void *unused)
{
	struct epoll_event evs[4];
	int i, n;

	(void)unused;
	while ((n = epoll_wait(loop.epfd, evs, 4, -1)) != -1 || errno == EINTR)
		for (i = 0; i < n; i++) {
			source_t *s = evs[i].data.ptr;

			s->ready(s);
		}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register r;
	pthread_t t;
	char *mem;
	int fd;

	loop.pagesz = sysconf(_SC_PAGESIZE);
	loop.epfd = epoll_create1(EPOLL_CLOEXEC);
	fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (loop.epfd == -1 || fd == -1 || ioctl(fd, UFFDIO_API, &api) == -1)
		return 1;
	mem = mmap(NULL, loop.pagesz * 4, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	r.range.start = (unsigned long)mem;
	r.range.len = loop.pagesz * 4;
	r.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &r) == -1 || source_add(fd) == NULL)
		return 1;
	if (pthread_create(&t, NULL, loop_run, NULL) != 0)
		return 1;
	mem[0] = 1;
	for (int i = 0; i < 2; i++) {
		pid_t pid = _Fork(); /* fork() holds the lock that malloc() takes in the loop */

		if (pid == 0)
			_exit(mem[loop.pagesz] && i == 0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
