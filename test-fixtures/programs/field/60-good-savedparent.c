#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
static int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		err(1, "uffd");
	return fd;
}

static int cur, stack[8], depth;
static void *loop(void *arg)
{
	struct uffd_msg msg;

	for (;;) {
		int i;
		for (i = -1; i < depth; i++) {
			int fd = i < 0 ? cur : stack[i];

			if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			if (msg.event == UFFD_EVENT_FORK) {
				if (depth == 8) {
					close(msg.arg.fork.ufd);
					continue;
				}
				stack[depth++] = cur;
				cur = msg.arg.fork.ufd;
			}
		}
	}
	return arg;
}
int main(void)
{
	pthread_t t;

	cur = uffd_open();
	pthread_create(&t, NULL, loop, NULL);
	pthread_join(t, NULL);
}
