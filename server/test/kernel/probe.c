/* Says why the kernel suite cannot run here: prints the reason and exits with 1, or exits with 0. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0) {
		printf("userfaultfd(2): %s\n", strerror(errno));
		return 1;
	}
	if (ioctl(fd, UFFDIO_API, &api)) {
		printf("UFFD_FEATURE_EVENT_FORK: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
