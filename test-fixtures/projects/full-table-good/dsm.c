#define _GNU_SOURCE
#include "dsm.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int dsm_ioctl(int fd, unsigned long request, void *arg)
{
	for (;;) {
		if (!ioctl(fd, request, arg))
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

static int on_fault(struct dsm *d, struct uffd_msg *m)
{
	struct uffdio_zeropage z;

	memset(&z, 0, sizeof z);
	z.range.start = m->arg.pagefault.address & ~4095ull;
	z.range.len = 4096;
	UFFD_CALL(d, UFFDIO_ZEROPAGE, &z);
	return 0;
}

static int on_fork(struct dsm *d, struct uffd_msg *m)
{
	if (d->nguests >= 32)
		return close(m->arg.fork.ufd);
	d->guests[d->nguests++] = m->arg.fork.ufd;
	return 0;
}

static int ignore(struct dsm *d, struct uffd_msg *m)
{
	(void)d; (void)m;
	return 0;
}

static const struct dsm_ops ops = {
	.on = {
		[UFFD_EVENT_PAGEFAULT - 0x12] = on_fault,
		[UFFD_EVENT_FORK - 0x12] = on_fork,
		[UFFD_EVENT_REMOVE - 0x12] = ignore,
	},
};

int dsm_open(struct dsm *d, uint64_t features)
{
	struct uffdio_api *api = calloc(1, sizeof *api);

	if (!api)
		return -1;
	d->ops = &ops;
	d->message = malloc(sizeof *d->message);
	if (!d->message) {
		free(api);
		return -1;
	}
	d->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (d->fd < 0) {
		free(api);
		return -1;
	}
	api->api = UFFD_API;
	api->features = features | UFFD_FEATURE_EVENT_FORK;
	if (dsm_ioctl(d->fd, UFFDIO_API, api) < 0) {
		free(api);
		close(d->fd);
		return -1;
	}
	free(api);
	return 0;
}

int dsm_arm(struct dsm *d)
{
	struct uffdio_register r = {
		.range = { (uint64_t)d->base, d->length },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	UFFD_CALL(d, UFFDIO_REGISTER, &r);
	return 0;
}

int dsm_pump(struct dsm *d)
{
	struct uffd_msg *m = d->message;
	event_fn fn;

	while (read(d->fd, m, sizeof *m) == (ssize_t)sizeof *m) {
		unsigned slot = m->event - 0x12;

		if (slot < 8 && (fn = d->ops->on[slot]))
			fn(d, m);
	}
	return 0;
}
