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

/* keeps the last RING children pollable, older ones are dropped */

#define RING 4

static int uffd = -1;
static int ring[RING] = { -1, -1, -1, -1 };
static unsigned seq;
static char *mem;
static long psz;
static int done[2];

#define CHECK(call)                                              \
	do {                                                     \
		if ((call) < 0) {                                \
			perror(#call);                           \
			exit(EXIT_FAILURE);                      \
		}                                                \
	} while (0)

static void push_child(int fd)
{
	unsigned slot = seq++ % RING;

	if (ring[slot] >= 0)
		close(ring[slot]);
	ring[slot] = fd;
}

static void zero_fill(int fd, unsigned long addr)
{
	struct uffdio_zeropage z = { .range = { addr & -psz, psz } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0)
		if (errno != EAGAIN)
			return;
}

static void one_message(int fd)
{
	struct uffd_msg msg;
	ssize_t n = read(fd, &msg, sizeof(msg));

	if (n < (ssize_t)sizeof(msg))
		return;
	if (msg.event == UFFD_EVENT_FORK)
		push_child(msg.arg.fork.ufd);
	else if (msg.event == UFFD_EVENT_PAGEFAULT)
		zero_fill(fd, msg.arg.pagefault.address);
}

static void *poller(void *unused)
{
	struct pollfd p[RING + 2];
	int i;

	for (;;) {
		for (i = 0; i < RING; i++)
			p[i] = (struct pollfd){ ring[i], POLLIN, 0 }; /* -1 is skipped by poll */
		p[RING] = (struct pollfd){ uffd, POLLIN, 0 };
		p[RING + 1] = (struct pollfd){ done[0], POLLIN, 0 };
		CHECK(poll(p, RING + 2, -1));
		if (p[RING + 1].revents)
			break;
		for (i = 0; i <= RING; i++)
			if (p[i].revents & POLLIN)
				one_message(p[i].fd);
	}
	for (i = 0; i < RING; i++)
		if (ring[i] >= 0)
			close(ring[i]);
	close(uffd);
	return unused;
}

static void init(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	psz = sysconf(_SC_PAGESIZE);
	mem = mmap(NULL, 8 * psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("mmap");
		exit(EXIT_FAILURE);
	}
	CHECK(pipe(done));
	CHECK(uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	api.features = UFFD_FEATURE_EVENT_FORK;
	CHECK(ioctl(uffd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 8 * psz;
	CHECK(ioctl(uffd, UFFDIO_REGISTER, &reg));
}

int main(void)
{
	pthread_t t;
	int i, st, sum = 0;

	init();
	if (pthread_create(&t, NULL, poller, NULL))
		return EXIT_FAILURE;
	mem[0] = 1;
	for (i = 1; i < 8; i++) {
		pid_t pid;

		CHECK(pid = fork());
		if (pid == 0)
			_exit(mem[i * psz] + mem[0]);
		CHECK(waitpid(pid, &st, 0));
		sum += WEXITSTATUS(st);
	}
	close(done[1]);
	pthread_join(t, NULL);
	printf("sum %d\n", sum);
	return 0;
}
