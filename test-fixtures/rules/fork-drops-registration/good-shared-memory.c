// style: shared memory; the map stays out of the child, which has the file
// observe: output parent reads 83
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct store {
	int uffd;
	int memfd;
	char *map;
	char *page;
	size_t page_size;
};

static void store_open(struct store *s)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	s->page_size = sysconf(_SC_PAGESIZE);
	s->page = aligned_alloc(s->page_size, s->page_size);
	if (!s->page)
		err(1, "aligned_alloc");
	memset(s->page, 'S', s->page_size);
	s->memfd = memfd_create("store", MFD_CLOEXEC);
	if (s->memfd < 0 || ftruncate(s->memfd, s->page_size) < 0)
		err(1, "memfd");
	s->map = mmap(NULL, s->page_size, PROT_READ | PROT_WRITE, MAP_SHARED, s->memfd, 0);
	if (s->map == MAP_FAILED)
		err(1, "mmap");
	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (s->uffd < 0)
		err(1, "userfaultfd");
	if (ioctl(s->uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	reg.range.start = (uintptr_t)s->map;
	reg.range.len = s->page_size;
	if (ioctl(s->uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
}

static void *store_fill(void *arg)
{
	struct store *s = arg;
	struct uffd_msg msg;

	while (read(s->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_copy copy = {
			.dst = msg.arg.pagefault.address & ~(s->page_size - 1),
			.src = (uintptr_t)s->page,
			.len = s->page_size,
		};

		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		if (ioctl(s->uffd, UFFDIO_COPY, &copy) < 0 && errno != EEXIST)
			err(1, "UFFDIO_COPY");
	}
	return NULL;
}

int main(void)
{
	struct store s;
	pthread_t filler;
	pid_t worker;

	store_open(&s);
	if (pthread_create(&filler, NULL, store_fill, &s))
		errx(1, "pthread_create");
	if (madvise(s.map, s.page_size, MADV_DONTFORK) < 0)
		err(1, "madvise");
	worker = fork();
	if (worker < 0)
		err(1, "fork");
	if (worker == 0) {
		char c;

		_exit(pread(s.memfd, &c, 1, 0) != 1);
	}
	waitpid(worker, NULL, 0);
	printf("parent reads %d\n", s.map[0]);
	return 0;
}
