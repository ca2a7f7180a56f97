#include "pager.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int zero_load(struct pager *p, int fd, uint64_t address)
{
	struct uffdio_zeropage z = { .range = { .start = address, .len = p->page } };

	p->loads++;
	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) == -1) {
		if (errno == EEXIST || errno == ESRCH)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	return 0;
}

static void zero_forked(struct pager *p, int fd)
{
	if (p->nkids == 16) {
		close(fd);
		return;
	}
	p->kids[p->nkids++] = fd;
}

static void zero_removed(struct pager *p, uint64_t start, uint64_t end)
{
	(void)p;
	(void)start;
	(void)end;
}

const struct pager_ops zero_ops = {
	.load = zero_load,
	.forked = zero_forked,
	.removed = zero_removed,
};
