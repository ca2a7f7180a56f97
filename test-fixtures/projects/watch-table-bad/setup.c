#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "uffd.h"

static int watch_negotiate(struct watch *w)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK,
	};

	return ioctl(w->uffd, UFFDIO_API, &api);
}

static int watch_arm(struct watch *w)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)w->mem, .len = w->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(w->uffd, UFFDIO_REGISTER, &reg);
}

int watch_open(struct watch *w, size_t pages)
{
	w->page = sysconf(_SC_PAGESIZE);
	w->size = pages * w->page;
	w->nr_children = 0;
	w->mem = mmap(NULL, w->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->mem == MAP_FAILED)
		return -errno;
	w->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (w->uffd < 0)
		goto unmap;
	if (watch_negotiate(w) < 0 || watch_arm(w) < 0)
		goto close;
	if (pipe2(w->stop, O_CLOEXEC) < 0)
		goto close;
	return 0;
close:
	close(w->uffd);
unmap:
	munmap(w->mem, w->size);
	return -1;
}
