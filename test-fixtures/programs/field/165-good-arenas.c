// style: arenas with a thread each, and a record for each child that begins as a copy
/*
 * Two arenas with one userfaultfd each, so that a slow backing store of the one
 * does not delay the other.  One monitor thread per arena.
 */
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARENA_HEAP, ARENA_STACKS, ARENA_COUNT };

struct arena {
	const char *tag;
	int fd;
	char *mem;
	size_t len;
	char fillbyte;
	char *page;
};

static size_t psz;
static struct arena arenas[ARENA_COUNT] = {
	[ARENA_HEAP] = { .tag = "heap", .fd = -1, .fillbyte = 'h' },
	[ARENA_STACKS] = { .tag = "stacks", .fd = -1, .fillbyte = 's' },
};

static void arena_init(struct arena *a, size_t npages)
{
	struct uffdio_api api;
	struct uffdio_register reg;

	a->len = npages * psz;
	a->page = aligned_alloc(psz, psz);
	if (a->page == NULL)
		err(1, "%s", a->tag);
	memset(a->page, a->fillbyte, psz);
	a->mem = mmap(NULL, a->len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->mem == MAP_FAILED)
		err(1, "mmap %s", a->tag);

	a->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (a->fd == -1)
		err(1, "userfaultfd %s", a->tag);
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(a->fd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API %s", a->tag);
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)a->mem;
	reg.range.len = a->len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(a->fd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER %s", a->tag);
}

static void *arena_monitor(void *arg);

/* a forked copy gets a monitor of its own, with a copy of the record */
static void arena_inherit(const struct arena *parent, int ufd)
{
	struct arena *c = malloc(sizeof(*c));
	pthread_t t;

	if (c == NULL) {
		close(ufd);
		return;
	}
	*c = *parent;
	c->fd = ufd;
	if (pthread_create(&t, NULL, arena_monitor, c) != 0) {
		close(ufd);
		free(c);
		return;
	}
	pthread_detach(t);
}

static void *arena_monitor(void *arg)
{
	struct arena *a = arg;
	struct uffd_msg m;

	for (;;) {
		ssize_t n = read(a->fd, &m, sizeof(m));

		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n != (ssize_t)sizeof(m))
			err(1, "read %s", a->tag);
		switch (m.event) {
		case UFFD_EVENT_FORK:
			arena_inherit(a, (int)m.arg.fork.ufd);
			break;
		case UFFD_EVENT_PAGEFAULT: {
			struct uffdio_copy cp = {
				.dst = m.arg.pagefault.address & ~(psz - 1),
				.src = (uintptr_t)a->page,
				.len = psz,
			};

			while (ioctl(a->fd, UFFDIO_COPY, &cp) == -1 && errno == EAGAIN)
				cp.copy = 0;
			break;
		}
		}
	}
	return NULL;
}

int
main(void)
{
	pthread_t heap_mon, stack_mon;
	pid_t pid;
	int st;

	psz = sysconf(_SC_PAGESIZE);
	arena_init(&arenas[ARENA_HEAP], 8);
	arena_init(&arenas[ARENA_STACKS], 4);
	if (pthread_create(&heap_mon, NULL, arena_monitor, &arenas[ARENA_HEAP]) != 0)
		errx(1, "heap monitor");
	if (pthread_create(&stack_mon, NULL, arena_monitor, &arenas[ARENA_STACKS]) != 0)
		errx(1, "stack monitor");

	printf("heap: %c\n", arenas[ARENA_HEAP].mem[0]);
	fflush(stdout);
	switch (pid = fork()) {
	case -1:
		err(1, "fork");
	case 0:
		_exit(arenas[ARENA_STACKS].mem[psz] == 's' ? 0 : 1);
	}
	if (waitpid(pid, &st, 0) == -1)
		err(1, "waitpid");
	printf("child: %d\n", st);
	return st != 0;
}
