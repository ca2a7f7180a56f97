// style: a static variable takes each child, and none comes to the poll array
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
struct rec { int fd; unsigned hits; struct uffd_msg m; };
static int get(int fd, struct uffd_msg *m)
{
	ssize_t k;
	do
		k = read(fd, m, sizeof *m);
	while (k < 0 && errno == EINTR);
	return k == sizeof *m ? 0 : -1;
}
static int kid;
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	struct pollfd *p = calloc(8, sizeof *p);
	int n = 0;
	if (!p)
		return 0;
	p[n++].fd = fd;
	while (n > 0) {
		if (poll(p, n, -1) < 0)
			continue;
		for (struct pollfd *q = p; q < p + n; q++) {
			struct uffd_msg m;
			if (get(q->fd, &m) < 0) {
				close(q->fd);
				*q = p[--n];
				continue;
			}
			if (m.event == UFFD_EVENT_FORK) {
				kid = m.arg.fork.ufd; // expect: leaked-child-uffd
				goto next;
			}
			if (m.event == UFFD_EVENT_PAGEFAULT)
				ioctl(q->fd, UFFDIO_ZEROPAGE, &(struct uffdio_zeropage){ .range = { m.arg.pagefault.address & ~4095ull, 4096 } });
		next:;
		}
	}
	while (n > 0) {
		n--;
		if (p[n].fd >= 0)
			close(p[n].fd);
	}
	return 0;
}
