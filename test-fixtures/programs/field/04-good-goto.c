#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

/* A demand-zeroed arena for a database's page cache. */
struct arena {
	int uffd;
	void *base;
	size_t len;
	pthread_t pager;
	bool running;
};

static size_t pagesz;

static int negotiate(int fd)
{
	struct uffdio_api api;

	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	if (ioctl(fd, UFFDIO_API, &api) == -1)
		return -errno;
	return 0;
}

static void *pager_main(void *p)
{
	struct arena *a = p;

	while (1) {
		struct uffd_msg msg;
		struct uffdio_zeropage z;
		ssize_t n = read(a->uffd, &msg, sizeof(msg));

		if (n < 0) {
			if (errno == EINTR)
				continue;
			fprintf(stderr, "pager: read: %s\n", strerror(errno));
			return NULL;
		}
		if (n != (ssize_t)sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		z.range.start = msg.arg.pagefault.address & ~(uint64_t)(pagesz - 1);
		z.range.len = pagesz;
		z.mode = 0;
		if (ioctl(a->uffd, UFFDIO_ZEROPAGE, &z) == -1 && errno != EEXIST)
			fprintf(stderr, "pager: zeropage: %s\n", strerror(errno));
	}
}

int arena_open(struct arena *a, size_t len, bool prefer_dev)
{
	struct uffdio_register reg = { 0 };
	int rc, dev;

	a->uffd = -1;
	a->running = false;
	a->len = len;
	a->base = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->base == MAP_FAILED) {
		rc = -errno;
		goto out;
	}

	if (prefer_dev) {
		dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
		if (dev >= 0) {
			a->uffd = ioctl(dev, USERFAULTFD_IOC_NEW, O_CLOEXEC);
			close(dev);
		}
	}
	if (a->uffd < 0)
	a->uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (a->uffd < 0) {
		rc = -errno;
		goto unmap;
	}
	rc = negotiate(a->uffd);
	if (rc)
		goto close_fd;
	reg.range.start = (uintptr_t)a->base;
	reg.range.len = len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(a->uffd, UFFDIO_REGISTER, &reg) == -1) {
		rc = -errno;
		goto close_fd;
	}
	rc = -pthread_create(&a->pager, NULL, pager_main, a);
	if (rc)
		goto close_fd;
	a->running = true;
	return 0;

close_fd:
	close(a->uffd);
	a->uffd = -1;
unmap:
	munmap(a->base, a->len);
	a->base = NULL;
out:
	return rc;
}

void arena_close(struct arena *a)
{
	if (a->running) {
		pthread_cancel(a->pager);
		pthread_join(a->pager, NULL);
	}
	if (a->uffd >= 0)
		close(a->uffd);
	if (a->base)
		munmap(a->base, a->len);
}

int main(int argc, char **argv)
{
	struct arena a;
	unsigned char *p;
	int rc;

	pagesz = sysconf(_SC_PAGESIZE);
	rc = arena_open(&a, 64 * pagesz, argc < 2 || strcmp(argv[1], "--syscall"));
	if (rc < 0) {
		fprintf(stderr, "arena_open: %s\n", strerror(-rc));
		return EXIT_FAILURE;
	}
	p = a.base;
	printf("first byte %d\n", p[5 * pagesz]);
	arena_close(&a);
	return EXIT_SUCCESS;
}
