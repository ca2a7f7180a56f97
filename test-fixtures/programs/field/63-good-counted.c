#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
static int fds[32], n;
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg msg;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		err(1, "uffd");
	for (;;) {
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_FORK) {
			int child = msg.arg.fork.ufd;
			if (n < 32)
				fds[n++] = child;
			else
				close(child);
		}
	}
}
