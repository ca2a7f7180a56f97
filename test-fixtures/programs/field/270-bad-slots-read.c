// style: a poll array of each turn is filled from a variable and read through its slot
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void monitor(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg m;
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return;
	for (;;) {
		struct pollfd p[1];
		p[0].fd = fd;
		p[0].events = POLLIN;
		poll(p, 1, -1);
		if (read(p[0].fd, &m, sizeof(m)) != sizeof m)
			continue;
		if (m.event == UFFD_EVENT_FORK)
			fd = m.arg.fork.ufd; // expect: overwritten-parent-uffd
	}
}
