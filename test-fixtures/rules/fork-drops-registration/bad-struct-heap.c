// style: heap region in a struct
// observe: output snapshot sums 0
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

struct heap {
	int uffd;
	unsigned char *base;
	size_t size;
};

static unsigned char stored[4096] __attribute__((aligned(4096))) = "stored";

static int heap_open(struct heap *h, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	h->size = size;
	h->uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (h->uffd < 0)
		return -errno;
	if (ioctl(h->uffd, UFFDIO_API, &api))
		goto fail;
	h->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h->base == MAP_FAILED)
		goto fail;
	reg.range.start = (uintptr_t)h->base;
	reg.range.len = size;
	if (ioctl(h->uffd, UFFDIO_REGISTER, &reg))
		goto fail;
	return 0;
fail:
	close(h->uffd);
	return -1;
}

static void *serve(void *p)
{
	struct heap *h = p;
	struct uffd_msg msg;

	while (read(h->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_copy c = { .src = (uintptr_t)stored, .dst = msg.arg.pagefault.address & ~4095ULL, .len = 4096 };

		if (msg.event == UFFD_EVENT_PAGEFAULT)
			ioctl(h->uffd, UFFDIO_COPY, &c);
	}
	return NULL;
}

static pid_t snapshot(struct heap *h)
{
	pid_t pid = fork(); // expect: fork-drops-registration

	if (pid == 0) {
		unsigned long sum = 0;

		for (size_t i = 0; i < h->size; i += 4096)
			sum += h->base[i];
		printf("snapshot sums %lu\n", sum);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

int main(void)
{
	struct heap h;
	pthread_t t;
	pid_t pid;

	if (heap_open(&h, 16 * 4096))
		return 1;
	if (pthread_create(&t, NULL, serve, &h))
		return 1;
	pid = snapshot(&h);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return 0;
}
