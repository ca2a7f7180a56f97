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

static struct pollfd p[2];
static unsigned long unmapped;
static int open2(unsigned long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		err(1, "uffd");
	return fd;
}
static void *loop(void *arg)
{

	struct uffd_msg m;
	int i;

	for (;;)
		for (i = 0; i < 2; i++)
			if (read(p[i].fd, &m, sizeof(m)) == sizeof(m) && m.event == UFFD_EVENT_UNMAP) // expect: missing-feature
				unmapped += m.arg.remove.end - m.arg.remove.start;
	return NULL;
}
int main(void)
{

	pthread_t t;

	p[0].fd = open2(0);
	p[1].fd = open2(UFFD_FEATURE_EVENT_REMAP);
	pthread_create(&t, NULL, loop, p);
	pthread_join(t, NULL);
	return 0;
}
