// style: a message that helpers copy, member by member and into a record
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

static int open_tracked(unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) == -1)
		exit(1);
	return fd;
}

struct item {
	struct uffd_msg msg;
	int generation;
};

static int next_message(int fd, struct uffd_msg *out)
{
	struct uffd_msg msg;

	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	out->event = msg.event;
	out->arg = msg.arg;
	return 0;
}

static void handle(struct item *item)
{
	if (item->msg.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
		printf("child of generation %d\n", item->generation);
}

int main(void)
{
	int fd = open_tracked(UFFD_FEATURE_EVENT_FORK);
	struct uffd_msg msg;

	for (int n = 0; next_message(fd, &msg) == 0; n++) {
		struct item item = { msg, n };

		handle(&item);
	}
	return 0;
}
