// style: what the child holds points behind a header, at which it does not look
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct cell {
	long hdr;
	void *ptr[3];
};

static int uffd;
static char page[4096];
static void **root;	/* what the user holds: &cell->ptr[0] */

static void *reader(void *arg)
{
	struct uffd_msg m;

	(void)arg;
	while (read(uffd, &m, sizeof(m)) == sizeof(m)) {
		struct uffdio_copy c = { .dst = m.arg.pagefault.address & ~4095ull, .src = (uintptr_t)page, .len = 4096 };

		if (m.event != UFFD_EVENT_PAGEFAULT || ioctl(uffd, UFFDIO_COPY, &c) < 0)
			break;
	}
	return NULL;
}

static long look(void **p)
{
	struct cell *c = (struct cell *)((char *)p - offsetof(struct cell, ptr));

	return c->hdr;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	char *mem;
	int st;

	page[0] = 7;
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
		return 1;
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return 1;
	root = ((struct cell *)mem)->ptr;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0 || pthread_create(&t, NULL, reader, NULL))
		return 1;
	if (look(root) != 7)
		return 1;
	if (fork() == 0)
		_exit(0);
	wait(&st);
	return WEXITSTATUS(st);
}
