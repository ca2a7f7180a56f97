#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* sparse: a growable vector whose pages come from a generator */

enum sparse_status { SPARSE_OK, SPARSE_NOMEM, SPARSE_NOSYS, SPARSE_IO };

typedef void (*generator)(void *ctx, size_t first, uint32_t *out, size_t n);

struct sparse {
	int fd;
	uint32_t *items;
	size_t nitems;
	generator gen;
	void *gen_ctx;
	uint32_t *bounce;
	pthread_t worker;
};

static size_t pg;

static int
ioctl_retry(int fd, unsigned long request, void *argp)
{
	int tries = 0;

	while (ioctl(fd, request, argp) == -1) {
		if (errno != EINTR && errno != EAGAIN)
			return -1;
		if (++tries > 1000)
			return -1;
	}
	return 0;
}

static void *
sparse_worker(void *opaque)
{
	struct sparse *v = opaque;
	struct uffd_msg *m = malloc(sizeof *m);
	struct uffdio_copy copy;
	ssize_t n;

	if (m == NULL)
		return NULL;
	for (;;) {
		n = read(v->fd, m, sizeof *m);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			fprintf(stderr, "sparse: %s\n", strerror(errno));
			break;
		}
		if (m->event != UFFD_EVENT_PAGEFAULT)
			continue;
		uintptr_t at = m->arg.pagefault.address & ~(pg - 1);
		v->gen(v->gen_ctx, (at - (uintptr_t)v->items) / sizeof *v->items,
		       v->bounce, pg / sizeof *v->items);
		copy.dst = at;
		copy.src = (uintptr_t)v->bounce;
		copy.len = pg;
		copy.mode = 0;
		if (ioctl_retry(v->fd, UFFDIO_COPY, &copy) == -1 && errno != EEXIST) {
			fprintf(stderr, "sparse: copy: %s\n", strerror(errno));
			break;
		}
	}
	free(m);
	return NULL;
}

static enum sparse_status
sparse_enable(struct sparse *v)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EXACT_ADDRESS };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)v->items, .len = v->nitems * sizeof *v->items },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	enum sparse_status st = SPARSE_OK;

	if (ioctl_retry(v->fd, UFFDIO_API, &api) < 0) {
		fprintf(stderr, "sparse: this kernel is too old: %s\n", strerror(errno));
		st = SPARSE_NOSYS;
		return st;
	}
	if (ioctl_retry(v->fd, UFFDIO_REGISTER, &reg) < 0)
		st = SPARSE_IO;
	return st;
}

enum sparse_status
sparse_create(struct sparse *v, size_t nitems, generator gen, void *ctx)
{
	enum sparse_status st;

	memset(v, 0, sizeof *v);
	v->fd = -1;
	v->nitems = nitems;
	v->gen = gen;
	v->gen_ctx = ctx;
	v->bounce = malloc(pg);
	v->items = mmap(NULL, nitems * sizeof *v->items, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v->bounce == NULL || v->items == MAP_FAILED) {
		st = SPARSE_NOMEM;
		goto fail;
	}
	v->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (v->fd < 0) {
		st = SPARSE_NOSYS;
		goto fail;
	}
	st = sparse_enable(v);
	if (st != SPARSE_OK)
		goto fail;
	if (pthread_create(&v->worker, NULL, sparse_worker, v) != 0) {
		st = SPARSE_NOMEM;
		goto fail;
	}
	return SPARSE_OK;

fail:
	if (v->fd >= 0)
		close(v->fd);
	if (v->items != MAP_FAILED)
		munmap(v->items, nitems * sizeof *v->items);
	free(v->bounce);
	return st;
}

static void
squares(void *ctx, size_t first, uint32_t *out, size_t n)
{
	size_t i;

	(void)ctx;
	for (i = 0; i < n; i++)
		out[i] = (first + i) * (first + i);
}

int
main(void)
{
	struct sparse v;
	enum sparse_status st;

	pg = sysconf(_SC_PAGESIZE);
	st = sparse_create(&v, 1 << 20, squares, NULL);
	if (st != SPARSE_OK) {
		fprintf(stderr, "status %d\n", st);
		return 1;
	}
	printf("%u %u\n", v.items[12], v.items[40000]);
	return 0;
}
