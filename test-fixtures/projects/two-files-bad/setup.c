#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "pager.h"

static int negotiate(int fd, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	return ioctl(fd, UFFDIO_API, &api);
}

int pager_open(struct pager *p, size_t size)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	p->size = size;
	p->child = -1;
	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->uffd < 0)
		return -1;
	if (negotiate(p->uffd, UFFD_FEATURE_EVENT_FORK) < 0)
		goto fail;
	p->area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->area == MAP_FAILED)
		goto fail;
	reg.range.start = (uintptr_t)p->area;
	reg.range.len = size;
	if (ioctl(p->uffd, UFFDIO_REGISTER, &reg) < 0)
		goto fail;
	return 0;
fail:
	close(p->uffd);
	return -1;
}
