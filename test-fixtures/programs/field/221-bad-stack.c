// style: a stack of children under a pointer, which is only counted at the end
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void drain(int fd)
{
	struct uffd_msg m;
	int v[4], *p = v;

	while (p < v + 4 && read(fd, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
			*p++ = m.arg.fork.ufd;
	while (p > v)
		--p;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	for (;;)
		drain(fd);
}
