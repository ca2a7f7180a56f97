// style: stages of a start-up in a table of functions, and a child that replaces the one before
/* start-up in stages, every stage with its own undo */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct session {
	int uffd;
	int child_uffd;
	void *mem;
	size_t len, page;
	void *template;
	pthread_t reader;
	pid_t worker;
} S = { .uffd = -1, .child_uffd = -1 };

static void resolve(int fd, uint64_t addr)
{
	struct uffdio_copy c = {
		.dst = addr & ~(uint64_t)(S.page - 1),
		.src = (uintptr_t)S.template,
		.len = S.page,
	};

	while (ioctl(fd, UFFDIO_COPY, &c) == -1 && errno == EAGAIN)
		c.copy = 0;
}

static bool pump(int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof m) != (ssize_t)sizeof m)
		return errno == EAGAIN || errno == EINTR;
	if (m.event == UFFD_EVENT_PAGEFAULT) {
		resolve(fd, m.arg.pagefault.address);
	} else if (m.event == UFFD_EVENT_FORK) {
		if (S.child_uffd >= 0)
			close(S.child_uffd);
		S.child_uffd = (int)m.arg.fork.ufd;
	}
	return true;
}

static void *reader(void *unused)
{
	(void)unused;
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = S.uffd, .events = POLLIN },
			{ .fd = S.child_uffd, .events = POLLIN },
		};

		if (poll(p, 2, 100) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++)
			if (p[i].revents & POLLIN && !pump(p[i].fd))
				return NULL;
	}
	return NULL;
}

static int stage_memory(void)
{
	S.page = (size_t)sysconf(_SC_PAGESIZE);
	S.len = 4 * S.page;
	S.mem = mmap(NULL, S.len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (S.mem == MAP_FAILED)
		return -1;
	S.template = aligned_alloc(S.page, S.page);
	if (!S.template)
		return -1;
	memset(S.template, '#', S.page);
	return 0;
}

static int stage_uffd(void)
{
	struct uffdio_api a = { .api = UFFD_API };

	a.features |= UFFD_FEATURE_EVENT_FORK;
	S.uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	return S.uffd < 0 ? -1 : ioctl(S.uffd, UFFDIO_API, &a);
}

static int stage_arm(void)
{
	struct uffdio_register r = {
		.range = { (uintptr_t)S.mem, S.len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(S.uffd, UFFDIO_REGISTER, &r);
}

static int stage_reader(void)
{
	return pthread_create(&S.reader, NULL, reader, NULL) ? -1 : 0;
}

static int stage_worker(void)
{
	S.worker = fork(); // expect: fork-event-never-read
	if (S.worker == 0)
		_exit(((char *)S.mem)[S.page] == '#' ? 0 : 3);
	return S.worker < 0 ? -1 : 0;
}

static const struct {
	const char *name;
	int (*up)(void);
} stages[] = {
	{ "memory", stage_memory },
	{ "uffd", stage_uffd },
	{ "arm", stage_arm },
	{ "worker", stage_worker },
	{ "reader", stage_reader },
};

int main(void)
{
	int st = -1;

	for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
		if (stages[i].up() < 0) {
			fprintf(stderr, "stage %s: %s\n", stages[i].name, strerror(errno));
			return 1;
		}
	}
	if (waitpid(S.worker, &st, 0) < 0)
		return 1;
	printf("worker %d\n", st);
	return st ? 1 : 0;
}
