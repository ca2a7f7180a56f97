// style: events told apart by else if
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
static int kids[8], n;
static void fill(int fd, uint64_t a)
{
	struct uffdio_zeropage z = { .range = { a & ~4095ull, 4096 } };
	ioctl(fd, UFFDIO_ZEROPAGE, &z);
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 0 };
	struct uffd_msg m;
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		exit(1);
	while (read(fd, &m, sizeof m) == sizeof m) {
		if (m.event == UFFD_EVENT_PAGEFAULT)
			fill(fd, m.arg.pagefault.address);
		else if (m.event == UFFD_EVENT_FORK && n < 8) // expect: missing-feature
			kids[n++] = m.arg.fork.ufd;
	}
	return 0;
}
