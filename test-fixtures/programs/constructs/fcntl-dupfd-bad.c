// style: F_DUPFD_CLOEXEC moves descriptors above a limit and leaves the low ones behind
// observe: uffd-left 5
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

#define FIRST_PRIVATE_FD 100
#define MAX_TRACED 8

typedef struct {
	int parent;
	int traced[MAX_TRACED];
	int ntraced;
} tracer;

/* Like a shell, keep numbers that a user may redirect free. */
static int move_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);

	if (high < 0)
		return fd;
	return high;
}

static bool tracer_init(tracer *t, void *mem, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range = { (uintptr_t)mem, size }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd;

	memset(t, 0, sizeof(*t));
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return false;
	t->parent = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);
	close(fd);
	return t->parent >= 0 && ioctl(t->parent, UFFDIO_REGISTER, &reg) == 0;
}

static void tracer_on_fork(tracer *t, int child)
{
	if (t->ntraced == MAX_TRACED) {
		close(child);
		return;
	}
	t->traced[t->ntraced++] = move_high(child);
}

static void *tracer_main(void *arg)
{
	tracer *t = arg;
	struct pollfd pfd = { .fd = t->parent, .events = POLLIN };

	while (poll(&pfd, 1, -1) >= 0 || errno == EINTR) {
		struct uffd_msg msg;
		ssize_t got = read(t->parent, &msg, sizeof(msg));

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got != (ssize_t)sizeof(msg))
			break;
		if (msg.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
			tracer_on_fork(t, msg.arg.fork.ufd);
	}
	return NULL;
}

int main(void)
{
	static tracer t;
	size_t size = 4 * getpagesize();
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	if (mem == MAP_FAILED || !tracer_init(&t, mem, size)) {
		fprintf(stderr, "cannot trace: %m\n");
		return 1;
	}
	if (pthread_create(&thread, NULL, tracer_main, &t) != 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
