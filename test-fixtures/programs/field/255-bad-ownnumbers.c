// style: a program has numbers of its own for events, one for each from the first on
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
enum kind { FAULT, FORK, REMAP, REMOVE, UNMAP };
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg m;
	unsigned long gone = 0;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	while (read(fd, &m, sizeof(m)) == sizeof(m)) {
		enum kind kind = m.event - UFFD_EVENT_PAGEFAULT;

		switch (kind) { // expect: unhandled-fork-event
		case REMOVE: // expect: missing-feature
			gone += m.arg.remove.end - m.arg.remove.start;
			break;
		default:
			break;
		}
	}
	return gone > 0;
}
