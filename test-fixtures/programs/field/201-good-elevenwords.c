// style: words of C11; a full table closes the child
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fds[4], n;

static int serve(int fd)
{
	static _Thread_local char log[64];
	_Alignas(32) struct uffd_msg msg;
	_Pragma("GCC diagnostic push")

	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	if (msg.event == UFFD_EVENT_FORK) {
		if (n == 4) {
			snprintf(log, sizeof(log), "full");
			close(msg.arg.fork.ufd);
			return -1;
		}
		fds[n++] = msg.arg.fork.ufd;
	}
	return 0;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	for (;;)
		serve(fd);
}
