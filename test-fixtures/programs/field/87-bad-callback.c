// style: a reader that calls a handler of its own through a structure
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_tracked(unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) == -1)
		exit(1);
	return fd;
}

static void arm(int fd, void *area)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	reg.range.start = (unsigned long)area;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1)
		exit(1);
}

struct watcher {
	int fd;
	int (*fault)(int fd, unsigned long long address);
	pthread_t thread;
	pthread_mutex_t lock;
};

static int zero(int fd, unsigned long long address)
{
	struct uffdio_zeropage z = { .range = { address & ~4095ull, 4096 } };

	return ioctl(fd, UFFDIO_ZEROPAGE, &z);
}

static void *watch(void *argument)
{
	struct watcher *w = argument;
	struct uffd_msg msg;

	for (;;) {
		pthread_mutex_lock(&w->lock); // expect: fork-deadlocks-monitor
		if (read(w->fd, &msg, sizeof(msg)) != sizeof(msg))
			exit(1);
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
		else
			w->fault(w->fd, msg.arg.pagefault.address);
		pthread_mutex_unlock(&w->lock);
	}
}

int main(void)
{
	struct watcher *w = malloc(sizeof(*w));

	if (w == NULL || pthread_mutex_init(&w->lock, NULL) != 0)
		return 1;
	w->fault = zero;
	w->fd = open_tracked(UFFD_FEATURE_EVENT_FORK);
	arm(w->fd, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	if (pthread_create(&w->thread, NULL, watch, w))
		return 1;
	pthread_mutex_lock(&w->lock);
	if (fork() == 0)
		_exit(0);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	return 0;
}
