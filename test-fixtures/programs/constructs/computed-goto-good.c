// style: a threaded dispatcher with labels as values; forks have a label of their own
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST UFFD_EVENT_PAGEFAULT
#define LAST UFFD_EVENT_UNMAP

struct gcheap {
	char *young;
	size_t size;
	int fd;
	unsigned skipped;
};

static long pagesize;

static void *collector(void *arg)
{
	static const void *const labels[] = {
		[UFFD_EVENT_PAGEFAULT - FIRST] = &&do_fault,
		[UFFD_EVENT_FORK - FIRST] = &&do_fork,
		[UFFD_EVENT_REMAP - FIRST] = &&do_skip,
		[UFFD_EVENT_REMOVE - FIRST] = &&do_skip,
		[UFFD_EVENT_UNMAP - FIRST] = &&do_skip,
	};
	struct gcheap *heap = arg;
	struct uffdio_zeropage zero;
	struct uffd_msg msg;

next:
	if (read(heap->fd, &msg, sizeof(msg)) != (ssize_t)sizeof(msg)) {
		if (errno == EINTR)
			goto next;
		return NULL;
	}
	if (msg.event < FIRST || msg.event > LAST)
		return NULL;
	goto *labels[msg.event - FIRST];

do_fault:
	zero.range.start = msg.arg.pagefault.address & -pagesize;
	zero.range.len = pagesize;
	zero.mode = 0;
	if (ioctl(heap->fd, UFFDIO_ZEROPAGE, &zero) == -1 && errno != EEXIST)
		return NULL;
	goto next;

do_fork:
	close(msg.arg.fork.ufd);
	goto next;

do_skip:
	heap->skipped++;
	goto next;
}

static int heap_create(struct gcheap *heap, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	heap->size = size;
	heap->young = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (heap->young == MAP_FAILED)
		return -1;
	heap->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (heap->fd == -1)
		return -1;
	if (ioctl(heap->fd, UFFDIO_API, &api) == -1)
		return -1;
	reg.range.start = (uintptr_t)heap->young;
	reg.range.len = size;
	return ioctl(heap->fd, UFFDIO_REGISTER, &reg);
}

int main(void)
{
	static struct gcheap heap;
	pthread_t thread;
	pid_t pid;

	pagesize = sysconf(_SC_PAGESIZE);
	if (heap_create(&heap, 16 * pagesize) == -1) {
		perror("heap");
		return 1;
	}
	if (pthread_create(&thread, NULL, collector, &heap))
		return 1;
	heap.young[0] = 1;
	madvise(heap.young, pagesize, MADV_DONTNEED);
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
