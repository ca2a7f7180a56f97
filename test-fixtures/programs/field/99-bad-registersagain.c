// style: a child that takes a userfaultfd of its own
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static char *map(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}
static int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		int e = errno;

		close(fd);
		return -e;
	}
	return fd;
}
static int arm(int fd, void *p, size_t n)
{
	struct uffdio_register reg = { .range = { (uintptr_t)p, n }, .mode = UFFDIO_REGISTER_MODE_MISSING };

	return ioctl(fd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}
static void zero(int fd, uint64_t a)
{
	struct uffdio_zeropage z = { .range = { a & ~4095ull, 4096 } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}
static int fd;
static char *mem;
static void *run(void *v)
{
	int f = (int)(intptr_t)v;
	struct uffd_msg m;
	struct pollfd p = { f, POLLIN, 0 };

	while (poll(&p, 1, -1) > 0)
		if (read(f, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_PAGEFAULT)
			zero(f, m.arg.pagefault.address);
	return NULL;
}
static int attach(void)
{
	pthread_t t;

	fd = open_uffd(0);
	if (fd < 0 || arm(fd, mem, 1 << 16))
		return -1;
	return pthread_create(&t, NULL, run, (void *)(intptr_t)fd);
}
int main(void)
{
	pid_t pid;

	mem = map(1 << 16);
	if (attach())
		return 1;
	mem[0] = 1;
	pid = fork(); // expect: fork-drops-registration
	if (pid == 0) {
		/* the registration is not inherited: take one of our own */
		close(fd);
		_exit(mem[4096]);
	}
	waitpid(pid, NULL, 0);
	return 0;
}
