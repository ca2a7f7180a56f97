// style: a limit of an integer type stands for failure
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void arm(int fd, void *area)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	reg.range.start = (unsigned long)area;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1)
		exit(1);
}

#include <stdint.h>

static uint64_t negotiate(int fd)
{
	uint64_t enabled = UINT64_MAX;
	struct uffdio_api api = { .api = UFFD_API };

	if (ioctl(fd, UFFDIO_API, &api) == 0)
		enabled = api.features;
	return enabled;
}

int main(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return 1;
	if (negotiate(fd) == UINT64_MAX)
		return 1;
	arm(fd, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	return 0;
}
