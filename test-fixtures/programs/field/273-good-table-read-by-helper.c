// style: a variable outside of the loop takes each child on its way to a table, whose elements a helper reads
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct { int fd; int hits; } p[8];
static int n;
static int get(int fd, struct uffd_msg *m) { return read(fd, m, sizeof(*m)) == sizeof(*m) ? 0 : -1; }
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg m;
	int child, fd = syscall(SYS_userfaultfd, O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	p[n++].fd = fd;
	for (;;)
		for (int i = 0; i < n; i++) {
			if (get(p[i].fd, &m) < 0)
				continue;
			if (m.event == UFFD_EVENT_FORK) {
				child = m.arg.fork.ufd;
				if (n < 8)
					p[n++].fd = child;
				else
					close(child);
			} else if (m.event == UFFD_EVENT_PAGEFAULT)
				ioctl(p[i].fd, UFFDIO_ZEROPAGE, &(struct uffdio_zeropage){ .range = { m.arg.pagefault.address & ~4095ull, 4096 } });
		}
}
