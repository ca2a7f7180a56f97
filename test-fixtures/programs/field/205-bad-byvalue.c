// style: the first message of a batch is handed on by value
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void one(struct uffd_msg m)
{
	if (m.event == UFFD_EVENT_FORK)
		close(m.arg.fork.ufd);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg buf[8];
	ssize_t n;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	while ((n = read(fd, buf, sizeof buf)) > 0) { // expect: leaked-child-uffd
		one(buf[0]);
	}
	return 0;
}
