#define _GNU_SOURCE
#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char *arm(int fd, size_t len)
{
	struct uffdio_register reg;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)p;
	reg.range.len = len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	return p;
}
static long page = 4096;

static void zero_page(int fd, uint64_t address)
{
	struct uffdio_zeropage z = {
		.range = { .start = address & ~(uint64_t)(page - 1), .len = page },
	};

	if (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno != EEXIST && errno != EAGAIN)
		warn("UFFDIO_ZEROPAGE");
}

static struct pollfd rd_p[64];
static nfds_t rd_n;

/* serves rd_p[0..rd_n), children included */
static void *reader(void *arg)
{
	struct uffd_msg msg;
	nfds_t i;

	for (;;) {
		if (poll(rd_p, rd_n, -1) < 0)
			continue;
		for (i = 0; i < rd_n; i++) {
			if (!rd_p[i].revents || read(rd_p[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			switch (msg.event) {
			case UFFD_EVENT_PAGEFAULT:
				zero_page(rd_p[i].fd, msg.arg.pagefault.address);
				break;
			case UFFD_EVENT_FORK:
				if (rd_n == 64) {
					close(msg.arg.fork.ufd);
					break;
				}
				rd_p[rd_n].events = POLLIN;
				rd_p[rd_n++].fd = msg.arg.fork.ufd;
				break;
			}
		}
	}
	return arg;
}

static void start_reader(int fd)
{
	pthread_t t;

	rd_p[0].fd = fd;
	rd_p[0].events = POLLIN;
	rd_n = 1;
	if (pthread_create(&t, NULL, reader, NULL))
		errx(1, "pthread_create");
	pthread_detach(t);
}

static bool have_fork;

static int open_best(void)
{
	static const __u64 tries[] = { UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_THREAD_ID, 0 };
	struct uffdio_api api;
	size_t i;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -1;
	for (i = 0; i < 2; i++) {
		api.api = UFFD_API;
		api.features = tries[i];
		if (ioctl(fd, UFFDIO_API, &api) == 0) {
			have_fork = tries[i] & UFFD_FEATURE_EVENT_FORK;
			return fd;
		}
	}
	close(fd);
	return -1;
}

int main(void)
{
	int fd = open_best();
	char *mem;
	pid_t pid;

	if (fd < 0)
		err(1, "uffd");
	mem = arm(fd, 2 * page);
	start_reader(fd);
	if (!have_fork)
		errx(77, "no fork events");
	pid = fork();
	if (pid == 0)
		_exit(mem[0]);
	waitpid(pid, NULL, 0);
	return 0;
}
