#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0: nothing; else the number of the child's descriptor plus one */
static int next(int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof m) != sizeof m || m.event != UFFD_EVENT_FORK)
		return 0;
	return 1 + (int)m.arg.fork.ufd;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC), n;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	while ((n = next(fd)) > 0)
		close(n - 1);
	return 0;
}
