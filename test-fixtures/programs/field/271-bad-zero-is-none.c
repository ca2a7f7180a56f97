// style: where memory for one more runs out it is lost; a helper returns the child's descriptor, zero for nothing and less for an end; the loop takes it in where it is above zero
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int serve(int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof(m)) != sizeof(m))
		return errno == EAGAIN ? 0 : -1;
	if (m.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
		return m.arg.fork.ufd;
	return 0;
}

static void monitor(int fd)
{
	struct pollfd *p = NULL;
	int n = 0, cap = 0, add = fd;

	for (;;) {
		if (add > 0) {
			if (n == cap) {
				struct pollfd *q = realloc(p, (cap += 8) * sizeof(*p));

				if (!q)
					break;
				p = q;
			}
			p[n++] = (struct pollfd){ add, POLLIN, 0 };
			add = 0;
		}
		if (poll(p, n, -1) <= 0)
			continue;
		for (int i = n - 1; i >= 0; i--) {
			if (!p[i].revents)
				continue;
			add = serve(p[i].fd);
			if (add < 0) {
				close(p[i].fd);
				p[i] = p[--n];
			}
			if (add > 0)
				break;
		}
	}
	for (int i = 0; i < n; i++)
		close(p[i].fd);
	free(p);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	monitor(fd);
	return 0;
}
