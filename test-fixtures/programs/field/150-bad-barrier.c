// style: a garbage collector whose spaces are looked at with select()
/*
 * Concurrent mark phase with a userfaultfd write barrier.
 *
 * The collector write-protects the old generation.  A barrier thread records
 * the dirtied cards and lifts the protection.  Finalizers run in a forked
 * process, which inherits the protected heap and is watched as well.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAP_CARDS 128
#define CARD 4096UL
#define MAX_SPACES 6

struct space {
	int fd;			/* < 0: free */
	bool foreign;		/* heap of a forked finalizer */
	uint8_t dirty[HEAP_CARDS];
};

struct collector {
	uint8_t *heap;
	size_t size;
	struct space spaces[MAX_SPACES];
	int stop[2];
	pthread_t barrier;
	atomic_uint faults;
	pid_t finalizer;
};

static struct collector gc;

static int gc_protect(int fd, uintptr_t start, size_t len, bool on)
{
	struct uffdio_writeprotect wp;

	wp.range.start = start;
	wp.range.len = len;
	wp.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0;
	while (ioctl(fd, UFFDIO_WRITEPROTECT, &wp) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		/* Somebody forks: the thread repeats its write. */
		if (!on)
			return ioctl(fd, UFFDIO_WAKE, &wp.range) ? -errno : 0;
	}
	return 0;
}

static int gc_init(size_t cards)
{
	struct uffdio_api api;
	struct uffdio_register reg;
	int i, fd;

	for (i = 0; i < MAX_SPACES; i++)
		gc.spaces[i].fd = -1;
	gc.size = cards * CARD;
	gc.heap = mmap(NULL, gc.size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (gc.heap == MAP_FAILED)
		return -errno;
	memset(gc.heap, 0x11, gc.size);
	if (pipe2(gc.stop, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;

	fd = syscall(SYS_userfaultfd, O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
	api.features |= UFFD_FEATURE_EVENT_FORK;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		i = errno;
		close(fd);
		return -i;
	}
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)gc.heap;
	reg.range.len = gc.size;
	reg.mode = UFFDIO_REGISTER_MODE_WP;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0) {
		i = errno;
		close(fd);
		return -i;
	}
	gc.spaces[0].fd = fd;
	return 0;
}

static struct space *space_for(int fd)
{
	for (int i = 0; i < MAX_SPACES; i++) {
		if (gc.spaces[i].fd < 0) {
			gc.spaces[i].fd = fd;
			return &gc.spaces[i];
		}
	}
	return NULL;
}

static void barrier_message(struct space *sp, const struct uffd_msg *m)
{
	if (m->event == UFFD_EVENT_FORK) {
		struct space *child = space_for((int)m->arg.fork.ufd);

		if (child)
			child->foreign = true;
		else
			close((int)m->arg.fork.ufd);
	} else if (m->event == UFFD_EVENT_PAGEFAULT) {
		uintptr_t at = m->arg.pagefault.address & ~(CARD - 1);

		assert(m->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP);
		sp->dirty[(at - (uintptr_t)gc.heap) / CARD] = 1;
		atomic_fetch_add(&gc.faults, 1);
		gc_protect(sp->fd, at, CARD, false);
	}
}

static void *barrier_main(void *unused)
{
	(void)unused;
	for (;;) {
		struct uffd_msg msg;
		fd_set in;
		int top = gc.stop[0];

		FD_ZERO(&in);
		FD_SET(gc.stop[0], &in);
		for (int i = 0; i < MAX_SPACES; i++) {
			if (gc.spaces[i].fd < 0)
				continue;
			FD_SET(gc.spaces[i].fd, &in);
			if (gc.spaces[i].fd > top)
				top = gc.spaces[i].fd;
		}
		if (select(top + 1, &in, NULL, NULL, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		if (FD_ISSET(gc.stop[0], &in))
			return NULL;
		for (int i = 0; i < MAX_SPACES; i++) {
			struct space *sp = &gc.spaces[i];

			if (sp->fd < 0 || !FD_ISSET(sp->fd, &in))
				continue;
			if (read(sp->fd, &msg, sizeof(msg)) == sizeof(msg))
				barrier_message(sp, &msg);
		}
	}
}

static int gc_start_barrier(void)
{
	return -pthread_create(&gc.barrier, NULL, barrier_main, NULL);
}

static int gc_start_finalizer(void)
{
	gc.finalizer = fork(); // expect: fork-event-never-read
	if (gc.finalizer < 0)
		return -errno;
	if (gc.finalizer == 0) {
		for (size_t i = 0; i < gc.size; i += 8 * CARD)
			gc.heap[i] = 0x33;
		_exit(0);
	}
	return 0;
}

static int gc_cycle(void)
{
	int rc;

	rc = gc_protect(gc.spaces[0].fd, (uintptr_t)gc.heap, gc.size, true);
	if (rc < 0)
		return rc;
	rc = gc_start_finalizer();
	if (rc < 0)
		return rc;
	rc = gc_start_barrier();
	if (rc < 0)
		return rc;
	/* mutator */
	for (size_t i = 0; i < gc.size; i += 4 * CARD)
		gc.heap[i] = 0x22;
	return 0;
}

static void gc_finish(void)
{
	int st = 0;

	waitpid(gc.finalizer, &st, 0);
	if (write(gc.stop[1], "x", 1) == 1)
		pthread_join(gc.barrier, NULL);
	for (int i = 0; i < MAX_SPACES; i++) {
		unsigned cards = 0;

		if (gc.spaces[i].fd < 0)
			continue;
		for (int c = 0; c < HEAP_CARDS; c++)
			cards += gc.spaces[i].dirty[c];
		printf("space %d (%s): %u dirty cards\n", i,
		       gc.spaces[i].foreign ? "finalizer" : "own", cards);
		close(gc.spaces[i].fd);
		gc.spaces[i].fd = -1;
	}
}

int main(void)
{
	int rc = gc_init(HEAP_CARDS);

	if (rc == 0)
		rc = gc_cycle();
	if (rc < 0) {
		fprintf(stderr, "gc: %s\n", strerror(-rc));
		return 1;
	}
	gc_finish();
	return 0;
}
