// style: a slot for the last child, replaced with an atomic exchange whose result is dropped
// observe: uffd-left 3
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int last_child = -1;
static atomic_bool stopping;
static atomic_uint served;

static bool serve_one(int uffd)
{
	struct uffd_msg msg;
	ssize_t n = read(uffd, &msg, sizeof msg);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if ((size_t)n < sizeof msg)
		return false;
	if (msg.event == UFFD_EVENT_FORK) {
		(void)atomic_exchange(&last_child, (int)msg.arg.fork.ufd); // expect: leaked-child-uffd
	}
	atomic_fetch_add(&served, 1);
	return true;
}

static void *reader(void *arg)
{
	int uffd = (int)(intptr_t)arg;
	struct pollfd pfd = { .fd = uffd, .events = POLLIN };

	while (!atomic_load(&stopping)) {
		if (poll(&pfd, 1, 50) <= 0)
			continue;
		if (!serve_one(uffd))
			break;
	}
	return NULL;
}

static int start(void *base, size_t size)
{
	struct uffdio_api api;
	struct uffdio_register reg;
	int uffd;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1)
		return -1;
	memset(&api, 0, sizeof api);
	api.api = UFFD_API;
	api.features |= UFFD_FEATURE_EVENT_FORK;
	if (ioctl(uffd, UFFDIO_API, &api) == -1)
		goto fail;
	memset(&reg, 0, sizeof reg);
	reg.range.start = (uintptr_t)base;
	reg.range.len = size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		goto fail;
	return uffd;
fail:
	close(uffd);
	return -1;
}

int main(void)
{
	size_t size = 4 * sysconf(_SC_PAGESIZE);
	void *base = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int uffd = base == MAP_FAILED ? -1 : start(base, size);
	pthread_t thread;

	if (uffd == -1 || pthread_create(&thread, NULL, reader, (void *)(intptr_t)uffd) != 0) {
		perror("start");
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	atomic_store(&stopping, true);
	pthread_join(thread, NULL);
	printf("%u served\n", atomic_load(&served));
	return 0;
}
