#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
static int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		err(1, "uffd");
	return fd;
}
static char *arm(int fd)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	reg.range.start = (uintptr_t)p;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		err(1, "register");
	return p;
}

static pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
static int fd;
static void *loop(void *arg)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg m;

	while (poll(&p, 1, -1) > 0) {
		pthread_rwlock_rdlock(&l);
		if (read(fd, &m, sizeof(m)) == sizeof(m) && m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
		pthread_rwlock_unlock(&l);
	}
	return arg;
}
int main(void)
{
	pthread_t t;

	;
	fd = uffd_open();
	arm(fd);
	pthread_create(&t, NULL, loop, NULL);
	pthread_rwlock_rdlock(&l);
	if (fork() == 0)
		_exit(0);
	pthread_rwlock_unlock(&l);
	wait(NULL);
	return 0;
}
