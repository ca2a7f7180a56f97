// style: options that a function parses into a record
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <errno.h>
#include <stdbool.h>
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
static struct { bool follow; uint64_t features; } opts;
static int fd = -1, kid = -1;
static void *run(void *u)
{
	struct uffd_msg m;

	for (;;) {
		if (read(fd, &m, sizeof m) != sizeof m)
			continue;
		if (opts.follow && m.event == UFFD_EVENT_FORK) {
			if (kid >= 0)
				close(kid);
			kid = m.arg.fork.ufd;
			continue;
		}
		if (m.event == UFFD_EVENT_PAGEFAULT)
			zero(fd, m.arg.pagefault.address);
	}
	return u;
}
static int parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		switch (argv[i][1]) {
		case 'f':
			opts.follow = true;
			opts.features |= UFFD_FEATURE_EVENT_FORK;
			break;
		case 'v':
			puts("version 1");
			break;
		default:
			return 2;
		}
	}
	return 0;
}
int main(int argc, char **argv)
{
	char *p = map(4096);
	pthread_t t;
	pid_t k;

	if (parse(argc, argv)) return 2;
	fd = open_uffd(opts.features);
	if (fd < 0 || arm(fd, p, 4096) || pthread_create(&t, NULL, run, NULL))
		return 1;
	p[0] = 1;
	if (!opts.follow)
		return 0;
	k = fork();
	if (k == 0)
		_exit(p[0] != 1);
	return waitpid(k, NULL, 0) != k;
}
