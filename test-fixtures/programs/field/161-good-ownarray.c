// style: children in an array of the thread that reads them
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *reader(void *arg)
{
	int uffd = *(int *)arg, child[8], n = 0;
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK && n < 8)
			child[n++] = msg.arg.fork.ufd;
		else if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
	}
	while (n > 0)
		close(child[--n]);
	return NULL;
}

int main(void)
{
	pthread_t t;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	if (fd == -1 || ioctl(fd, UFFDIO_API, &api) == -1)
		exit(1);
	for (;;) {
		if (pthread_create(&t, NULL, reader, &fd) != 0)
			exit(1);
		pthread_join(t, NULL);
	}
}
