// style: a helper swaps two descriptors and returns the old one; the caller drops it
// observe: uffd-left 4
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

struct slot {
	pthread_mutex_t lock;
	int fd;
};

static struct slot newest = { PTHREAD_MUTEX_INITIALIZER, -1 };

static int slot_replace(struct slot *slot, int fd)
{
	int old;

	pthread_mutex_lock(&slot->lock);
	old = slot->fd;
	slot->fd = fd;
	pthread_mutex_unlock(&slot->lock);
	return old;
}

static void maybe_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void *events(void *arg)
{
	int uffd = *(int *)arg;
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK) {
			slot_replace(&newest, msg.arg.fork.ufd); // expect: leaked-child-uffd
		} else if (msg.event == UFFD_EVENT_UNMAP) {
			maybe_close(slot_replace(&newest, -1));
			break;
		}
	}
	return NULL;
}

static int watch(void *mem, size_t len)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_UNMAP,
	};
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)mem, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &reg) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int main(void)
{
	size_t len = 1 << 16;
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	int uffd, i;

	if (mem == MAP_FAILED || (uffd = watch(mem, len)) < 0) {
		perror("watch");
		return 1;
	}
	if (pthread_create(&thread, NULL, events, &uffd) != 0)
		return 1;
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
