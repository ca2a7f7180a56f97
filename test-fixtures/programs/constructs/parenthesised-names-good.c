// style: names of types and of values in parentheses, which read alike: a cast, a sum, a mask
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int descriptor;
typedef unsigned long address;

#define WITH(set, flag) ((set) + (flag) * 1UL)

static unsigned long children;

static void greet(const struct uffd_msg *msg)
{
	descriptor child = (descriptor)(msg->arg.fork.ufd);

	children = (children) + (child >= 0) * 1UL;
	close(child);
}

static void *events(void *arg)
{
	int uffd = *(int *)arg;
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK)
			greet(&msg);
		else if (msg.event == UFFD_EVENT_UNMAP)
			break;
	}
	return NULL;
}

static int watch(void *mem, size_t len)
{
	unsigned long wanted = UFFD_FEATURE_EVENT_FORK;
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = WITH(wanted, UFFD_FEATURE_EVENT_UNMAP),
	};
	struct uffdio_register reg = {
		.range = { .start = (address)(mem), .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &reg) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int main(void)
{
	size_t len = 1 << 16;
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	int uffd, i;

	if (mem == MAP_FAILED || (uffd = watch(mem, len)) < 0) {
		perror("watch");
		return 1;
	}
	if (pthread_create(&thread, NULL, events, &uffd) != 0)
		return 1;
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
