// style: /dev/userfaultfd first, the system call as a fallback, one handshake for both
// observe: output tracking
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct region {
	void *base;
	size_t len;
	int uffd;
};

static int uffd_from_device(int flags)
{
	int dev, fd;

	dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -1;
	fd = ioctl(dev, USERFAULTFD_IOC_NEW, flags);
	close(dev);
	return fd;
}

static int uffd_open(int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd;

	fd = uffd_from_device(flags);
	if (fd < 0)
		fd = syscall(__NR_userfaultfd, flags);
	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int region_track(struct region *r)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)r->base, .len = r->len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(r->uffd, UFFDIO_REGISTER, &reg) < 0) {
		fprintf(stderr, "cannot track %p: %s\n", r->base, strerror(errno));
		return -1;
	}
	return 0;
}

int main(void)
{
	struct region r = { .len = 16 * sysconf(_SC_PAGESIZE) };
	int ret = 1;

	r.base = mmap(NULL, r.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r.base == MAP_FAILED)
		return 1;
	r.uffd = uffd_open(O_CLOEXEC | O_NONBLOCK);
	if (r.uffd < 0)
		goto unmap;
	if (region_track(&r) < 0)
		goto close;
	printf("tracking %zu bytes\n", r.len);
	ret = 0;
close:
	close(r.uffd);
unmap:
	munmap(r.base, r.len);
	return ret;
}
