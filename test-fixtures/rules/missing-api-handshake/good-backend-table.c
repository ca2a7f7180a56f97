// style: dispatch table of back ends; each enables the descriptor in its own way
// observe: output wp pager
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

struct pager;

struct pager_ops {
	const char *name;
	int (*negotiate)(struct pager *p);
	uint64_t mode;
};

struct pager {
	const struct pager_ops *ops;
	int uffd;
	char *mem;
	size_t size;
};

static int negotiate_missing(struct pager *p)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 0 };

	return ioctl(p->uffd, UFFDIO_API, &api);
}

static int negotiate_wp(struct pager *p)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };

	return ioctl(p->uffd, UFFDIO_API, &api);
}

static const struct pager_ops missing_ops = {
	.name = "missing",
	.negotiate = negotiate_missing,
	.mode = UFFDIO_REGISTER_MODE_MISSING,
};

static const struct pager_ops wp_ops = {
	.name = "wp",
	.negotiate = negotiate_wp,
	.mode = UFFDIO_REGISTER_MODE_WP,
};

static int pager_start(struct pager *p)
{
	struct uffdio_register reg = { .mode = p->ops->mode };

	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->uffd < 0)
		return -1;
	if (p->ops->negotiate(p) < 0)
		goto fail;
	p->mem = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->mem == MAP_FAILED)
		goto fail;
	reg.range.start = (uintptr_t)p->mem;
	reg.range.len = p->size;
	if (ioctl(p->uffd, UFFDIO_REGISTER, &reg) == 0)
		return 0;
	fprintf(stderr, "%s: register: %s\n", p->ops->name, strerror(errno));
	munmap(p->mem, p->size);
fail:
	close(p->uffd);
	return -1;
}

int main(int argc, char **argv)
{
	struct pager p = { .ops = &wp_ops, .size = 65536 };

	if (argc > 1 && strcmp(argv[1], "missing") == 0)
		p.ops = &missing_ops;
	if (pager_start(&p) < 0)
		return 1;
	printf("%s pager on %zu bytes\n", p.ops->name, p.size);
	close(p.uffd);
	return 0;
}
