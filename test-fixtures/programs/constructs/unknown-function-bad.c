// style: functions of a plug-in that is not shown; none of them is given the child
// observe: uffd-left 2
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

/* plug-in interface; a build without plug-ins has none of these */
struct uvm_space;
extern int uvm_plugin_tick(const char *phase, unsigned generation) __attribute__((weak));
extern int uvm_plugin_claim_child(struct uvm_space *space, int fd) __attribute__((weak));
extern void uvm_plugin_log(int level, const char *format, ...) __attribute__((weak));

struct uvm_space {
	int fd;
	unsigned generation;
	unsigned char *start;
	size_t length;
};

static void uvm_zero(const struct uvm_space *space, unsigned long address)
{
	struct uffdio_zeropage arg = { .mode = 0 };

	arg.range.start = address & ~4095ul;
	arg.range.len = 4096;
	if (ioctl(space->fd, UFFDIO_ZEROPAGE, &arg) < 0 && errno != EEXIST && uvm_plugin_log)
		uvm_plugin_log(3, "zeropage %lx: %m", address);
}

static void uvm_child(struct uvm_space *space, int fd)
{
	space->generation++;
	if (uvm_plugin_tick)
		uvm_plugin_tick("fork", space->generation);
	if (uvm_plugin_log)
		uvm_plugin_log(6, "generation %u", space->generation);
	(void)fd;
}

static void *uvm_loop(void *data)
{
	struct uvm_space *space = data;
	struct pollfd pfd = { space->fd, POLLIN, 0 };
	struct uffd_msg msg;

	while (poll(&pfd, 1, -1) >= 0) {
		if (read(space->fd, &msg, sizeof msg) != sizeof msg)
			continue;
		if (msg.event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
			uvm_child(space, msg.arg.fork.ufd);
			continue;
		}
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			uvm_zero(space, msg.arg.pagefault.address);
	}
	return NULL;
}

static int uvm_open(struct uvm_space *space, size_t pages)
{
	struct uffdio_api api = { UFFD_API, UFFD_FEATURE_EVENT_FORK, 0 };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	space->length = pages * 4096;
	space->start = mmap(NULL, space->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	space->fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (space->start == MAP_FAILED || space->fd < 0 || ioctl(space->fd, UFFDIO_API, &api) < 0)
		return -1;
	reg.range.start = (uintptr_t)space->start;
	reg.range.len = space->length;
	return ioctl(space->fd, UFFDIO_REGISTER, &reg);
}

int main(void)
{
	static struct uvm_space space;
	pthread_t thread;
	pid_t pid;

	if (uvm_open(&space, 8) < 0 || pthread_create(&thread, NULL, uvm_loop, &space))
		return 1;
	space.start[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	usleep(20000); /* the reader may still be at the last event */
	return space.generation != 1;
}
