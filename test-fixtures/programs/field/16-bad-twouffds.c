/* two arenas (code cache and data heap), a descriptor each */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
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

#define PANIC(msg) do { perror(msg); _exit(111); } while (0)

typedef struct arena {
	const char *label;
	int fd;
	unsigned char *mem;
	size_t npages;
	unsigned filler;
} arena_t;

static size_t psize;
static arena_t code = { "code", -1, NULL, 8, 0xcc };
static arena_t data = { "data", -1, NULL, 24, 0x00 };
static unsigned char *bounce;

static void arena_init(arena_t *a)
{
	struct uffdio_api api;
	struct uffdio_register reg;

	a->mem = mmap(NULL, a->npages * psize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->mem == MAP_FAILED)
		PANIC(a->label);
	if ((a->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) == -1)
		PANIC("userfaultfd");
	bzero(&api, sizeof api);
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(a->fd, UFFDIO_API, &api) == -1)
		PANIC("UFFDIO_API");
	reg.range.start = (uintptr_t)a->mem;
	reg.range.len = a->npages * psize;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(a->fd, UFFDIO_REGISTER, &reg) == -1)
		PANIC("UFFDIO_REGISTER");
}

static void arena_event(arena_t *a)
{
	struct uffd_msg msg;
	struct uffdio_copy c;

	while (read(a->fd, &msg, sizeof msg) == sizeof msg) {
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			continue;
		}
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		memset(bounce, a->filler, psize);
		c = (struct uffdio_copy){
			.dst = msg.arg.pagefault.address & ~(psize - 1),
			.src = (uintptr_t)bounce,
			.len = psize,
		};
		while (ioctl(a->fd, UFFDIO_COPY, &c) == -1 && errno == EAGAIN)
			sched_yield();
	}
}

static void *pager(void *unused)
{
	struct pollfd p = { .fd = data.fd, .events = POLLIN };

	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			PANIC("poll");
		if (p.revents & POLLIN)
			arena_event(&data);
	}
	return unused;
}

int main(void)
{
	pthread_t t;
	pid_t pid;
	int st = 0;

	psize = getpagesize();
	bounce = malloc(psize);
	if (!bounce)
		PANIC("malloc");
	arena_init(&code);
	arena_init(&data);
	if (pthread_create(&t, NULL, pager, NULL))
		PANIC("pthread_create");
	data.mem[0] = 1;
	if ((pid = fork()) == -1) // expect: fork-event-never-read
		PANIC("fork");
	if (pid == 0)
		_exit(data.mem[0] == 1 ? 0 : 1);
	waitpid(pid, &st, 0);
	printf("%s %s: child %d\n", code.label, data.label, WEXITSTATUS(st));
	return 0;
}
