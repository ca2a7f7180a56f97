// style: the function of the reader comes as a parameter
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

static void *pager(void *argument)
{
	int fd = *(int *)argument;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
	return NULL;
}

static void start(int *fd, pthread_t *thread, void *(*run)(void *))
{
	if (fork() == 0) // expect: fork-event-never-read
		_exit(0);
	if (pthread_create(thread, NULL, run, fd))
		exit(1);
}

int main(void)
{
	int fd = open_tracked(UFFD_FEATURE_EVENT_FORK);
	pthread_t thread;

	arm(fd, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	start(&fd, &thread, pager);
	pthread_join(thread, NULL);
	return 0;
}
