// style: a pointer walks through a batch while something is left
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg buf[16];
	struct uffd_msg *p, *end;
	ssize_t n;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	while ((n = read(fd, buf, sizeof buf)) > 0) {
		for (p = buf, end = buf + n / sizeof *p; end - p >= 1; p++) {
			struct uffd_msg m;

			memcpy(&m, p, sizeof m);
			if (m.event == UFFD_EVENT_FORK)
				close(m.arg.fork.ufd);
		}
	}
	return 0;
}
