// style: one thread for each child, with a copy of its parent's record
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

struct info { long uffd; };

static void *reader(void *arg)
{
	struct info *p = arg;
	
	struct uffd_msg msg;
	pthread_t t;

	for (;;) {
		if (read(p->uffd, &msg, sizeof(msg)) != sizeof(msg))
			exit(1);
		if (msg.event == UFFD_EVENT_FORK) {
			struct info *c = p;
			if (c == NULL)
				exit(1);
			
			c->uffd = msg.arg.fork.ufd; // expect: overwritten-parent-uffd
			if (pthread_create(&t, NULL, reader, c) != 0)
				exit(1);
		}
	}
}

int main(void)
{
	struct info *i = malloc(sizeof(*i));
	pthread_t t;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	if (fd == -1 || ioctl(fd, UFFDIO_API, &api) == -1)
		exit(1);
	i->uffd = fd;
	if (pthread_create(&t, NULL, reader, i) != 0)
		exit(1);
	pthread_join(t, NULL);
}
