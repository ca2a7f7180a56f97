// style: the handshake in a wrapper that takes a void pointer, the reader in a library
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static int api_ioctl(void *arg, int fd)
{
	struct uffdio_api *api = arg;
	return ioctl(fd, UFFDIO_API, api);
}
int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd != -1 && api_ioctl(&api, fd)) {
		close(fd);
		return -1;
	}
	return fd;
}
int handle(int ufd)
{
	struct uffd_msg msg;

	if (read(ufd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	switch (msg.event) {
	case UFFD_EVENT_PAGEFAULT:
		return 1;
	case UFFD_EVENT_FORK:
		close(msg.arg.fork.ufd);
		break;
	default:
		return -1;
	}
	return 0;
}
