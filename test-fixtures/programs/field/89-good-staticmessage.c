// style: a static message, and one test of the result of read() after the other
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *pager(void *argument)
{
	static struct uffd_msg msg;
	long fd = (long)argument;
	ssize_t n;

	for (;;) {
		n = read(fd, &msg, sizeof(msg));
		if (n == 0) {
			printf("EOF on userfaultfd!\n");
			exit(EXIT_FAILURE);
		}
		if (n == -1)
			exit(EXIT_FAILURE);
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			continue;
		}
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			exit(EXIT_FAILURE);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	pthread_t thread;
	long fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd == -1 || ioctl(fd, UFFDIO_API, &api) == -1)
		exit(EXIT_FAILURE);
	if (pthread_create(&thread, NULL, pager, (void *)fd))
		exit(EXIT_FAILURE);
	pthread_join(thread, NULL);
	return 0;
}
