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

/* uf_*: object wrapper; the handshake is made when it is first needed */

struct uf {
	int fd;
	uint64_t want, have;
	bool enabled;
	unsigned nranges;
};

static int uf_init(struct uf *u, int flags, uint64_t want)
{
	memset(u, 0, sizeof(*u));
	u->want = want;
	u->fd = syscall(SYS_userfaultfd, flags | O_CLOEXEC);
	return u->fd < 0 ? -errno : 0;
}

static int uf_ensure(struct uf *u)
{
	struct uffdio_api api = { .api = UFFD_API, .features = u->want };

	if (u->enabled)
		return 0;
	if (ioctl(u->fd, UFFDIO_API, &api) < 0)
		return -1;
	u->have = api.features;
	u->enabled = true;
	return 0;
}

static int uf_register(struct uf *u, void *p, size_t len)
{
	struct uffdio_register r = {
		.range = { .start = (uintptr_t)p, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (uf_ensure(u) < 0)
		return -1;
	if (ioctl(u->fd, UFFDIO_REGISTER, &r) < 0)
		return -1;
	u->nranges++;
	return 0;
}

static int uf_next(struct uf *u, struct uffd_msg *m)
{
	ssize_t n;

	if (uf_ensure(u) < 0)
		return -1;
	do {
		n = read(u->fd, m, sizeof(*m));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(*m) ? 1 : -1;
}

static void uf_done(struct uf *u)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
	u->enabled = false;
}

static void *pump(void *arg)
{
	struct uf *u = arg;
	size_t psz = sysconf(_SC_PAGESIZE);
	struct uffd_msg m;

	while (uf_next(u, &m) > 0) {
		struct uffdio_zeropage z = { 0 };

		if (m.event != UFFD_EVENT_PAGEFAULT)
			continue;
		z.range.start = m.arg.pagefault.address & ~(uint64_t)(psz - 1);
		z.range.len = psz;
		if (ioctl(u->fd, UFFDIO_ZEROPAGE, &z) < 0 && errno != EEXIST)
			perror("UFFDIO_ZEROPAGE");
	}
	return NULL;
}

int main(void)
{
	struct uf u;
	pthread_t t;
	size_t len = 4 * sysconf(_SC_PAGESIZE);
	char *a = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *b = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (a == MAP_FAILED || b == MAP_FAILED)
		return 1;
	if (uf_init(&u, 0, 0) < 0) {
		perror("userfaultfd");
		return 1;
	}
	if (uf_register(&u, a, len) < 0) {
		perror("first range");
		uf_done(&u);
		return 1;
	}
	if (uf_register(&u, b, len) < 0) {
		perror("second range");
		uf_done(&u);
		return 1;
	}
	if (pthread_create(&t, NULL, pump, &u) != 0)
		return 1;
	printf("%d %d, %u ranges\n", a[9], b[9], u.nranges);
	return 0;
}
