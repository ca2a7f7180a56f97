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
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Warm-up measurement: phase 1 pages everything in, phase 2 forks workers. */

typedef struct bench bench;
struct bench {
	int uffd, stopfd;
	char *mem;
	size_t npages, psz;
	pthread_t thr;
	bool running;
	size_t paged_in, forked;
};

#define X(cond)                                                        \
	do {                                                           \
		if (!(cond)) {                                         \
			fprintf(stderr, "%s:%d: !(%s): %s\n", __func__, \
				__LINE__, #cond, strerror(errno));      \
			exit(2);                                       \
		}                                                      \
	} while (0)

static void *bench_server(void *p)
{
	bench *b = p;
	struct pollfd fds[] = {
		{ b->uffd, POLLIN, 0 },
		{ b->stopfd, POLLIN, 0 },
	};

	while (poll(fds, sizeof fds / sizeof fds[0], -1) > 0) {
		struct uffd_msg msg;

		if (fds[1].revents & POLLIN)
			return b;
		if (!(fds[0].revents & POLLIN))
			continue;
		if (read(b->uffd, &msg, sizeof msg) != sizeof msg) {
			X(errno == EAGAIN);
			continue;
		}
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT: {
			struct uffdio_zeropage z = {
				{ msg.arg.pagefault.address & ~(uint64_t)(b->psz - 1), b->psz }, 0, 0
			};

			b->paged_in++;
			while (ioctl(b->uffd, UFFDIO_ZEROPAGE, &z) == -1)
				X(errno == EAGAIN);
			break;
		}
		case UFFD_EVENT_FORK:
			b->forked++;
			X(close(msg.arg.fork.ufd) == 0);
			break;
		default:
			abort();
		}
	}
	return NULL;
}

static void bench_start(bench *b)
{
	X(!b->running);
	X(pthread_create(&b->thr, NULL, bench_server, b) == 0);
	b->running = true;
}

static void bench_stop(bench *b)
{
	uint64_t v = 1;

	if (!b->running)
		return;
	X(write(b->stopfd, &v, sizeof v) == sizeof v);
	X(pthread_join(b->thr, NULL) == 0);
	X(read(b->stopfd, &v, sizeof v) == sizeof v);
	b->running = false;
}

static void bench_open(bench *b, size_t npages)
{
	struct uffdio_api api = { UFFD_API, UFFD_FEATURE_EVENT_FORK, 0 };
	struct uffdio_register reg = { { 0, 0 }, UFFDIO_REGISTER_MODE_MISSING, 0 };

	b->psz = sysconf(_SC_PAGESIZE);
	b->npages = npages;
	X((b->mem = mmap(0, npages * b->psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
	X((b->stopfd = eventfd(0, EFD_CLOEXEC)) >= 0);
	X((b->uffd = syscall(__NR_userfaultfd, O_NONBLOCK | O_CLOEXEC)) >= 0);
	X(ioctl(b->uffd, UFFDIO_API, &api) == 0);
	reg.range.start = (uintptr_t)b->mem;
	reg.range.len = npages * b->psz;
	X(ioctl(b->uffd, UFFDIO_REGISTER, &reg) == 0);
}

static void phase_warmup(bench *b)
{
	size_t i;

	for (i = 0; i < b->npages; i++)
		b->mem[i * b->psz] = (char)i;
}

static void phase_workers(bench *b, int n)
{
	while (n-- > 0) {
		int st;
		pid_t pid = fork(); // expect: fork-event-never-read

		X(pid >= 0);
		if (pid == 0)
			_exit(b->mem[n * b->psz] != n);
		X(waitpid(pid, &st, 0) == pid);
		X(st == 0);
	}
}

int main(void)
{
	bench b;

	memset(&b, 0, sizeof b);
	bench_open(&b, 16);
	bench_start(&b);
	phase_warmup(&b);
	bench_stop(&b); /* everything is in, no more faults */
	phase_workers(&b, 4);
	printf("%zu pages, %zu workers\n", b.paged_in, b.forked);
	close(b.uffd);
	return 0;
}
