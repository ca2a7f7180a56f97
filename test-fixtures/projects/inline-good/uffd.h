/* uffd.h - thin inline layer over the ioctls */
#ifndef MINI_UFFD_H
#define MINI_UFFD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_userfaultfd
#define __NR_userfaultfd 323
#endif

#define UFFD_WANT (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_THREAD_ID)

static inline int uffd_create(int flags)
{
	return (int)syscall(__NR_userfaultfd, flags | O_CLOEXEC);
}

static inline int uffd_enable(int fd, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	if (ioctl(fd, UFFDIO_API, &api)) {
		fprintf(stderr, "uffd: cannot enable %#llx on %d\n", (unsigned long long)features, fd);
		return -1;
	}
	return 0;
}

static inline int uffd_register(int fd, void *start, uint64_t len, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)start, .len = len },
		.mode = mode,
	};

	return ioctl(fd, UFFDIO_REGISTER, &reg);
}

static inline int uffd_zero(int fd, uint64_t address, uint64_t psz)
{
	struct uffdio_zeropage z = { .range = { .start = address & ~(psz - 1), .len = psz } };
	int rc;

	while ((rc = ioctl(fd, UFFDIO_ZEROPAGE, &z)) == -1 && errno == EAGAIN)
		;
	return rc == -1 && errno != EEXIST ? -1 : 0;
}

/* 1: a message, 0: none now, -1: error */
static inline int uffd_next(int fd, struct uffd_msg *msg)
{
	ssize_t n = read(fd, msg, sizeof(*msg));

	if (n == (ssize_t)sizeof(*msg))
		return 1;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -1;
}

#endif
