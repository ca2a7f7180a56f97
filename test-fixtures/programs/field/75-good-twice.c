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

static int fds[8], nt;
static int set(int *p, int fd) { *p = fd; return 0; }
static void *loop(void *arg)
{
	struct uffd_msg m;
	int i;

	for (;;)
		for (i = 0; i < nt; i++) {
			if (read(fds[i], &m, sizeof(m)) != sizeof(m))
				continue;
			if (m.event == UFFD_EVENT_FORK) {
				if (nt == 8 || set(&fds[nt], m.arg.fork.ufd)) {
					if (nt == 8)
					close(m.arg.fork.ufd);
					continue;
				}
				nt++;
			}
		}
	return arg;
}
int main(void)
{
	pthread_t t;

	fds[nt++] = uffd_open();
	pthread_create(&t, NULL, loop, NULL);
	pthread_join(t, NULL);
}
