// style: children in a hash table with chains; a second key in use loses the descriptor
// observe: uffd-left 3
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

/* slab tracer: one entry per traced process, found by generation */

#define NBUCKETS 16u

struct entry {
	struct entry *next;
	unsigned generation;
	int uffd;
};

static struct entry *buckets[NBUCKETS];
static struct entry pool[8];
static unsigned pool_used;

static struct entry **bucket_of(unsigned generation)
{
	return &buckets[(generation * 2654435761u) % NBUCKETS];
}

static struct entry *lookup(unsigned generation)
{
	struct entry *e;

	for (e = *bucket_of(generation); e; e = e->next)
		if (e->generation == generation)
			return e;
	return NULL;
}

static int insert(unsigned generation, int uffd)
{
	struct entry **head = bucket_of(generation);
	struct entry *e;

	if (pool_used == sizeof(pool) / sizeof(pool[0]))
		return -ENOSPC;
	e = &pool[pool_used++];
	e->generation = generation;
	e->uffd = uffd;
	e->next = *head;
	*head = e;
	return 0;
}

static void child_appeared(unsigned generation, int uffd)
{
	if (lookup(generation))
		return; // expect: leaked-child-uffd
	if (insert(generation, uffd) < 0)
		close(uffd);
}

static void *trace(void *arg)
{
	const int *uffd = arg;
	struct uffd_msg msg;

	for (;;) {
		ssize_t n = read(*uffd, &msg, sizeof(msg));

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(msg))
			break;
		if (msg.event == UFFD_EVENT_FORK)
			child_appeared(1, msg.arg.fork.ufd);
		else if (msg.event != UFFD_EVENT_PAGEFAULT)
			fprintf(stderr, "event %#x\n", msg.event);
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long page = sysconf(_SC_PAGESIZE);
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC), i;
	pthread_t tracer;
	void *slab;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0) {
		perror("userfaultfd");
		return 1;
	}
	slab = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slab == MAP_FAILED)
		return 1;
	reg.range.start = (uintptr_t)slab;
	reg.range.len = 8 * page;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0) {
		perror("UFFDIO_REGISTER");
		return 1;
	}
	if (pthread_create(&tracer, NULL, trace, &uffd))
		return 1;
	for (i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
