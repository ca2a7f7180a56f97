// style: a library that probes for features, and gives the descriptor out
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int pager_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api))
		goto fail;
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(fd, UFFDIO_API, &api)) // expect: repeated-handshake
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}
