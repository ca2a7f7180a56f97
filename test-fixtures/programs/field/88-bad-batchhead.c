// style: the first message of a batch is looked at before the others
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

enum { BATCH = 16 };

int main(void)
{
	int fd = open_tracked(UFFD_FEATURE_EVENT_FORK);
	static struct uffd_msg msg[BATCH];

	for (;;) {
		ssize_t n = read(fd, &msg[0], BATCH * sizeof(msg[0])); // expect: leaked-child-uffd

		if (n <= 0)
			return 1;
		if (msg[0].event == UFFD_EVENT_FORK) {
			close(msg[0].arg.fork.ufd);
			continue;
		}
		for (int i = 0; i < (int)(n / sizeof(msg[0])); i++)
			if (msg[i].event == UFFD_EVENT_FORK)
				close(msg[i].arg.fork.ufd);
	}
}
