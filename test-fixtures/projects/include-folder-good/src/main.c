#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <track/track.h>

int track_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = TRACK_FEATURES };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd == -1 || ioctl(fd, UFFDIO_API, &api) == -1)
		return -1;
	return fd;
}

int main(void)
{
	struct uffd_msg msg;
	int fd = track_open();

	if (fd == -1)
		return 1;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		if (TRACK_IS_FORK(&msg))
			close(msg.arg.fork.ufd);
	return 0;
}
