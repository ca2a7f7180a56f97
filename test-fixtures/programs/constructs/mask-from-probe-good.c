// style: everything wanted that a probe reported; the reader knows all of it
// observe: uffd-left 1
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct capability {
	const char *name;
	uint64_t bit;
	bool wanted;
};

static const struct capability capabilities[] = {
	{ "exact-address", 1 << 11, false },
	{ "fork", UFFD_FEATURE_EVENT_FORK, true },
	{ "remap", UFFD_FEATURE_EVENT_REMAP, true },
	{ "thread-id", UFFD_FEATURE_THREAD_ID, false },
};

static uint64_t
probe(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd == -1)
		err(1, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) == -1)
		api.features = 0;
	close(fd);
	return api.features;
}

static int
open_with(uint64_t available)
{
	struct uffdio_api api = { .api = UFFD_API };
	size_t i;
	int fd;

	for (i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
		if (capabilities[i].wanted)
			api.features |= capabilities[i].bit & available;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd == -1)
		err(1, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");
	return fd;
}

static void *
reader(void *arg)
{
	int fd = *(int *)arg;
	static struct uffd_msg msg;
	static uint64_t moved;

	while (read(fd, &msg, sizeof msg) == sizeof msg) {
		if (msg.event == UFFD_EVENT_REMAP)
			moved += msg.arg.remap.len;
		else if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
	}
	return &moved;
}

int
main(void)
{
	size_t len = 4 * (size_t)sysconf(_SC_PAGESIZE);
	int fd = open_with(probe());
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register r = {
		.range = { (uintptr_t)p, len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	pthread_t thread;
	pid_t pid;

	if (p == MAP_FAILED)
		err(1, "mmap");
	if (ioctl(fd, UFFDIO_REGISTER, &r) == -1)
		err(1, "UFFDIO_REGISTER");
	if ((errno = pthread_create(&thread, NULL, reader, &fd)))
		err(1, "pthread_create");
	switch (pid = fork()) {
	case -1:
		err(1, "fork");
	case 0:
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	if (mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)p - 64 * len) == MAP_FAILED)
		err(1, "mremap");
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
