// style: one child at a time, polled beside its parent
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int parent = -1, child = -1;

static void pump(int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof m) != sizeof m)
		return;
	if (m.event == UFFD_EVENT_FORK) {
		if (child >= 0)
			close(child);
		child = m.arg.fork.ufd;
	}
}

int main(void)
{
	struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	parent = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (parent < 0 || ioctl(parent, UFFDIO_API, &a))
		return 1;
	for (;;) {
		struct pollfd p[2] = { { parent, POLLIN, 0 }, { child, POLLIN, 0 } };

		poll(p, 2, -1);
		if (p[0].revents)
			pump(parent);
		if (p[1].revents)
			pump(child);
	}
}
