#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void serve(int fd)
{
	struct uffd_msg m;

	while (read(fd, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK) {
			int kid = m.arg.fork.ufd;

			serve(kid);
			close(kid);
		}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	serve(fd);
	return 0;
}
