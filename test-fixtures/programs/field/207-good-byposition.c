// style: struct epoll_event is filled by position
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ep;

static void ep_add(int fd)
{
	struct epoll_event e = { EPOLLIN, { .fd = fd } };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
		exit(1);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct epoll_event e;
	struct uffd_msg m;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	ep = epoll_create1(0);
	ep_add(fd);
	while (epoll_wait(ep, &e, 1, -1) == 1)
		if (read(e.data.fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
			ep_add(m.arg.fork.ufd);
	return 0;
}
