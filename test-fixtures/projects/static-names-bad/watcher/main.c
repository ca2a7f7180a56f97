// style: a program whose static functions have the names of another program's
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int monitor_start(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -1;
	return fd;
}

static void monitor_handle(struct uffd_msg *msg)
{
	if (msg->event == UFFD_EVENT_FORK)
		close(msg->arg.fork.ufd);
}

int main(void)
{
	struct uffd_msg msg;
	int fd = monitor_start();

	if (fd < 0)
		return 1;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		monitor_handle(&msg);
	return 0;
}
