// style: the reader is started by pthread_once() when the first range is armed
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int vm_fd = -1;
static pthread_t vm_thread;

static void *vm_main(void *unused)
{
	struct pollfd pfd = { .fd = vm_fd, .events = POLLIN };
	struct uffd_msg msg;

	while (poll(&pfd, 1, -1) == 1) {
		if (read(vm_fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_PAGEFAULT) {
			struct uffdio_zeropage z = { .range = { msg.arg.pagefault.address & ~4095ull, 4096 } };

			ioctl(vm_fd, UFFDIO_ZEROPAGE, &z);
		} else if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
		}
	}
	return unused;
}

static void vm_start(void)
{
	if (pthread_create(&vm_thread, NULL, vm_main, NULL) != 0)
		abort();
}

static int vm_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	vm_fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (vm_fd == -1)
		return -1;
	if (ioctl(vm_fd, UFFDIO_API, &api) == -1) {
		close(vm_fd);
		vm_fd = -1;
		return -1;
	}
	return 0;
}

static int vm_add(void *start, size_t len)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	pthread_once(&once, vm_start);
	reg.range.start = (uintptr_t)start;
	reg.range.len = len;
	return ioctl(vm_fd, UFFDIO_REGISTER, &reg);
}

static void vm_touch(volatile char *p)
{
	pthread_once(&once, vm_start);
	*p = 1;
}

static int spawn_worker(void)
{
	int status;
	pid_t pid = fork();

	if (pid == -1)
		return -1;
	if (pid == 0)
		_exit(0);
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	size_t len = 16 * 4096;
	char *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED || vm_open() == -1 || vm_add(mem, len) == -1) {
		perror("vm");
		return 1;
	}
	if (spawn_worker() != 0)
		return 1;
	vm_touch(mem);
	return 0;
}
