#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* main loop on epoll with data.fd only; a timer ends the show */

static int ep = -1, timer = -1, root_uffd = -1;
static unsigned char *zone;
static size_t zone_len, pagesz;
static unsigned nfork, nfault;

static void oops(const char *msg)
{
	perror(msg);
	exit(1);
}

static void add(int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
		oops("epoll_ctl");
}

static void on_fault(int fd, unsigned long long a)
{
	struct uffdio_zeropage z;

	nfault++;
	z.range.start = a & ~(pagesz - 1ULL);
	z.range.len = pagesz;
	z.mode = 0;
	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

static void on_uffd(int fd)
{
	struct uffd_msg m;

	for (;;) {
		ssize_t r = read(fd, &m, sizeof m);

		if (r < 0) {
			if (errno == EAGAIN)
				return;
			if (errno == EINTR)
				continue;
			oops("read");
		}
		switch (m.event) {
		case UFFD_EVENT_FORK: // expect: leaked-child-uffd
			nfork++;
			if (nfork % 2)
				add(m.arg.fork.ufd);
			break;
		case UFFD_EVENT_PAGEFAULT:
			on_fault(fd, m.arg.pagefault.address);
			break;
		}
	}
}

static void *loop(void *unused)
{
	struct epoll_event evs[16];
	bool run = true;

	while (run) {
		int i, n = epoll_wait(ep, evs, 16, -1);

		if (n < 0 && errno != EINTR)
			oops("epoll_wait");
		for (i = 0; i < n; i++) {
			if (evs[i].data.fd == timer)
				run = false;
			else
				on_uffd(evs[i].data.fd);
		}
	}
	return unused;
}

static void open_all(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct itimerspec its = { .it_value.tv_nsec = 300000000 };

	pagesz = getpagesize();
	zone_len = 4 * pagesz;
	zone = mmap(NULL, zone_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (zone == MAP_FAILED)
		oops("mmap");
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) < 0)
		oops("epoll_create1");
	if ((timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) < 0)
		oops("timerfd_create");
	if (timerfd_settime(timer, 0, &its, NULL) < 0)
		oops("timerfd_settime");
	if ((root_uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) < 0)
		oops("userfaultfd");
	if (ioctl(root_uffd, UFFDIO_API, &api) < 0)
		oops("UFFDIO_API");
	reg.range.start = (uintptr_t)zone;
	reg.range.len = zone_len;
	if (ioctl(root_uffd, UFFDIO_REGISTER, &reg) < 0)
		oops("UFFDIO_REGISTER");
	add(timer);
	add(root_uffd);
}

int main(void)
{
	pthread_t t;
	int i;

	open_all();
	if (pthread_create(&t, NULL, loop, NULL))
		oops("pthread_create");
	zone[0] = 1;
	for (i = 0; i < 4; i++) {
		pid_t p = fork();

		if (p < 0)
			oops("fork");
		if (p == 0)
			_exit(zone[0] - 1);
		waitpid(p, NULL, 0);
	}
	pthread_join(t, NULL);
	printf("%u forks, %u faults\n", nfork, nfault);
	return 0;
}
