// style: one result variable for a sequence of requests; the next request overwrites the handshake's
// setup: drop-cap
// observe: errno EPERM UFFDIO_API
// observe: output cannot watch the arena: Invalid argument
// observe: exit 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARENA_PAGES 32

struct arena {
	char *base;
	size_t size;
	int uffd;
};

static int arena_watch(struct arena *a)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_UNMAP,
	};
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)a->base, .len = a->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int rc;

	a->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (a->uffd < 0)
		return -errno;

	rc = ioctl(a->uffd, UFFDIO_API, &api); // expect: unchecked-handshake
	rc = ioctl(a->uffd, UFFDIO_REGISTER, &reg);
	if (rc < 0) {
		rc = -errno;
		close(a->uffd);
		a->uffd = -1;
		return rc;
	}
	return 0;
}

static void arena_destroy(struct arena *a)
{
	if (a->uffd >= 0)
		close(a->uffd);
	munmap(a->base, a->size);
}

int main(void)
{
	struct arena a = { .uffd = -1 };
	int rc;

	a.size = ARENA_PAGES * sysconf(_SC_PAGESIZE);
	a.base = mmap(NULL, a.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a.base == MAP_FAILED)
		return 1;
	rc = arena_watch(&a);
	if (rc < 0)
		fprintf(stderr, "cannot watch the arena: %s\n", strerror(-rc));
	else
		printf("watching %zu bytes\n", a.size);
	arena_destroy(&a);
	return rc < 0;
}
