// style: a test for FORK that goes to where the child is closed
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fault(int fd, const struct uffd_msg *m)
{
	struct uffdio_zeropage z = { .range = { m->arg.pagefault.address & ~4095ul, 4096 } };

	ioctl(fd, UFFDIO_ZEROPAGE, &z);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg m;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	while (read(fd, &m, sizeof m) == sizeof m) {
		if (m.event == UFFD_EVENT_FORK)
			goto born;
		if (m.event == UFFD_EVENT_REMOVE)
			continue;
		fault(fd, &m);
		continue;
born:
		close(m.arg.fork.ufd);
	}
	return 0;
}
