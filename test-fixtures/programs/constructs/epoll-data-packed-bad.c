// style: kind and descriptor packed into epoll_event.data.u64; a child that cannot be added is forgotten
// observe: uffd-left 3
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind { KIND_STOP = 1, KIND_UFFD = 2 };

#define PACK(kind, fd) ((uint64_t)(kind) << 32 | (uint32_t)(fd))
#define KIND(data) ((enum kind)((data) >> 32))
#define FD(data) ((int)((data) & 0xffffffff))

static int epfd, stopfd;
static unsigned budget = 3, not_served;

static int add(enum kind kind, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = PACK(kind, fd) };

	if (budget == 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -1; // expect: leaked-child-uffd
	budget--;
	return 0;
}

static int on_uffd(int fd)
{
	struct uffdio_zeropage z = { .mode = 0 };
	struct uffd_msg msg;

	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return errno == EAGAIN ? 0 : -errno;
	if (msg.event == UFFD_EVENT_PAGEFAULT) {
		z.range.start = msg.arg.pagefault.address & -4096ull;
		z.range.len = 4096;
		return ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno != EEXIST ? -errno : 0;
	}
	if (msg.event == UFFD_EVENT_FORK) {
		if (add(KIND_UFFD, msg.arg.fork.ufd) < 0)
			not_served++;
		return 0;
	}
	return 0;
}

static void *loop(void *unused)
{
	struct epoll_event ev;
	int n;

	for (;;) {
		n = epoll_wait(epfd, &ev, 1, -1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || KIND(ev.data.u64) == KIND_STOP)
			break;
		if (on_uffd(FD(ev.data.u64)) < 0)
			break;
	}
	return unused;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;
	char *mem;
	int uffd;

	epfd = epoll_create1(EPOLL_CLOEXEC);
	stopfd = eventfd(0, EFD_CLOEXEC);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	mem = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (epfd < 0 || stopfd < 0 || uffd < 0 || mem == MAP_FAILED || ioctl(uffd, UFFDIO_API, &api) < 0)
		return EXIT_FAILURE;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0 || add(KIND_STOP, stopfd) < 0 || add(KIND_UFFD, uffd) < 0)
		return EXIT_FAILURE;
	if (pthread_create(&thread, NULL, loop, NULL) != 0)
		return EXIT_FAILURE;
	mem[0] = 1;
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	eventfd_write(stopfd, 1);
	pthread_join(thread, NULL);
	return EXIT_SUCCESS;
}
