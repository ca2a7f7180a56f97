// style: checks of an address by its place in the page, failures that end in assert(0)
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

#include <assert.h>

static void track(int fd, void *area)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	if ((unsigned long)area % 4096 || ((unsigned long)area & 0xfff))
		exit(1);
	reg.range.start = (unsigned long)area;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1) {
		perror("UFFDIO_REGISTER");
		assert(0);
	}
}

int main(void)
{
	void *area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (area == MAP_FAILED || fd == -1)
		exit(1);
	struct uffdio_api api = { .api = UFFD_API };

	if (ioctl(fd, UFFDIO_API, &api) == -1) {
		perror("UFFDIO_API");
		assert(!"no userfaultfd");
	}
	track(fd, area);
	return 0;
}
