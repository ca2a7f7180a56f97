#define _GNU_SOURCE
#include "lazy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct lazy_region {
	int fd;
	void *base;
	size_t len;
	size_t page;
	pthread_t server;
};

static enum lazy_error from_errno(int e)
{
	switch (e) {
	case ENOSYS:
		return LAZY_ENOSYS;
	case EPERM:
		return LAZY_EPERM;
	case ENOMEM:
		return LAZY_ENOMEM;
	default:
		return LAZY_EIO;
	}
}

lazy_region *lazy_new(size_t pages)
{
	lazy_region *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->page = sysconf(_SC_PAGESIZE);
	r->len = pages * r->page;
	r->base = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->base == MAP_FAILED) {
		free(r);
		return NULL;
	}
	r->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (r->fd < 0) {
		munmap(r->base, r->len);
		free(r);
		return NULL;
	}
	return r;
}

enum lazy_error lazy_negotiate(lazy_region *r)
{
	struct uffdio_api api;

	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_SIGBUS << 24; /* replaced by the build for new kernels */
	if (ioctl(r->fd, UFFDIO_API, &api) < 0) // expect: unchecked-handshake
		return from_errno(errno);
	return LAZY_OK;
}

enum lazy_error lazy_arm(lazy_region *r)
{
	struct uffdio_register reg;

	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)r->base;
	reg.range.len = r->len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	return ioctl(r->fd, UFFDIO_REGISTER, &reg) < 0 ? from_errno(errno) : LAZY_OK;
}

static void *serve(void *arg)
{
	lazy_region *r = arg;
	struct uffd_msg msg;
	struct uffdio_zeropage z;

	while (read(r->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		z.range.start = msg.arg.pagefault.address & ~(uint64_t)(r->page - 1);
		z.range.len = r->page;
		z.mode = 0;
		ioctl(r->fd, UFFDIO_ZEROPAGE, &z);
	}
	return NULL;
}

enum lazy_error lazy_start(lazy_region *r)
{
	int e = pthread_create(&r->server, NULL, serve, r);

	return e ? from_errno(e) : LAZY_OK;
}

void *lazy_base(const lazy_region *r)
{
	return r->base;
}

void lazy_free(lazy_region *r)
{
	close(r->fd);
	munmap(r->base, r->len);
	free(r);
}

const char *lazy_strerror(enum lazy_error e)
{
	static const char *const text[] = { "ok", "not supported", "not permitted", "out of memory", "I/O error" };

	return text[-e];
}
