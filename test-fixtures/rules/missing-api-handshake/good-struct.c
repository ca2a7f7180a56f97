// style: handshake in another function, descriptor in a struct
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct pager {
	int fd;
	char *memory;
	size_t size;
};

static int enable(struct pager *p)
{
	struct uffdio_api api = { UFFD_API, 0, 0 };

	return ioctl(p->fd, UFFDIO_API, &api);
}

static int arm(struct pager *p)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)p->memory, p->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(p->fd, UFFDIO_REGISTER, &reg);
}

int main(void)
{
	struct pager p = { .fd = -1, .size = 8192 };
	int ret = 1;

	p.memory = mmap(NULL, p.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p.memory == MAP_FAILED)
		return 1;
	p.fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (p.fd < 0)
		goto out;
	if (enable(&p) < 0)
		goto out_close;
	if (arm(&p) < 0)
		goto out_close;
	ret = 0;
out_close:
	close(p.fd);
out:
	munmap(p.memory, p.size);
	return ret;
}
