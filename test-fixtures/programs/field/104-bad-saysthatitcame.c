// style: a helper that returns an error for an event that cannot come
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <stdlib.h>
#include <unistd.h>
static int handle(int fd, struct uffd_msg *m)
{
	if (m->event == UFFD_EVENT_PAGEFAULT) {
		ioctl(fd, UFFDIO_WAKE, 0);
		return 0;
	}
	if (m->event == UFFD_EVENT_FORK) // expect: missing-feature
		return close(m->arg.fork.ufd);
	return 0;
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 0 };
	struct uffd_msg m;
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		exit(1);
	while (read(fd, &m, sizeof m) == sizeof m) {
		if (handle(fd, &m) < 0)
			break;
	}
	close(fd);
	return 0;
}
