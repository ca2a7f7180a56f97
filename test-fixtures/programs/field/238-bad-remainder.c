// style: every other child, told apart by a remainder
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg m;
	unsigned turn = 0;
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC), a = -1;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	while (read(uffd, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
			switch (turn++ % 2) {
			case 0:
				if (a >= 0)
					close(a);
				a = m.arg.fork.ufd;
				break;
			case 1:
				break;
			}
	return 0;
}
