// style: the reader starts before the handshake
// observe: errno EINVAL read
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	struct uffd_msg msg;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd == -1)
		return 1;
	if (read(fd, &msg, sizeof(msg)) == -1) { // expect: missing-api-handshake
		perror("read");
		return 0;
	}
	return 1;
}
