// style: a variable outside of the loop takes each child on its way to a poll array, whose slots are read
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct pollfd p[8];
	struct uffd_msg m;
	int n = 0, child;
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	p[n++].fd = fd;
	for (;;)
		for (int i = 0; i < n; i++)
			if (read(p[i].fd, &m, sizeof(m)) == sizeof(m) && m.event == UFFD_EVENT_FORK) {
				child = m.arg.fork.ufd;
				if (n < 8)
					p[n++].fd = child;
				else
					close(child);
			}
}
