// style: dup() of the child's descriptor is kept, the original is closed
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

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The observer library takes descriptors over, and closes them when it wants to. */
struct observer {
	int handles[16];
	size_t count;
};

static struct observer observer;

static int observer_adopt(struct observer *o, int fd)
{
	if (o->count >= ARRAY_SIZE(o->handles))
		return -1;
	o->handles[o->count++] = fd;
	return 0;
}

static int observe_child(struct observer *o, int child)
{
	int copy = dup(child);

	if (copy < 0) {
		close(child);
		return -1;
	}
	if (observer_adopt(o, copy) < 0) {
		close(copy);
		close(child);
		return -1;
	}
	close(child);
	return 0;
}

static void *event_thread(void *arg)
{
	int uffd = (int)(intptr_t)arg;
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg)) {
		switch (msg.event) {
		case UFFD_EVENT_FORK:
			if (observe_child(&observer, msg.arg.fork.ufd) < 0)
				fputs("one child is not observed\n", stderr);
			break;
		case UFFD_EVENT_PAGEFAULT:
			fputs("nobody should touch this\n", stderr);
			exit(1);
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK,
	};
	struct uffdio_register reg = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	pthread_t thread;
	void *guard;
	int uffd, i;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0) {
		perror("userfaultfd");
		return 1;
	}
	if (ioctl(uffd, UFFDIO_API, &api)) {
		perror("UFFDIO_API");
		return 1;
	}
	guard = mmap(NULL, getpagesize(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guard == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	reg.range.start = (uintptr_t)guard;
	reg.range.len = getpagesize();
	if (ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		perror("UFFDIO_REGISTER");
		return 1;
	}
	if (pthread_create(&thread, NULL, event_thread, (void *)(intptr_t)uffd))
		return 1;
	for (i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
