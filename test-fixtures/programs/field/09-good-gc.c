/*
 * Generational collector with a userfaultfd-wp remembered set.
 *
 * gc_init() makes the heap, gc_protect() write-protects the old generation,
 * a barrier thread records the cards.  The mutator forks to checkpoint.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
	uint8_t *start;
	size_t bytes;
	uint8_t *cards;
} generation_t;

static struct {
	int uffd;
	size_t page;
	generation_t old;
	pthread_t barrier;
	unsigned long hits;
} gc = { .uffd = -1 };

#define GC_ASSERT(cond, msg)                                           \
	do {                                                           \
		if (!(cond)) {                                         \
			fprintf(stderr, "gc: %s (%m)\n", msg);         \
			abort();                                       \
		}                                                      \
	} while (0)

static void wp_range(int fd, void *p, size_t n, int on)
{
	struct uffdio_writeprotect wp;

	wp.range.start = (uintptr_t)p;
	wp.range.len = n;
	wp.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0;
	while (ioctl(fd, UFFDIO_WRITEPROTECT, &wp) == -1)
		GC_ASSERT(errno == EAGAIN, "UFFDIO_WRITEPROTECT");
}

static void mark_card(uint64_t addr)
{
	size_t card = (addr - (uintptr_t)gc.old.start) / gc.page;

	gc.old.cards[card] = 1;
	gc.hits++;
	wp_range(gc.uffd, gc.old.start + card * gc.page, gc.page, 0);
}

static void *barrier_main(void *unused)
{
	struct uffd_msg ev;

	(void)unused;
	while (read(gc.uffd, &ev, sizeof ev) == sizeof ev) {
		switch (ev.event) {
		case UFFD_EVENT_PAGEFAULT:
			GC_ASSERT(ev.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP, "not a wp fault");
			mark_card(ev.arg.pagefault.address);
			break;
		case UFFD_EVENT_FORK:
			/* A checkpoint only reads. Dropping the descriptor unprotects it. */
			close(ev.arg.fork.ufd);
			break;
		}
	}
	return NULL;
}

static void gc_init(size_t bytes)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_FORK,
	};

	gc.page = getpagesize();
	gc.old.bytes = bytes;
	gc.old.start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	GC_ASSERT(gc.old.start != MAP_FAILED, "mmap");
	gc.old.cards = calloc(bytes / gc.page, 1);
	GC_ASSERT(gc.old.cards, "calloc");
	gc.uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	GC_ASSERT(gc.uffd >= 0, "userfaultfd");
	GC_ASSERT(ioctl(gc.uffd, UFFDIO_API, &api) == 0, "UFFDIO_API");
}

static void gc_protect(void)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)gc.old.start, gc.old.bytes },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	GC_ASSERT(!ioctl(gc.uffd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER");
	wp_range(gc.uffd, gc.old.start, gc.old.bytes, 1);
}

static void gc_start_barrier(void)
{
	GC_ASSERT(pthread_create(&gc.barrier, NULL, barrier_main, NULL) == 0, "pthread_create");
}

/* Writes the heap as of now; returns the pid of the writer. */
static pid_t gc_checkpoint(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		unsigned long sum = 0;

		for (size_t i = 0; i < gc.old.bytes; i += gc.page)
			sum += gc.old.start[i];
		_exit(sum & 1);
	}
	return pid;
}

int main(void)
{
	pid_t pid;
	int st;

	gc_init(32 * getpagesize());
	memset(gc.old.start, 2, gc.old.bytes);
	gc_protect();
	gc_start_barrier();
	pid = gc_checkpoint();
	gc.old.start[3 * gc.page] = 4;
	gc.old.start[9 * gc.page] = 6;
	if (pid < 0 || waitpid(pid, &st, 0) < 0)
		return 1;
	printf("%lu barrier hits, checkpoint %d\n", gc.hits, WEXITSTATUS(st));
	return 0;
}
