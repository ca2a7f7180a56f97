#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int monitor_start(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -1;
	return fd;
}

void monitor_handle(struct uffd_msg *msg)
{
	switch (msg->event) {
	case UFFD_EVENT_FORK: // expect: missing-feature
		close(msg->arg.fork.ufd);
		break;
	}
}
