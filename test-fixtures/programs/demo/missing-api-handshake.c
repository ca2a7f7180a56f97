// style: a helper that may skip the handshake
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

static int open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 0 };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		perror("userfaultfd");
		exit(1);
	}
	if (getenv("UFFD_PROBE") && ioctl(fd, UFFDIO_API, &api)) {
		perror("UFFDIO_API");
		exit(1);
	}
	return fd;
}

int main(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = sysconf(_SC_PAGESIZE);
	void *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open_uffd();

	if (area == MAP_FAILED)
		return 1;
	reg.range.start = (uintptr_t)area;
	reg.range.len = size;
	if (ioctl(fd, UFFDIO_REGISTER, &reg)) { // expect: missing-api-handshake
		perror("UFFDIO_REGISTER");
		return 1;
	}
	printf("armed\n");
	close(fd);
	return 0;
}
