// style: the reader is there before the userfaultfd, started by another thread
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_tracked(unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) == -1)
		exit(1);
	return fd;
}

static void arm(int fd, void *area)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	reg.range.start = (unsigned long)area;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1)
		exit(1);
}

static volatile int ready, tracked;

static void *pager(void *unused)
{
	struct uffd_msg msg;
	int fd;

	while (!ready)
		usleep(1000);
	fd = tracked;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
			printf("child %d\n", (int)msg.arg.fork.ufd);
	return unused;
}

static void *starter(void *unused)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, pager, NULL))
		exit(1);
	pthread_join(thread, NULL);
	return unused;
}

int main(void)
{
	void *area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	int fd;

	if (pthread_create(&thread, NULL, starter, NULL))
		return 1;
	fd = open_tracked(UFFD_FEATURE_EVENT_FORK);
	arm(fd, area);
	tracked = fd;
	ready = 1;
	return fork() < 0;
}
