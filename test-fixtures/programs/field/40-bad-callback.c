#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
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

/* watcher with optional callbacks, GLib style */

typedef struct _Watcher Watcher;
typedef int (*WatcherForkFunc)(Watcher *self, int child_fd, void *user_data);
typedef void (*WatcherFaultFunc)(Watcher *self, uint64_t address, void *user_data);

struct _Watcher {
	int fd;
	WatcherForkFunc fork_func;
	void *fork_data;
	WatcherFaultFunc fault_func;
	void *fault_data;
	size_t page_size;
	unsigned n_events;
};

static Watcher *watcher_new(uint64_t features)
{
	Watcher *self = calloc(1, sizeof(Watcher));
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	if (!self)
		return NULL;
	self->page_size = sysconf(_SC_PAGESIZE);
	self->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (self->fd < 0)
		goto error;
	if (ioctl(self->fd, UFFDIO_API, &api) < 0)
		goto error;
	return self;

error:
	if (self->fd >= 0)
		close(self->fd);
	free(self);
	return NULL;
}

static void watcher_set_fork_func(Watcher *self, WatcherForkFunc func, void *data)
{
	self->fork_func = func;
	self->fork_data = data;
}

static void watcher_set_fault_func(Watcher *self, WatcherFaultFunc func, void *data)
{
	self->fault_func = func;
	self->fault_data = data;
}

static int watcher_add(Watcher *self, void *start, size_t len)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)start, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(self->fd, UFFDIO_REGISTER, &reg);
}

static int watcher_iterate(Watcher *self)
{
	struct uffd_msg msg;

	if (read(self->fd, &msg, sizeof(msg)) != (ssize_t)sizeof(msg))
		return errno == EINTR;
	self->n_events++;
	switch (msg.event) {
	case UFFD_EVENT_PAGEFAULT:
		if (self->fault_func)
			self->fault_func(self, msg.arg.pagefault.address, self->fault_data);
		return 1;
	case UFFD_EVENT_FORK: {
		int child = msg.arg.fork.ufd;

		if (!self->fork_func || !self->fork_func(self, child, self->fork_data))
			close(child);
		return 1; // expect: leaked-child-uffd
	}
	}
	return 0;
}

static void *watcher_thread(void *p)
{
	while (watcher_iterate(p))
		;
	return NULL;
}

/* ---- application ---- */

typedef struct {
	unsigned n_children;
	int last_child;
} Stats;

static void on_fault(Watcher *w, uint64_t address, void *user_data)
{
	struct uffdio_zeropage z = {
		.range = { .start = address & ~(uint64_t)(w->page_size - 1), .len = w->page_size },
	};

	(void)user_data;
	while (ioctl(w->fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

/* Returns 1 when the descriptor was taken over. */
static int on_fork(Watcher *w, int child_fd, void *user_data)
{
	Stats *stats = user_data;

	(void)w;
	stats->n_children++;
	fprintf(stderr, "child %u on descriptor %d\n", stats->n_children, child_fd);
	return 1;
}

int main(void)
{
	Watcher *w = watcher_new(UFFD_FEATURE_EVENT_FORK);
	Stats stats = { 0, -1 };
	pthread_t t;
	char *mem;
	int i;

	if (!w) {
		perror("watcher_new");
		return 1;
	}
	mem = mmap(NULL, 4 * w->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return 1;
	watcher_set_fork_func(w, on_fork, &stats);
	watcher_set_fault_func(w, on_fault, NULL);
	if (watcher_add(w, mem, 4 * w->page_size) < 0) {
		perror("watcher_add");
		return 1;
	}
	if (pthread_create(&t, NULL, watcher_thread, w) != 0)
		return 1;
	mem[0] = 'x';
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(mem[0] != 'x');
		waitpid(pid, NULL, 0);
	}
	printf("%u events, %u children\n", w->n_events, stats.n_children);
	return 0;
}
