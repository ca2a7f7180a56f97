// style: whether there is a message and which one it is, functions of another file say
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

/* in another file */
bool is_short(ssize_t n, size_t wanted);
bool is_fork(int event);
void trace(int level, const char *format, ...);

static int open_tracked(unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) == -1)
		exit(1);
	return fd;
}

int main(void)
{
	int fd = open_tracked(UFFD_FEATURE_EVENT_FORK);
	struct uffd_msg msg;
	ssize_t n;

	for (;;) {
		n = read(fd, &msg, sizeof(msg));
		if (is_short(n, sizeof(msg))) {
			if (errno == EINTR)
				continue;
			return 1;
		}
		trace(1, "event %d of %zd bytes", msg.event, n);
		if (is_fork(msg.event))
			close(msg.arg.fork.ufd);
	}
}
