// style: a monitor that starts itself for each child; at the depth limit the child is forgotten
// observe: uffd-left 4
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_DEPTH 1

struct monitor {
	int uffd;
	unsigned depth;
	pthread_t thread;
	struct monitor *parent;
};

static size_t page;

static int monitor_start(struct monitor *parent, int uffd);

static void handle_fault(struct monitor *m, uint64_t address)
{
	struct uffdio_zeropage z = { .range = { address & ~((uint64_t)page - 1), page } };

	if (ioctl(m->uffd, UFFDIO_ZEROPAGE, &z) && errno != EEXIST && errno != ESRCH)
		fprintf(stderr, "depth %u: %m\n", m->depth);
}

static void *monitor_main(void *arg)
{
	struct monitor *m = arg;

	for (;;) {
		struct pollfd p = { m->uffd, POLLIN, 0 };
		struct uffd_msg msg;

		poll(&p, 1, -1);
		if (read(m->uffd, &msg, sizeof(msg)) != (ssize_t)sizeof(msg)) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			break;
		}
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			handle_fault(m, msg.arg.pagefault.address);
		else if (msg.event == UFFD_EVENT_FORK && monitor_start(m, msg.arg.fork.ufd))
			m->depth = MAX_DEPTH;
	}
	return NULL;
}

static int monitor_start(struct monitor *parent, int uffd)
{
	static struct monitor monitors[8];
	static unsigned used;
	struct monitor *m;

	if ((parent && parent->depth >= MAX_DEPTH) || used == 8)
		return -1; // expect: leaked-child-uffd
	m = &monitors[used++];
	m->uffd = uffd;
	m->depth = parent ? parent->depth + 1 : 0;
	m->parent = parent;
	return pthread_create(&m->thread, NULL, monitor_main, m) ? -1 : 0;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	pid_t pid;
	char *mem;

	page = sysconf(_SC_PAGESIZE);
	mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (uffd < 0 || mem == MAP_FAILED || ioctl(uffd, UFFDIO_API, &api))
		return perror("setup"), 1;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * page;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) || monitor_start(NULL, uffd))
		return perror("monitor"), 1;
	mem[0] = 1;
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 2; i++) {
			pid = fork();
			if (pid == 0)
				_exit(0);
			waitpid(pid, NULL, 0);
		}
		_exit(mem[page]);
	}
	waitpid(pid, NULL, 0);
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
