// style: a table of records that is closed up after each round loses a child when it is full
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct rec { int fd; unsigned hits; };

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	struct rec p[8];
	int n = 0, i;

	p[n++].fd = fd;
	for (;;) {
		for (i = 0; i < n; i++) {
			struct uffd_msg m;
			if (read(p[i].fd, &m, sizeof(m)) != sizeof(m)) {
				close(p[i].fd);
				p[i].fd = -1;
				continue;
			}
			if (m.event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
				if (n < 8)
					p[n++].fd = m.arg.fork.ufd;
				else
					continue;
			} else if (m.event == UFFD_EVENT_PAGEFAULT) { ioctl(p[i].fd, UFFDIO_ZEROPAGE, &(struct uffdio_zeropage){ .range = { m.arg.pagefault.address, 4096 } }); }
		}
		int to = 0;
		for (int from = 0; from < n; from++)
			if (p[from].fd >= 0)
				p[to++] = p[from];
		n = to;
	}
}
