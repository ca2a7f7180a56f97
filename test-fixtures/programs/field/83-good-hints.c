// style: branch hints of a project's own, from a header that is not there
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

/* a function, whatever its name sounds like */
static void drop_unlikely(int child)
{
	close(child);
}

int main(void)
{
	int fd = open_tracked(UFFD_FEATURE_EVENT_FORK);
	struct uffd_msg msg;
	ssize_t n;

	for (;;) {
		n = read(fd, &msg, sizeof(msg));
		if (RTE_UNLIKELY(n < 0)) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return 1;
		}
		if (my_likely(msg.event == UFFD_EVENT_PAGEFAULT))
			continue;
		if (msg.event == UFFD_EVENT_FORK)
			drop_unlikely(msg.arg.fork.ufd);
	}
}
