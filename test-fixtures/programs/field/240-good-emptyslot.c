// style: a poll array with a userfaultfd in each slot
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int first, second;

static int make(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register r = { .range = { (uintptr_t)p, 8192 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, 0);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &r))
		exit(1);
	return fd;
}

static void serve(int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
		close(m.arg.fork.ufd);
}

static void *loop(void *a)
{
	struct pollfd p[2] = { { first, POLLIN, 0 }, { second, POLLIN, 0 } };

	while (poll(p, 2, -1) > 0) {
		if (p[0].revents)
			serve(p[0].fd);
		if (p[1].revents)
			serve(p[1].fd);
	}
	return a;
}

int main(void)
{
	pthread_t t;

	first = make();
	second = make();
	if (pthread_create(&t, NULL, loop, NULL))
		return 1;
	if (fork() == 0)
		_exit(0);
	return 0;
}
